// The work of `sdft train`.
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { contentHash } from "../../base/content-hash.js";
import { InputError } from "../../base/error.js";
import { makeWritableFolder, writeWholeFile } from "../../base/write-file.js";
import type { Example } from "../../data/example.js";
import { readDistilled } from "../../distill/distilled-file.js";
import { mixExamples } from "../../distill/mix.js";
import { readAdapterFolder } from "../../engine/adapter-folder.js";
import type { AdapterSettings } from "../../engine/adapter-settings.js";
import type { AdapterHandle, Engine } from "../../engine/engine.js";
import { startSession } from "../../experiment/session.js";
import { expectTexts } from "../../experiment/task-data.js";
import type { Preset } from "../../templates/presets.js";
import { type Checkpoint, latestCheckpoint } from "../../train/checkpoint.js";
import {
  decisiveTraining,
  freshAdapterSettings,
  parseTrainingConfig,
  type TrainingConfig,
  withTaskEpochs,
  writtenTraining,
} from "../../train/config.js";
import { initializeAdapter } from "../../train/lora-init.js";
import { prepareSequences } from "../../train/prepare.js";
import { train } from "../../train/train.js";
import { fitTraining, planTrainingMemory } from "../../train/training-memory.js";
import { requireOption, type TrainingArgs, trainingInput } from "../arguments.js";
import type { CommandContext } from "../run-command.js";
import type { Terminal } from "../terminal.js";
import { commandRenderers, loadTrainingData, type TrainingDataArgs } from "./data.js";
import { expectNoEarlier } from "./out-file.js";
import { type ProfileArgs, startProfile } from "./profile.js";

export interface TrainArgs extends TrainingDataArgs, TrainingArgs, ProfileArgs {
  readonly out?: string | undefined;
  readonly initAdapter?: string | undefined;
  readonly resume: boolean;
  readonly distilled?: string | undefined;
  readonly mixRatio?: number | undefined;
  readonly shuffle: boolean;
}

export async function runTrain(args: TrainArgs, { terminal, signal }: CommandContext): Promise<void> {
  const folder = resolve(requireOption(args.out, "out", "a folder for adapter, log and checkpoints"));
  if (args.adapter !== undefined)
    throw new InputError("usage", "To train on from an adapter name it with --init-adapter, not --adapter.");
  if (args.compute === "int")
    throw new InputError(
      "compute",
      "Training is always computed in f32: leave out --compute int, which is for generating and scoring.",
    );
  const given = parseTrainingConfig(trainingInput(args), "the command line");
  const resume = await findResume(folder, args.resume);
  const { resolved, prepared } = await loadTrainingData(args, terminal);
  const wish = withTaskEpochs(given, resolved.task?.training?.epochs);
  const seed = args.seed ?? 0;
  const examples = await mixed(resolved.loaded.examples, args, seed);

  const { prompts } = prepared;
  const { spec } = prepared.model;
  const renderer = prompts === null ? null : (await commandRenderers(prompts, args, resolved)).train;
  const sequences = prepareSequences(examples, {
    renderer,
    spec,
    cutoff: Math.min(wish.cutoff_len ?? resolved.preset.cutoff, spec.maxPositions),
    policy: wish.long_examples,
    warn: (sentence) => terminal.warn(sentence),
  });
  const need = { sequences, settings: await adapterSettings(args.initAdapter, wish, resolved.preset), seed };
  const config = fitTraining(wish, prepared.planned, need, prepared.limit);
  using session = await startSession(prepared, [planTrainingMemory(config, prepared.planned, need)]);
  const { engine } = session;
  const { adapter, settings, start } = await startAdapter(engine, {
    args,
    config,
    preset: resolved.preset,
    seed,
    terminal,
  });
  const fingerprint = contentHash({
    stage: "train",
    engine: engine.fingerprint,
    settings,
    start,
    training: decisiveTraining(config),
    seed,
    sequences,
  });
  await makeWritableFolder(folder);
  const variant = args.distilled === undefined ? "vanilla" : "sdft";
  await writeWholeFile(
    join(folder, "run.yaml"),
    stringify({
      command: "train",
      variant,
      model: session.model.name,
      dataset: resolved.loaded.source.name,
      samples: examples.length,
      template: renderer?.template.name ?? null,
      mix_ratio: args.mixRatio ?? null,
      rank: settings.rank,
      seed,
      train: writtenTraining(config),
    }),
  );
  const showProfile = startProfile(args, engine, terminal);
  const outcome = await train(engine, {
    adapter,
    sequences,
    config,
    seed,
    folder,
    fingerprint,
    goOn: "Go on with --resume.",
    resume,
    signal,
    warn: (sentence) => terminal.warn(sentence),
    onStep: (row, total) =>
      terminal.progress({
        stage: "train",
        done: row.step,
        total,
        unit: "steps",
        tokensPerSecond: row.tokens_per_second,
        detail: `loss ${row.loss.toFixed(3)}`,
      }),
  });
  await showProfile();
  terminal.result(
    {
      adapter: outcome.adapterFolder,
      steps: outcome.steps,
      loss: outcome.finalLoss,
      tokens: outcome.tokens,
      seconds: outcome.time,
      examples: sequences.length,
    },
    `Trained ${outcome.steps} ${outcome.steps === 1 ? "step" : "steps"} on ${sequences.length} examples, loss ${outcome.finalLoss.toFixed(4)} at the end. Adapter: ${outcome.adapterFolder}`,
  );
}

/** Of the adapter that will be trained. */
async function adapterSettings(
  initial: string | undefined,
  config: TrainingConfig,
  preset: Preset,
): Promise<AdapterSettings> {
  if (initial === undefined) return freshAdapterSettings(config, preset);
  const { settings } = await readAdapterFolder(initial);
  return { ...settings, dropout: config.lora_dropout ?? settings.dropout };
}

async function findResume(folder: string, wanted: boolean): Promise<Checkpoint | null> {
  const checkpoint = await latestCheckpoint(folder);
  if (!wanted && checkpoint === null)
    expectNoEarlier(folder, join("adapter", "adapter_config.json"), "a trained adapter");
  if (wanted && checkpoint === null)
    throw new InputError("resume", `Expected a finished checkpoint-N in ${folder} to go on from but there is none.`);
  if (!wanted && checkpoint !== null) {
    throw new InputError(
      "out_in_use",
      `${folder} holds ${checkpoint.folder.split("/").at(-1)} of an earlier training: go on from it with --resume, or choose another --out.`,
    );
  }
  return checkpoint;
}

async function mixed(examples: readonly Example[], args: TrainArgs, seed: number): Promise<readonly Example[]> {
  if (args.distilled === undefined) {
    if (args.mixRatio !== undefined)
      throw new InputError("usage", "--mix-ratio needs --distilled: the distilled.jsonl to take rewrites from.");
    return examples;
  }
  const ratio = args.mixRatio ?? 1;
  if (!(ratio >= 0 && ratio <= 1))
    throw new InputError("mix_ratio", `Expected --mix-ratio to be a number from 0 to 1 but received ${ratio}.`);
  return mixExamples(expectTexts(examples, "mix with distilled answers"), await readDistilled(args.distilled), {
    ratio,
    seed,
  });
}

interface AdapterStart {
  readonly adapter: AdapterHandle;
  readonly settings: AdapterSettings;
  /** What the first numbers are: the seed, or the adapter's own. */
  readonly start: string;
}

async function startAdapter(
  engine: Engine,
  wish: { args: TrainArgs; config: TrainingConfig; preset: Preset; seed: number; terminal: Terminal },
): Promise<AdapterStart> {
  const { args, config, preset, seed } = wish;
  if (args.initAdapter === undefined) {
    const settings = freshAdapterSettings(config, preset);
    const adapter = engine.createAdapter(settings);
    initializeAdapter(adapter.native, seed);
    return { adapter, settings, start: `seed ${seed}` };
  }
  const { adapter: loaded, warnings } = await engine.loadAdapter(args.initAdapter);
  for (const warning of warnings) wish.terminal.warn(warning);
  checkSameShape(loaded.settings, config, args.initAdapter);
  const settings = { ...loaded.settings, dropout: config.lora_dropout ?? loaded.settings.dropout };
  return { adapter: { ...loaded, settings }, settings, start: engine.hashAdapter(loaded) ?? "" };
}

/** An option that says otherwise than the adapter is an error, not ignored. */
function checkSameShape(settings: AdapterSettings, config: TrainingConfig, folder: string): void {
  const faults: string[] = [];
  const compare = (option: string, wanted: unknown, has: unknown): void => {
    if (wanted !== undefined && wanted !== has) faults.push(`--${option} ${wanted} (it has ${has})`);
  };
  compare("lora-r", config.lora_r, settings.rank);
  compare("lora-alpha", config.lora_alpha, settings.alpha);
  compare("use-rslora", config.use_rslora, settings.scaling === "rank-stabilised");
  compare(
    "lora-target",
    config.lora_target && [...config.lora_target].sort().join(","),
    [...settings.targets].sort().join(","),
  );
  if (faults.length > 0)
    throw new InputError(
      "adapter_shape",
      `The adapter in ${folder} does not have ${faults.join(", ")}: leave the option out to train it as it is.`,
    );
}
