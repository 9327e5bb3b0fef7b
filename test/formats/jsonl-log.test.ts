import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { JsonLinesLog } from "../../src/formats/jsonl-log.js";
import { fileFolder } from "./file-folder.js";

const folder = fileFolder();

describe("JsonLinesLog", () => {
  it("goes on after what is there", async () => {
    const path = join(folder.path, "new", "log.jsonl");
    const first = await JsonLinesLog.open(path);
    expect(first.rows).toEqual([]);
    await Promise.all([first.append([{ id: "a" }, { id: "b" }]), first.append([{ id: "c" }])]);
    await first.close();
    const second = await JsonLinesLog.open(path);
    expect(second.rows).toEqual([{ id: "a" }, { id: "b" }, { id: "c" }]);
    expect(second.droppedTornLine).toBe(false);
    await second.append([{ id: "d" }]);
    await second.close();
    expect(readFileSync(path, "utf8")).toBe('{"id":"a"}\n{"id":"b"}\n{"id":"c"}\n{"id":"d"}\n');
  });

  it("drops a torn last line, even one that could be read", async () => {
    const path = folder.write("torn.jsonl", '{"id":"a"}\n{"id":"é');
    const log = await JsonLinesLog.open(path);
    expect(log.rows).toEqual([{ id: "a" }]);
    expect(log.droppedTornLine).toBe(true);
    await log.append([{ id: "b" }]);
    await log.close();
    expect(readFileSync(path, "utf8")).toBe('{"id":"a"}\n{"id":"b"}\n');
  });

  it("refuses a file that is damaged in the middle", async () => {
    const path = folder.write("bad.jsonl", '{"id":"a"}\n{"id":\n{"id":"c"}\n');
    await expect(JsonLinesLog.open(path)).rejects.toThrow(/bad\.jsonl, line 2: expected a JSON object/);
  });

  it("says why it can't write", async () => {
    const inTheWay = folder.write("file", "x");
    await expect(JsonLinesLog.open(join(inTheWay, "log.jsonl"))).rejects.toThrow(/log\.jsonl/);
  });
});
