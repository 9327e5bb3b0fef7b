// A model opened for work: its package, the engine that holds its one copy of weights, and what templates need to know of it.
import type { Reporter } from "../base/reporter.js";
import type { DeviceName } from "../engine/backend-choice.js";
import { type Engine, openEngine } from "../engine/engine.js";
import { createChatModel } from "../models/chat-template.js";
import type { ModelPackage } from "../models/package.js";
import { openModel } from "../models/resolve.js";
import type { WeightFormat } from "../native/types.js";
import type { PromptModel } from "../templates/prompt-model.js";

export interface SessionOptions {
  readonly model: string;
  readonly device: DeviceName;
  readonly weights: WeightFormat;
  /** 0: all that may be used. */
  readonly threads: number;
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

/** Opens files only: no weights are loaded. Fetches the model where need be. */
export async function openPackage(name: string, reporter: Reporter): Promise<ModelPackage> {
  let fetched = false;
  const model = await openModel(name, {
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

export async function openSession(options: SessionOptions): Promise<Session> {
  const model = await openPackage(options.model, options.reporter);
  const { device, weights, threads, profile = false } = options;
  const engine = await openEngine(model, { device, weights, threads, profile });
  return {
    model,
    engine,
    prompts: model.tokenizer === null ? null : createChatModel(model.tokenizer),
    [Symbol.dispose]: () => engine.dispose(),
  };
}
