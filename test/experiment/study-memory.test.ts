import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { SdftError } from "../../src/base/error.js";
import { silentReporter } from "../../src/base/reporter.js";
import { planStudyMemory } from "../../src/experiment/study-memory.js";
import { openStudy } from "../../src/experiment/study-run.js";
import { parseStudy } from "../../src/experiment/study-schema.js";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";

const folder = temporaryFolder();
const encoder = fileURLToPath(new URL("../../examples/smoke/encoder", import.meta.url));
const base = {
  name: "memory",
  model: tinyChat,
  threads: 1,
  task: "demo_calls",
  max_samples: 2,
  distill: { max_new_tokens: 6, rules: ["banned-phrase"] },
  train: { max_steps: 1 },
  evaluate: [{ task: "demo_refusals", max_samples: 2, max_new_tokens: 6 }],
  matrix: { variant: ["seed", "sdft"] },
};

async function planned(change: Readonly<Record<string, unknown>> = {}) {
  const study = parseStudy({ ...base, ...change }, "a test");
  const { opened, plan } = await openStudy(study, silentReporter);
  return planStudyMemory({ ...opened, planned: { ...opened.planned, processBytes: 0 } }, plan);
}

const purposes = ({ works }: Awaited<ReturnType<typeof planned>>) => works.map(({ purpose }) => purpose).sort();

describe("planStudyMemory", () => {
  it("counts what the study's stages do", async () => {
    const plain = await planned();
    expect(purposes(plain)).toEqual(["generating", "generating", "generating", "training"]);
    expect(plain.encoder).toBeNull();
  });

  it("counts the scoring of KL and gap, and an encoder beside every stage", async () => {
    const shift = { task: "demo_refusals", encoder };
    const moved = await planned({ shift: { ...shift, kl: true }, gap: true });
    expect(purposes(moved)).toEqual(["generating", "generating", "generating", "scoring", "scoring", "training"]);
    const process = moved.works.map(({ parts }) => parts[0]?.bytes ?? 0);
    // Its weights alone are 60 KB.
    expect(Math.min(...process)).toBeGreaterThan(60_000);
    expect(new Set(process).size).toBe(1);
    expect(purposes(await planned({ shift }))).toEqual(["generating", "generating", "generating", "training"]);
  });

  it("goes on without an encoder that can't be had", async () => {
    const { encoder: files } = await planned({ shift: { task: "demo_refusals", encoder: join(folder, "none") } });
    expect(files).toBeInstanceOf(SdftError);
  });
});
