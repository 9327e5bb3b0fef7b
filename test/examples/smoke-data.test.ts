// The miniature sets of examples/smoke: enough rows of every set, in columns that the tasks read, with solutions that are right.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { loadTaskData } from "../../src/experiment/task-data.js";
import { getTask, taskNames } from "../../src/tasks/registry.js";

const smoke = fileURLToPath(new URL("../../examples/smoke", import.meta.url));
const sets = taskNames
  .filter((name) => !name.startsWith("demo_"))
  .flatMap((name) =>
    (["train", "test"] as const).filter((split) => getTask(name)[split] !== null).map((split) => ({ name, split })),
  );

describe("examples/smoke", () => {
  it.each(sets)("has at least 8 rows of $name ($split)", async ({ name, split }) => {
    process.env.HF_HUB_OFFLINE = "1";
    const { examples } = await loadTaskData({
      ...{ task: getTask(name), split, data: null, datasetDir: smoke, maxSamples: null, seed: 0, order: "file" },
    });
    expect(examples.length).toBeGreaterThanOrEqual(8);
    const task = getTask(name);
    for (const example of examples) {
      if (example.kind !== "text") throw new Error(`row ${example.id} is not text`);
      task.choice?.read(example.row, example.id);
      if (name === "lima" || name === "gsm8k") expect(example.response).toBeTruthy();
    }
    if (name === "lima") expect(examples.some((one) => one.kind === "text" && one.history.length > 0)).toBe(true);
  });

  it("accepts its own reference answers", () => {
    for (const file of ["openfunction_train", "openfunction_test", "gsm8k_train", "gsm8k_test", "multiarith"]) {
      const rows: Record<string, string>[] = JSON.parse(readFileSync(join(smoke, `${file}.json`), "utf8"));
      const task = getTask(file.startsWith("open") ? "openfunctions" : "gsm8k");
      for (const row of rows) {
        const label = row.output ?? row.answer ?? "";
        expect(task.check?.({ id: file, label, output: label }), `${file}: ${label}`).toBe(true);
      }
    }
  });

  it("has programs whose solutions pass their tests", () => {
    const problems = readFileSync(join(smoke, "humaneval.jsonl"), "utf8").trim().split("\n");
    for (const line of problems) {
      const { task_id, prompt, canonical_solution, test, entry_point } = JSON.parse(line);
      const program = `${prompt}${canonical_solution}\n${test}\ncheck(${entry_point})\n`;
      const { status, stderr, error } = spawnSync("python3", ["-c", program], { encoding: "utf8" });
      if (error !== undefined) throw error;
      expect({ task_id, status, stderr }).toEqual({ task_id, status: 0, stderr: "" });
    }
  });

  it("has the encoder that its script makes", () => {
    const made = mkdtempSync(join(tmpdir(), "sdft-encoder-"));
    expect(spawnSync(process.execPath, [join(smoke, "make-encoder.mjs"), made]).status).toBe(0);
    for (const name of readdirSync(made)) {
      const [fresh, kept] = [made, join(smoke, "encoder")].map((folder) => readFileSync(join(folder, name)));
      // JSON was put into the house's format.
      if (name.endsWith(".json")) expect(JSON.parse(String(kept))).toEqual(JSON.parse(String(fresh)));
      else expect(kept?.equals(fresh ?? Buffer.alloc(0)), name).toBe(true);
    }
  });
});
