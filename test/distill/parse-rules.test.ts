import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseRules } from "../../src/distill/rules/parse-rules.js";
import { authorsRules, defaultRules } from "../../src/distill/rules/registry.js";
import { temporaryFolder } from "../temporary-folder.js";

const folder = temporaryFolder();
const parse = (wish: Parameters<typeof parseRules>[0]) => parseRules(wish, "--rules");

describe("parseRules", () => {
  it("knows the presets, and takes the default one where nothing is said", async () => {
    expect(await parse(undefined)).toEqual(defaultRules);
    expect(await parse("default")).toEqual(["empty", "not-ended", "banned-phrase", "wrong-answer"]);
    expect(await parse("authors")).toEqual(authorsRules);
    expect(authorsRules).toEqual(["banned-phrase", "wrong-answer"]);
    expect(await parse(["wrong-answer", "empty"])).toEqual(["empty", "wrong-answer"]);
  });

  it("reads the same from the command line and from an experiment file", async () => {
    const expected = ["empty", { "length-ratio": { min: 0.5, max: 3, unit: "tokens" } }, { copy: { share: 1, n: 4 } }];
    expect(await parse("copy, length_ratio(min=0.5, unit=tokens),empty")).toEqual(expected);
    expect(await parse(["copy", { "length-ratio": { min: 0.5, unit: "tokens" } }, { empty: null }])).toEqual(expected);
    expect(await parse(["copy", "length-ratio(min=0.5,unit=tokens)", "empty()"])).toEqual(expected);
  });

  it("adds rules to a preset; the later setting of a rule counts", async () => {
    expect(await parse("authors,copy(share=0.9),copy(n=3)")).toEqual([...authorsRules, { copy: { share: 1, n: 3 } }]);
  });

  it("reads phrases from a file, and values with commas in quotes", async () => {
    const path = join(folder, "phrases, all.txt");
    writeFileSync(path, "in my opinion\r\n\n  as an AI  \n");
    expect(await parse(`banned-phrase(file="${path}",mode=replace)`)).toEqual([
      { "banned-phrase": { mode: "replace", phrases: ["in my opinion", "as an AI"] } },
    ]);
    expect(await parse([{ "banned-phrase": { file: path, phrases: ["first"] } }])).toEqual([
      { "banned-phrase": { phrases: ["first", "in my opinion", "as an AI"] } },
    ]);
    writeFileSync(path, "\n");
    await expect(parse([{ "banned-phrase": { file: path } }])).rejects.toThrow(
      /phrase on each line of .* but it is empty/,
    );
    await expect(parse("banned-phrase(file=/none)")).rejects.toThrow(/file of banned phrases at \/none/);
  });

  it.each([
    ["too-long", /Expected a rule \(empty, .*or a preset: default, authors\) in --rules but received "too-long"/],
    ["lenght-ratio", /did you mean "length-ratio"/],
    ["authors(x=1)", /authors stands for several rules and takes no parameters/],
    ["copy(share)", /share: expected a number from 0.01 to 1 but received null/],
    ["copy(share=0.5", /Expected a rule such as copy or length-ratio/],
    [
      "copy(share=]",
      /Expected name=value with commas between the brackets of "copy\(share=\]"|Expected a rule such as/,
    ],
    ["copy(share=2)", /share: expected a number from 0.01 to 1 but received 2/],
    [" , ", /Expected at least one rule in --rules/],
    [[{ copy: 0.5 }], /Expected parameters with their names after copy in --rules but received 0.5/],
  ])("refuses %j", async (wish, message) => {
    await expect(parse(wish)).rejects.toThrow(message);
  });
});
