// manifest.json at a run's root: what made the run, and the hash of each finished stage's inputs.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { InputError } from "../base/error.js";
import { writeJson } from "../base/write-file.js";

const stageSchema = z.object({
  /** Of everything the stage depends on; a stage with the same one is not done again. */
  hash: z.string(),
  /** Seconds. */
  seconds: z.number(),
  finished: z.string(),
  /** What was worked on in these seconds; missing in stages of before it was written, and where nothing was counted. */
  work: z.enum(["generate", "train", "score"]).optional(),
  tokens: z.number().optional(),
});

const manifestSchema = z.object({
  format: z.literal(1),
  sdft: z.string(),
  started: z.string(),
  /** Wall time of the last command that worked on the run, in seconds; null while it works. */
  seconds: z.number().nullable(),
  /** Most memory of that command, in bytes. */
  peak_memory: z.number().nullable(),
  model: z.object({ name: z.string(), fingerprint: z.string() }),
  engine: z.object({
    revision: z.number(),
    compiler: z.string(),
    backend: z.string(),
    weights: z.string(),
    /** Missing in runs made before there was a choice. */
    compute: z.string().default("f32"),
    threads: z.number(),
    cpu_features: z.array(z.string()),
    /** Card, driver and libraries of the last command; of runs on cuda only. */
    device: z.string().optional(),
    /** SHA-256 of the addon's file. */
    addon: z.string(),
  }),
  machine: z.object({ cpu: z.string(), cores: z.number(), memory: z.number(), node: z.string(), platform: z.string() }),
  stages: z.record(z.string(), stageSchema),
});

export type RunManifest = z.output<typeof manifestSchema>;
export type StageWork = NonNullable<z.output<typeof stageSchema>["work"]>;

/** Null where the folder has none. A newer format is refused. */
export async function readManifest(folder: string): Promise<RunManifest | null> {
  const path = join(folder, "manifest.json");
  const text = await readFile(path, "utf8").catch(() => null);
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new InputError("manifest", `${path} is not valid JSON; the run folder is damaged.`, { cause });
  }
  const format = typeof value === "object" && value !== null && "format" in value ? value.format : undefined;
  if (typeof format === "number" && format > 1) {
    throw new InputError(
      "manifest_newer",
      `${path} has format ${format} and this sdft reads format 1; use a newer sdft.`,
    );
  }
  const parsed = manifestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const why = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
  throw new InputError("manifest", `${path} is not a run's manifest (${why}).`);
}

export async function writeManifest(folder: string, manifest: RunManifest): Promise<void> {
  await writeJson(join(folder, "manifest.json"), manifest);
}
