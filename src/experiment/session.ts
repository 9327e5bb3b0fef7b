// A model opened for work: its package, the engine that holds its one copy of weights, and what templates need to know of it.
import process from "node:process";
import type { Reporter } from "../base/reporter.js";
import { type DeviceName, explainAuto } from "../engine/backend-choice.js";
import { expectHeadsFit } from "../engine/device-heads.js";
import { type Engine, type EngineSetting, engineSetting, openEngine } from "../engine/engine.js";
import { mostSequences } from "../engine/generation-batch.js";
import { expectIntegerProducts } from "../engine/integer-products.js";
import { describeLimit, deviceLimit, expectFits, type MemoryLimit, memoryLimit } from "../engine/memory-limit.js";
import { type MemoryPlan, type PlannedModel, planLoading, reservedBytes } from "../engine/memory-plan.js";
import { selfTestOutcome } from "../engine/self-test-record.js";
import { createChatModel } from "../models/chat-template.js";
import { type EncoderPackage, openEncoderModel } from "../models/encoder-package.js";
import type { FetchProgress } from "../models/fetch-progress.js";
import type { ModelPackage } from "../models/package.js";
import { openModel } from "../models/resolve.js";
import type { Compute, WeightFormat } from "../native/types.js";
import type { PromptModel } from "../templates/prompt-model.js";

export interface SessionOptions {
  readonly model: string;
  readonly device: DeviceName;
  readonly weights: WeightFormat;
  /** Of generating and scoring. */
  readonly compute: Compute;
  /** 0: all cores that may be used. */
  readonly threads: number;
  /** A row's bits don't depend on its batch; on the cpu always so. */
  readonly batchInvariant?: boolean;
  /** Bytes; null or left out: what the system allows. */
  readonly memoryBudget?: number | null;
  readonly reporter: Reporter;
  /** Adds up what each kernel costs. */
  readonly profile?: boolean;
}

export interface Session extends Disposable {
  readonly model: ModelPackage;
  readonly engine: Engine;
  /** Null: a model of token rows. */
  readonly prompts: PromptModel | null;
}

/** A model whose weights are not loaded yet: enough to prepare the work, and to plan its memory. */
export interface Preparation {
  readonly model: ModelPackage;
  /** Null: a model of token rows. */
  readonly prompts: PromptModel | null;
  readonly planned: PlannedModel;
  readonly limit: MemoryLimit;
  readonly setting: EngineSetting;
  readonly profile: boolean;
  readonly reporter: Reporter;
}

/** Opens files only: no weights are loaded. Fetches the model where need be. */
export function openPackage(name: string, reporter: Reporter): Promise<ModelPackage> {
  return openReporting(name, reporter, openModel);
}

/** The same for a sentence encoder: a folder or an alias. */
export function openEncoderPackage(name: string, reporter: Reporter): Promise<EncoderPackage> {
  return openReporting(name, reporter, openEncoderModel);
}

async function openReporting<Package extends { readonly name: string; readonly path: string }>(
  name: string,
  reporter: Reporter,
  open: (name: string, options: { readonly onProgress: FetchProgress }) => Promise<Package>,
): Promise<Package> {
  let fetched = false;
  const model = await open(name, {
    onProgress: ({ file, doneBytes, totalBytes }) => {
      fetched = true;
      const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
      reporter.progress({
        stage: `fetch ${file}`,
        done: megabytes(doneBytes),
        total: megabytes(totalBytes ?? doneBytes),
        unit: "MB",
      });
    },
  });
  if (fetched) reporter.finish(`Fetched ${model.name} to ${model.path}.`);
  return model;
}

/** Checks device and threads, opens the model's files, and finds weights that the products asked for can't take. Says what `auto` takes where there is a card. */
export async function prepareSession(options: SessionOptions): Promise<Preparation> {
  const { device, weights, compute, threads, batchInvariant = false, profile = false } = options;
  const setting = engineSetting({ device, weights, compute, threads, batchInvariant });
  const chosen = device === "auto" ? explainAuto(setting.info, selfTestOutcome(setting.info)) : null;
  if (chosen !== null) options.reporter.note(chosen);
  const model = await openPackage(options.model, options.reporter);
  expectIntegerProducts(model, setting);
  expectHeadsFit(model.spec, setting.backend);
  const prompts = model.tokenizer === null ? null : createChatModel(model.tokenizer);
  const { backend, weightFormat, info } = setting;
  const budget = options.memoryBudget ?? null;
  const card = backend === "cuda" ? info.cuda.memory : null;
  const limit = card === null ? memoryLimit(budget) : deviceLimit(card, budget);
  const planned = {
    ...{ spec: model.spec, weights: model.weights, backend, weightFormat, compute, threads: setting.threads },
    exact: info.cuda.exact,
    processBytes: process.memoryUsage.rss(),
  };
  return { model, prompts, planned, limit, setting, profile, reporter: options.reporter };
}

/** Loads the weights, unless this or one of the planned works would not fit. Where a plan of generating counts on fewer sequences at once, it says so. */
export async function startSession(prepared: Preparation, works: readonly MemoryPlan[] = []): Promise<Session> {
  const { model, prompts, planned, limit, setting, profile, reporter } = prepared;
  expectFits([planLoading(planned), ...works], limit);
  const maxSequences = works.reduce(
    (least, { sequences = mostSequences }) => Math.min(least, sequences),
    mostSequences,
  );
  if (maxSequences < mostSequences) {
    const many = maxSequences === 1 ? "one sequence" : `at most ${maxSequences} sequences`;
    reporter.note(`Generating ${many} at once instead of ${mostSequences}, to fit in ${describeLimit(limit)}.`);
  }
  const layers = model.spec.layers.length;
  const kept = works.reduce((least, { keptLayers = layers }) => Math.min(least, keptLayers), layers);
  if (kept < layers) {
    reporter.note(
      `Training keeps the activations of ${kept} of ${layers} layers and runs the others again (the same numbers, slower), to fit in ${describeLimit(limit)}.`,
    );
  }
  const { backend, weightFormat, compute, threads, batchInvariant } = setting;
  const engine = await openEngine(model, {
    device: backend,
    weights: weightFormat,
    compute,
    threads,
    batchInvariant,
    profile,
    maxSequences,
    deviceBytes: backend === "cuda" ? reservedBytes(works) : 0,
  });
  return { model, engine, prompts, [Symbol.dispose]: () => engine.dispose() };
}

/** Both at once, for work whose size is not known beforehand. */
export async function openSession(options: SessionOptions): Promise<Session> {
  return startSession(await prepareSession(options));
}
