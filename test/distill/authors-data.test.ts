// The authors' own distilled files: every rewrite that they kept must pass the same rules here, and their data sets must have the names
// and columns that the tasks expect.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { TextExample } from "../../src/data/example.js";
import { authorsRules } from "../../src/distill/rules/registry.js";
import { select } from "../../src/distill/select.js";
import { fileSha256 } from "../../src/formats/file-hash.js";
import { tasks } from "../../src/tasks/registry.js";
import type { Task } from "../../src/tasks/task.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const folder = join(process.env.SDFT_SHARED ?? join(root, "../shared"), "data");
const present = existsSync(folder);
if (!present) console.warn(`skipped: the authors' data, because ${folder} is not there (set SDFT_SHARED)`);

const readJson = (path: string): unknown => JSON.parse(readFileSync(join(folder, path), "utf8"));

function readRows(path: string): Record<string, string>[] {
  return readJson(path) as Record<string, string>[];
}

function selectAuthorsFile(train: string, distilled: string, task: Task) {
  const originals = readRows(train).map(
    (row, index): TextExample => ({
      kind: "text",
      id: String(index),
      instruction: row.instruction ?? "",
      response: row.output ?? null,
      history: [],
      system: null,
      row,
    }),
  );
  const rewrites = readRows(distilled).map(({ output = "" }, index) => ({
    id: String(index),
    sample: 0,
    text: output,
    finish: null,
  }));
  return select(originals, rewrites, { task, rules: authorsRules });
}

describe.skipIf(!present)("the authors' data", () => {
  it("OpenFunctions: all 2,211 rows pass, 236 of them rewritten", () => {
    const { report } = selectAuthorsFile(
      "openfunction/openfunction_train.json",
      "openfunction/distilled_openfunction.json",
      tasks.openfunctions,
    );
    expect(report).toMatchObject({ rows: 2211, kept: 2211, copied: 1975, reasons: {} });
  });

  it("Alpaca: 1,648 rows rewritten, all of which pass", () => {
    const { report, rows } = selectAuthorsFile(
      "alpaca/alpaca_train.json",
      "alpaca/distilled_alpaca.json",
      tasks.alpaca,
    );
    const rewritten = rows.filter((row) => row.response !== row.original);
    expect(rewritten).toHaveLength(1648);
    expect(rewritten.filter((row) => row.source !== "model")).toEqual([]);
    expect(report.rows).toBe(2000);
  });

  it("has the names and columns that the tasks expect", () => {
    const info = readJson("dataset_info.json") as Record<string, { columns: Record<string, string> }>;
    const all: readonly Task[] = Object.values(tasks);
    const unlisted: string[] = [];
    for (const source of all.flatMap((task) => [task.train, task.test])) {
      if (source === null || source.authors === null) continue;
      const entry = info[source.dataset];
      if (entry === undefined) unlisted.push(source.authors.path);
      else expect({ [source.dataset]: entry.columns }).toEqual({ [source.dataset]: source.columns });
    }
    expect(unlisted).toEqual(["HumanEval.jsonl"]);
  });

  it("has the checksums that the tasks know", async () => {
    const all: readonly Task[] = Object.values(tasks);
    const known = all.flatMap(({ train, test }) => [train?.authors, test?.authors]).flatMap((file) => file ?? []);
    const seen = known.filter(({ path }) => existsSync(join(folder, path)));
    expect(new Set(seen.map(({ path }) => path)).size).toBe(11);
    for (const { path, sha256 } of seen) expect([path, await fileSha256(join(folder, path))]).toEqual([path, sha256]);
  });
});
