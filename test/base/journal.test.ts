import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { contentHash } from "../../src/base/content-hash.js";
import { openJournal } from "../../src/base/journal.js";
import { temporaryFolder } from "../temporary-folder.js";

const folder = temporaryFolder();
const parse = (value: unknown): { n: number } | null =>
  typeof value === "object" && value !== null && "n" in value && typeof value.n === "number" ? { n: value.n } : null;

describe("openJournal", () => {
  const path = join(folder, "deep", "rows.partial.jsonl");

  it("keeps rows for the same fingerprint, drops a torn line, and starts afresh for another", async () => {
    const first = await openJournal(path, "a", parse);
    expect(first.earlier).toEqual([]);
    first.append({ n: 1 });
    first.append({ n: 2 });
    appendFileSync(path, '{"n":');
    const second = await openJournal(path, "a", parse);
    expect(second.earlier).toEqual([{ n: 1 }, { n: 2 }]);
    second.append({ n: 3 });
    expect((await openJournal(path, "a", parse)).earlier).toHaveLength(3);
    const other = await openJournal(path, "b", parse);
    expect(other.earlier).toEqual([]);
    other.append({ n: 4 });
    expect((await openJournal(path, "b", parse)).earlier).toEqual([{ n: 4 }]);
    expect((await openJournal(path, "a", parse)).earlier).toEqual([]);
  });

  it("keeps rows of another device, and says so every time", async () => {
    const shared = join(folder, "shared", "rows.partial.jsonl");
    const said: string[] = [];
    const on = (device: string | null) =>
      openJournal(shared, "a", parse, { device, warn: (sentence) => void said.push(sentence) });
    (await on("avx2")).append({ n: 1 });
    const second = await on("avx512");
    expect(second.earlier).toEqual([{ n: 1 }]);
    second.append({ n: 2 });
    const third = await on("avx512");
    expect(third.earlier).toHaveLength(2);
    await on("avx2");
    await on(null);
    const sentence = (before: string, now: string) =>
      `Rows so far in ${shared} were computed on ${before}; the rest are computed on ${now}, where their last bits may differ.`;
    expect(said).toEqual([
      sentence("avx2", "avx512"),
      sentence("avx2 and avx512", "avx512"),
      sentence("avx2 and avx512", "avx2"),
    ]);
  });

  it("takes rows of nobody known for nobody's", async () => {
    const old = join(folder, "old", "rows.partial.jsonl");
    (await openJournal(old, "a", parse)).append({ n: 1 });
    writeFileSync(old, readFileSync(old, "utf8").replace(/,"devices":\[\]/, ""));
    const by = { device: "avx2", warn: () => expect.unreachable() };
    (await openJournal(old, "a", parse, by)).append({ n: 2 });
    expect(readFileSync(old, "utf8")).not.toContain("avx2");
    expect((await openJournal(old, "a", parse, by)).earlier).toHaveLength(2);
  });

  it("leaves the files as they were until there is a row", async () => {
    const quiet = join(folder, "quiet", "rows.partial.jsonl");
    await openJournal(quiet, "a", parse);
    expect(existsSync(quiet)).toBe(false);
    (await openJournal(quiet, "a", parse)).append({ n: 1 });
    // Something else that is refused before its first row costs the earlier work nothing.
    await openJournal(quiet, "b", parse);
    expect((await openJournal(quiet, "a", parse)).earlier).toEqual([{ n: 1 }]);
  });

  it("is gone when the stage is done", async () => {
    const journal = await openJournal(path, "a", parse);
    journal.append({ n: 1 });
    expect(existsSync(path)).toBe(true);
    await journal.remove();
    expect(existsSync(path)).toBe(false);
  });
});

describe("contentHash", () => {
  it("depends on content, not on the order of keys", () => {
    expect(contentHash({ a: 1, b: [Int32Array.of(1, 2)] })).toBe(contentHash({ b: [[1, 2]], a: 1 }));
    expect(contentHash([1, 2])).not.toBe(contentHash([2, 1]));
    expect(contentHash({ a: undefined })).toBe(contentHash({}));
  });
});
