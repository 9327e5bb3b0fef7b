// What a study would do: every cell with its stages, done or open, rows, tokens as the tokenizer counts them, and the time they will take.
// Nothing is fetched and nothing is written; weights are loaded only where no speed is known and one has to be measured.
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Reporter } from "../base/reporter.js";
import { taskHash } from "../eval/evaluate-task.js";
import { parsePrediction } from "../eval/prediction.js";
import { exists } from "../formats/open-file.js";
import { type RunManifest, readManifest, type StageWork } from "../report/manifest.js";
import { countChoiceTokens } from "./choice-data.js";
import { exampleTokens, responseTokens } from "./example-tokens.js";
import { missingData, missingModel, withoutHub } from "./fetches.js";
import type { PreparedEvaluation, PreparedTraining } from "./prepare.js";
import { storedIds } from "./rewrite-store.js";
import type { Preparation } from "./session.js";
import { calibrate, type MeasuredSpeed, type Speeds, speedsOfMachine, speedsOfRuns, stageWorks } from "./speed.js";
import { describeCell } from "./study-names.js";
import { engineIdentity, type PlannedRun } from "./study-plan.js";
import { openStudy } from "./study-run.js";
import type { Study, StudySettings } from "./study-schema.js";

export interface PlannedStage {
  readonly name: string;
  readonly work: StageWork;
  readonly state: "done" | "open";
  readonly rows: number;
  /** Prompts and targets, counted. */
  readonly tokens: number;
  /** Answers to come, estimated. */
  readonly newTokens: number;
  /** Null where no speed is known. */
  readonly seconds: number | null;
}

export interface PlannedCell {
  readonly cell: string;
  readonly run: string;
  readonly stages: readonly PlannedStage[];
}

export interface DryRun {
  readonly cells: readonly PlannedCell[];
  readonly missing: readonly { readonly cell: string; readonly what: string; readonly reason: string }[];
  /** What is not on this machine yet. */
  readonly fetches: readonly string[];
  readonly speeds: Speeds;
  /** Of what is open; null where a part is not known. */
  readonly seconds: number | null;
}

/** An answer whose length nobody knows is counted as half its longest. */
const unknownShare = 0.5;

export async function dryRunStudy(study: Study, folder: string, reporter: Reporter): Promise<DryRun> {
  const model = await missingModel(study.settings.model);
  if (model !== null) return { cells: [], missing: [], fetches: [model], speeds: {}, seconds: null };
  return withoutHub(async () => {
    const { opened, plan } = await openStudy(study, reporter);
    const runsFolder = resolve(folder, study.settings.runs_folder);
    const planner = new DryPlanner(opened, runsFolder, await answerLengths(runsFolder, plan.runs));
    const open: { readonly cell: string; readonly run: PlannedRun; readonly stages: OpenStage[] }[] = [];
    for (const run of plan.runs) {
      const stages = await planner.stages(run);
      for (const key of run.keys) {
        // A cell that shares another's run has nothing of its own to do.
        const first = key === run.keys[0];
        open.push({ cell: describeCell(key), run, stages: first ? stages : stages.map(asDone) });
      }
    }
    const needed = stageWorks.filter((work) =>
      open.some(({ stages }) => stages.some((one) => one.work === work && one.state === "open")),
    );
    const speeds = await findSpeeds(opened, { runsFolder, runs: plan.runs, needed, label: study.settings.label });
    const cells = open.map(({ cell, run, stages }) => ({
      cell,
      run: run.name,
      stages: stages.map((stage) => ({ ...stage, seconds: secondsOf(stage, speeds[stage.work]) })),
    }));
    const missing = [
      ...plan.missing.map(({ key, reason }) => ({ cell: describeCell(key), what: "training", reason })),
      ...plan.runs.flatMap((run) =>
        run.evaluations.flatMap(({ task, reason }) =>
          reason === null ? [] : run.keys.map((key) => ({ cell: describeCell(key), what: task, reason })),
        ),
      ),
    ];
    const all = cells.flatMap(({ stages }) => stages.map(({ seconds }) => seconds));
    return {
      cells,
      missing,
      fetches: missingData(study, missing),
      speeds,
      seconds: all.includes(null) ? null : all.reduce<number>((sum, seconds) => sum + (seconds ?? 0), 0),
    };
  });
}

type OpenStage = Omit<PlannedStage, "seconds">;

function asDone(stage: OpenStage): OpenStage {
  return { ...stage, state: "done" };
}

class DryPlanner {
  /** Rewrites that an earlier cell of the plan will have made. */
  private readonly planned = new Map<string, Set<string>>();

  constructor(
    private readonly opened: Preparation,
    private readonly runsFolder: string,
    private readonly lengths: ReadonlyMap<string, number>,
  ) {}

  async stages(run: PlannedRun): Promise<OpenStage[]> {
    const folder = join(this.runsFolder, run.name);
    const manifest = await readManifest(folder);
    const stages: OpenStage[] = [];
    const { training, variant } = run;
    let adapterHash: string | null = null;
    let trained = true;
    if (training !== null) {
      if (run.rewrites !== null) stages.push(await this.distilling(run, training));
      adapterHash = manifest?.stages[`train ${variant}`]?.hash ?? null;
      trained = adapterHash !== null && (await exists(join(folder, variant, "adapter", "adapter_model.safetensors")));
      stages.push(trainingStage(training, variant, trained));
    }
    for (const { prepared } of run.evaluations) {
      if (prepared === null) continue;
      const done = trained && (await this.isEvaluated(run, { prepared, adapterHash, manifest }));
      stages.push(this.evaluating(prepared, variant, done));
    }
    return stages;
  }

  private async distilling({ rewrites }: PlannedRun, training: PreparedTraining): Promise<OpenStage> {
    const store = rewrites?.store ?? "";
    const stored = await storedIds(join(dirname(this.runsFolder), "rewrites", store));
    const planned = this.planned.get(store) ?? new Set<string>();
    const open = (rewrites?.examples ?? []).filter(({ id }) => !stored.has(id) && !planned.has(id));
    this.planned.set(store, new Set([...planned, ...open.map(({ id }) => id)]));
    const { distill } = training.renderers;
    const most = training.distillSampling.maxNewTokens;
    return {
      name: "distil",
      work: "generate",
      state: open.length === 0 ? "done" : "open",
      rows: open.length,
      tokens: sum(open.map((example) => distill.promptTokens(example).length)),
      newTokens: sum(open.map((example) => Math.min(most, responseTokens(distill, example.response)))),
    };
  }

  private async isEvaluated(
    run: PlannedRun,
    of: { prepared: PreparedEvaluation; adapterHash: string | null; manifest: RunManifest | null },
  ): Promise<boolean> {
    const { task } = of.prepared;
    const folder = join(this.runsFolder, run.name, run.variant, task.name);
    const job = { ...of.prepared, adapter: null, adapterHash: of.adapterHash, folder, stage: "" };
    const hash = taskHash({ fingerprint: engineIdentity(this.opened) }, job);
    const recorded = of.manifest?.stages[`evaluate ${run.variant} ${task.name}`]?.hash;
    return recorded === hash && (await exists(join(folder, "predictions.jsonl")));
  }

  private evaluating(prepared: PreparedEvaluation, variant: string, done: boolean): OpenStage {
    const { task } = prepared;
    if (prepared.kind === "choices") {
      return {
        name: `evaluate ${variant} on ${task.name}`,
        work: "score",
        state: done ? "done" : "open",
        rows: prepared.items.length,
        tokens: countChoiceTokens(prepared.items),
        newTokens: 0,
      };
    }
    const { examples, renderer, sampling } = prepared;
    const known = this.lengths.get(task.name);
    const length = (response: string | null): number => {
      if (known !== undefined) return Math.min(sampling.maxNewTokens, known);
      return response === null || task.metric === "safe_rate"
        ? unknownShare * sampling.maxNewTokens
        : Math.min(sampling.maxNewTokens, responseTokens(renderer, response));
    };
    return {
      name: `evaluate ${variant} on ${task.name}`,
      work: "generate",
      state: done ? "done" : "open",
      rows: examples.length,
      tokens: sum(examples.map((example) => renderer.promptTokens(example).length)),
      newTokens: Math.round(prepared.samplesPerPrompt * sum(examples.map(({ response }) => length(response)))),
    };
  }
}

function trainingStage({ renderers, examples, training }: PreparedTraining, variant: string, done: boolean): OpenStage {
  const once = sum(examples.map((example) => exampleTokens(renderers.train, example)));
  const batch = training.per_device_train_batch_size * training.gradient_accumulation_steps;
  const epochs =
    training.max_steps > 0
      ? (training.max_steps * batch) / Math.max(1, examples.length)
      : (training.num_train_epochs ?? 2);
  return {
    name: `train ${variant}`,
    work: "train",
    state: done ? "done" : "open",
    rows: examples.length,
    tokens: Math.round(once * epochs),
    newTokens: 0,
  };
}

/** Mean new tokens of each task's answers, where any run of the folder has them. */
async function answerLengths(runsFolder: string, runs: readonly PlannedRun[]): Promise<Map<string, number>> {
  const lengths = new Map<string, number[]>();
  for (const { name, variant, evaluations } of runs) {
    for (const { task } of evaluations) {
      const text = await readFile(join(runsFolder, name, variant, task, "predictions.jsonl"), "utf8").catch(() => "");
      const tokens = text
        .split("\n")
        .filter((line) => line !== "")
        .flatMap((line) => parsePrediction(JSON.parse(line))?.tokens ?? []);
      lengths.set(task, [...(lengths.get(task) ?? []), ...tokens]);
    }
  }
  return new Map(
    [...lengths].flatMap(([task, tokens]) =>
      tokens.length === 0 ? [] : [[task, sum(tokens) / tokens.length] as const],
    ),
  );
}

async function findSpeeds(
  opened: Preparation,
  from: {
    readonly runsFolder: string;
    readonly runs: readonly PlannedRun[];
    readonly needed: readonly StageWork[];
    readonly label: StudySettings["label"];
  },
): Promise<Speeds> {
  const known: Speeds = {
    ...(await speedsOfMachine(opened, from.label)),
    ...(await speedsOfRuns(from.runsFolder, opened)),
  };
  const unknown = from.needed.filter((work) => known[work] === undefined);
  const measured = unknown.length === 0 ? {} : await calibrate(opened, from.runs, unknown);
  return Object.fromEntries(
    Object.entries({ ...known, ...measured }).filter(([work]) => from.needed.some((one) => one === work)),
  );
}

function secondsOf(stage: OpenStage, speed: MeasuredSpeed | undefined): number | null {
  if (stage.state === "done") return 0;
  return speed === undefined ? null : (stage.tokens + stage.newTokens) / speed.tokensPerSecond;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
