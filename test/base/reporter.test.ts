import { expect, it } from "vitest";
import { silentReporter, warningOnce } from "../../src/base/reporter.js";

it("warningOnce says a warning once and everything else as often as it comes", () => {
  const said: string[] = [];
  const say = (sentence: string): void => {
    said.push(sentence);
  };
  const reporter = warningOnce({ ...silentReporter, note: say, finish: say, warn: say });
  reporter.warn("a");
  reporter.note("n");
  reporter.warn("a");
  reporter.note("n");
  reporter.warn("b");
  reporter.finish("f");
  expect(said).toEqual(["a", "n", "n", "b", "f"]);
});
