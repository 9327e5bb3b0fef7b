import { describe, expect, it } from "vitest";
import type { TextExample } from "../../src/data/example.js";
import { alpacaFiles } from "../../src/distill/alpaca-file.js";
import type { DistilledRow } from "../../src/distill/select.js";

const original: TextExample = {
  kind: "text",
  id: "a",
  instruction: "Do é.",
  response: "x",
  history: [],
  system: null,
  row: {},
};
const row: DistilledRow = {
  id: "a",
  instruction: "Do é.",
  original: "x",
  response: "y",
  source: "model",
  reason: null,
  finish: "stop",
};

describe("alpacaFiles", () => {
  it("writes the rows and the entry that leads to them", () => {
    const files = alpacaFiles("distilled_mine", [row], [original]);
    expect(files.dataName).toBe("distilled_mine.json");
    expect(JSON.parse(files.data)).toEqual([{ id: "a", instruction: "Do é.", input: "", output: "y" }]);
    expect(JSON.parse(files.info)).toEqual({
      distilled_mine: {
        file_name: "distilled_mine.json",
        columns: { prompt: "instruction", query: "input", response: "output" },
      },
    });
  });

  it("keeps earlier turns and system messages", () => {
    const told = { ...original, system: "Be brief.", history: [{ user: "A", assistant: "B" }] };
    const files = alpacaFiles("d", [row], [told]);
    expect(JSON.parse(files.data)[0]).toMatchObject({ system: "Be brief.", history: [["A", "B"]] });
    expect(JSON.parse(files.info).d.columns).toMatchObject({ system: "system", history: "history" });
  });
});
