// What a study has to do, before anything is loaded or written: the run folders, what each trains on and evaluates, which rewrites are shared, and what can't be had.
import { basename } from "node:path";
import { contentHash } from "../base/content-hash.js";
import { InputError, SdftError } from "../base/error.js";
import { seededOrder } from "../base/seeded-order.js";
import type { TextExample } from "../data/example.js";
import { mixCount } from "../distill/mix.js";
import { engineFingerprint } from "../engine/engine.js";
import { getTask } from "../tasks/registry.js";
import { chooseTemplates, instructionTemplates } from "../templates/choose.js";
import { getPreset } from "../templates/presets.js";
import { decisiveTraining, freshAdapterSettings } from "../train/config.js";
import type { Cell } from "./expand-study.js";
import { type PreparedEvaluation, type PreparedTraining, prepareEvaluation, prepareTraining } from "./prepare.js";
import type { Experiment, VariantName } from "./schema.js";
import type { Preparation } from "./session.js";
import { type CellKey, runName } from "./study-names.js";

/** A test of a run: ready, or the reason why it can't be had. */
export interface PlannedEvaluation {
  readonly task: string;
  readonly metric: string;
  readonly prepared: PreparedEvaluation | null;
  /** Null where it is prepared. */
  readonly reason: string | null;
}

/** The rewrites that a run takes, and where cells that need the same ones find them. */
export interface NeededRewrites {
  /** The folder's name; names everything a rewrite depends on but the row itself. */
  readonly store: string;
  /** The examples that take their rewrite. */
  readonly examples: readonly TextExample[];
}

/** One run folder. */
export interface PlannedRun {
  readonly name: string;
  /** The folder in it: a cell of sdft with mix ratio 0 is the vanilla run. */
  readonly variant: VariantName;
  readonly experiment: Experiment;
  /** Null for the seed. */
  readonly training: PreparedTraining | null;
  readonly rewrites: NeededRewrites | null;
  readonly evaluations: readonly PlannedEvaluation[];
  /** The cells that this run's numbers stand for. */
  readonly keys: readonly CellKey[];
}

/** A cell whose training can't be had. */
export interface MissingCell {
  readonly key: CellKey;
  readonly experiment: Experiment;
  readonly reason: string;
}

export interface StudyPlan {
  readonly runs: readonly PlannedRun[];
  readonly missing: readonly MissingCell[];
}

export async function planStudy(opened: Preparation, cells: readonly Cell[]): Promise<StudyPlan> {
  return new Planner(opened).plan(cells);
}

class Planner {
  private readonly trainings = new Map<string, Promise<PreparedTraining>>();
  private readonly evaluations = new Map<string, Promise<PlannedEvaluation>>();
  private readonly runs = new Map<string, PlannedRun>();
  private readonly missing: MissingCell[] = [];

  constructor(private readonly opened: Preparation) {}

  async plan(cells: readonly Cell[]): Promise<StudyPlan> {
    for (const cell of cells) {
      if (cell.variant === "seed") await this.addSeed(cell.experiment);
      else await this.addTraining(cell.variant, cell.experiment);
    }
    return { runs: [...this.runs.values()], missing: this.missing };
  }

  private async addSeed(experiment: Experiment): Promise<void> {
    const { preset, template, seed } = experiment;
    const key: CellKey = { ...this.commonKey("seed", experiment), dataset: null };
    const name = runName(key, { engine: engineIdentity(this.opened), preset, template, seed });
    await this.add({ name, variant: "seed", experiment, training: null, rewrites: null, key });
  }

  private async addTraining(variant: "vanilla" | "sdft", experiment: Experiment): Promise<void> {
    let training: PreparedTraining;
    try {
      training = await this.training(experiment);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      this.missing.push({ key: this.commonKey(variant, experiment), experiment, reason: error.message });
      return;
    }
    const key = { ...this.commonKey(variant, experiment), samples: training.examples.length };
    const rewrites = variant === "sdft" ? this.neededRewrites(training, experiment) : null;
    const folder = rewrites === null ? "vanilla" : "sdft";
    const depends = {
      engine: engineIdentity(this.opened),
      variant: folder,
      training: decisiveTraining(training.training),
      adapter: freshAdapterSettings(training.training, training.preset),
      template: training.renderers.train.template,
      preset: experiment.preset,
      seed: experiment.seed,
      data: [training.dataHash, training.examples.map(({ id }) => id)],
      rewrites: rewrites === null ? null : [rewrites.store, rewrites.examples.map(({ id }) => id)],
    };
    const named =
      rewrites === null ? { ...key, variant: "vanilla" as const, mix_ratio: null, distill_template: null } : key;
    await this.add({ name: runName(named, depends), variant: folder, experiment, training, rewrites, key });
  }

  private async add(run: Omit<PlannedRun, "evaluations" | "keys"> & { readonly key: CellKey }): Promise<void> {
    const { key, ...rest } = run;
    const same = this.runs.get(run.name);
    if (same !== undefined) {
      this.runs.set(run.name, { ...same, keys: [...same.keys, key] });
      return;
    }
    const evaluations: PlannedEvaluation[] = [];
    for (const entry of run.experiment.evaluate) evaluations.push(await this.evaluation(run.experiment, entry));
    this.runs.set(run.name, { ...rest, evaluations, keys: [key] });
  }

  /** Cells of the same data set share its examples. */
  private training(experiment: Experiment): Promise<PreparedTraining> {
    const { task, data, dataset_dir, max_samples, max_tokens, seed, preset, template, distill, train } = experiment;
    const key = contentHash({
      task,
      data,
      dataset_dir,
      max_samples,
      max_tokens,
      seed,
      preset,
      template,
      distill,
      train,
    });
    const known = this.trainings.get(key);
    if (known !== undefined) return known;
    // A reference answer that can't be read is found now, whichever variant comes first.
    const made = prepareTraining(this.opened, { ...experiment, variants: ["vanilla", "sdft"] });
    this.trainings.set(key, made);
    return made;
  }

  private evaluation(experiment: Experiment, entry: Experiment["evaluate"][number]): Promise<PlannedEvaluation> {
    const { dataset_dir, seed, preset, template, judge, allow_unsafe_execution } = experiment;
    const key = contentHash({ entry, dataset_dir, seed, preset, template, judge, allow_unsafe_execution });
    const known = this.evaluations.get(key);
    if (known !== undefined) return known;
    const made = this.prepareOne(experiment, entry);
    this.evaluations.set(key, made);
    return made;
  }

  private async prepareOne(experiment: Experiment, entry: Experiment["evaluate"][number]): Promise<PlannedEvaluation> {
    const task = getTask(entry.task);
    const common = { task: task.name, metric: task.metric ?? "accuracy" };
    try {
      return { ...common, prepared: await prepareEvaluation(this.opened, experiment, entry), reason: null };
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      return { ...common, prepared: null, reason: error.message };
    }
  }

  /** Null where no example takes its rewrite: that is vanilla training. */
  private neededRewrites(training: PreparedTraining, experiment: Experiment): NeededRewrites | null {
    const { examples, renderers, distillSampling, preset, dataHash } = training;
    const taken = mixCount(experiment.mix_ratio, examples.length);
    if (taken === 0) return null;
    const order = seededOrder(
      examples.map(({ id }) => id),
      experiment.seed,
      0,
    ).slice(0, taken);
    const depends = contentHash({
      engine: engineIdentity(this.opened),
      task: training.task.name,
      template: renderers.distill.template,
      joining: preset.joining,
      sampling: distillSampling,
      distill: experiment.distill,
      data: dataHash,
    });
    return {
      store: `${training.task.name}-${basename(distillName(experiment))}-s${experiment.seed}-${depends.slice(0, 8)}`,
      examples: order.flatMap((index) => examples[index] ?? []),
    };
  }

  /** What can be said of a cell before its data are there. */
  private commonKey(variant: VariantName, experiment: Experiment): CellKey {
    const task = getTask(experiment.task);
    const preset = getPreset(experiment.preset);
    const trained = variant !== "seed";
    const templates = chooseTemplates({
      sets: trained ? task.templates : instructionTemplates,
      template: experiment.template,
      distill: preset.distill,
      chatTemplate: this.opened.prompts?.chatTemplate ?? null,
    });
    return {
      variant,
      dataset: trained ? task.name : null,
      template: templates.train.name,
      distill_template: variant === "sdft" ? basename(distillName(experiment)) : null,
      mix_ratio: variant === "sdft" ? experiment.mix_ratio : null,
      samples: trained ? (experiment.max_samples ?? task.training?.samples ?? null) : null,
      rank: trained ? freshAdapterSettings(experiment.train, preset).rank : null,
      seed: experiment.seed,
    };
  }
}

function distillName(experiment: Experiment): string {
  return experiment.distill.template ?? getPreset(experiment.preset).distill;
}

/** What of model and engine results depend on, as the engine itself says once it is open. */
export function engineIdentity({ model, setting }: Preparation): Readonly<Record<string, string | number>> {
  return engineFingerprint(model, setting);
}

/** Settings that can't be right whatever the data are; everything else leaves a cell missing. */
const settingFaults = [
  "unknown_task",
  "unknown_template",
  "unknown_preset",
  "config",
  "no_tokenizer",
  "distill_template",
  "dataset_info",
  "data_folder",
  "rules",
];

export function isUnavailable(error: unknown): error is SdftError {
  return error instanceof SdftError && !(error instanceof InputError && settingFaults.includes(error.code));
}
