import { expect, it } from "vitest";
import { splitNames } from "../../src/cli/work/data.js";

it("takes each name of a list once", () => {
  expect(splitNames(" gsm8k, openfunctions,,gsm8k ")).toEqual(["gsm8k", "openfunctions"]);
  expect(splitNames("")).toEqual([]);
});
