import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { splitNames } from "../../src/cli/work/data.js";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";
import { sdft } from "./run.js";

const folder = temporaryFolder();

it("takes each name of a list once", () => {
  expect(splitNames(" gsm8k, openfunctions,,gsm8k ")).toEqual(["gsm8k", "openfunctions"]);
  expect(splitNames("")).toEqual([]);
});

describe("--max-example-tokens", () => {
  const data = join(folder, "lengths.json");
  writeFileSync(
    data,
    JSON.stringify([
      { instruction: "Say yes.", output: "yes" },
      { instruction: "Count.", output: "one two three ".repeat(400) },
      { instruction: "Say no.", output: "no" },
    ]),
  );
  const args = (name: string, ...more: string[]) =>
    ["--model", tinyChat, "--data", data, "--out", join(folder, name), "--json", ...more] as const;

  it("leaves longer examples out of training", async () => {
    const { status, stdout, stderr } = await sdft(
      ...["train", ...args("trained"), "--max-steps", "1", "--max-example-tokens", "250"],
    );
    expect(stderr).not.toMatch(/Error/);
    expect(JSON.parse(stdout)).toMatchObject({ examples: 2, steps: 1 });
    expect(status).toBe(0);
  });

  it("leaves them unwritten", async () => {
    const { stdout } = await sdft(
      ...["distill", ...args("distilled"), "--max-new-tokens", "2", "--max-example-tokens", "250"],
    );
    expect(JSON.parse(stdout)).toMatchObject({ rows: 2 });
  });

  it("is a whole number", async () => {
    const { status, stderr } = await sdft("train", ...args("none"), "--max-example-tokens", "1.5");
    expect(stderr).toMatch(/Expected --max-example-tokens to be a whole number from 2 on but received 1\.5\./);
    expect(status).toBe(2);
  });
});
