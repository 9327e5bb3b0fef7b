// The work of `sdft doctor --batch N`: what training and generating on a model would take, from its files' headers alone.
import { formatByteSize } from "../../base/byte-size.js";
import { InputError } from "../../base/error.js";
import { generationWork } from "../../engine/generation-batch.js";
import { fitGeneration, type MemoryPlan, planGeneration } from "../../engine/memory-plan.js";
import { prepareSession } from "../../experiment/session.js";
import type { TrainSequence } from "../../train/batches.js";
import { freshAdapterSettings, parseTrainingConfig } from "../../train/config.js";
import { fitActivations, fitTraining, planTrainingMemory } from "../../train/training-memory.js";
import { sessionOptions } from "../arguments.js";
import type { Terminal } from "../terminal.js";
import type { ModelArgs } from "./model.js";

export interface MemoryPlanArgs extends ModelArgs {
  readonly batch: number;
  readonly length: number;
  readonly microBatchTokens?: number | undefined;
  readonly activations: "store" | "recompute";
  readonly loraR: number;
  readonly loraTarget: string;
}

/** No weights are loaded. Every token of an example counts as labelled, and no prefix as common: the most that it can be. */
export async function runMemoryPlan(args: MemoryPlanArgs, terminal: Terminal): Promise<void> {
  for (const [option, value] of [
    ["batch", args.batch],
    ["length", args.length],
  ] as const) {
    if (!Number.isInteger(value) || value < 2 - Number(option === "batch"))
      throw new InputError(
        "usage",
        `Expected a whole number of at least ${option === "batch" ? 1 : 2} after --${option} but received ${value}.`,
      );
  }
  const { model, planned, limit } = await prepareSession(sessionOptions(args, terminal));
  const { spec } = model;
  if (args.length > spec.maxPositions)
    throw new InputError(
      "too_long",
      `Expected at most ${spec.maxPositions} after --length, the model's context, but received ${args.length}.`,
    );
  const wish = parseTrainingConfig(
    {
      max_steps: 1,
      shuffle: false,
      per_device_train_batch_size: args.batch,
      gradient_accumulation_steps: 1,
      micro_batch_tokens: args.microBatchTokens,
      activations: args.activations,
      lora_r: args.loraR,
      lora_target: args.loraTarget,
    },
    "the command line",
  );
  const settings = freshAdapterSettings(wish, { loraRank: 8, loraAlpha: 16, loraDropout: 0 });
  const need = { sequences: examples(args.batch, args.length), settings, seed: 0 };
  // What the machine or the card has decides nothing here: the plan is shown beside it.
  const unbounded = { ...limit, bytes: Number.POSITIVE_INFINITY };
  const config = fitOrElse(limit.source === "budget" ? limit : unbounded, unbounded, (bound) =>
    fitTraining(wish, planned, need, bound),
  );
  const lengths = need.sequences.map(() => args.length);
  const generation = generationWork(spec, lengths, 0, settings);
  const plans = {
    training: planTrainingMemory(config, planned, need),
    generating: planGeneration(planned, generation),
  };
  const fitted =
    plans.training.peak > limit.bytes
      ? planTrainingMemory(fitActivations(config, planned, need, limit), planned, need)
      : null;
  const fewer = plans.generating.peak > limit.bytes ? fitGeneration(planned, generation, limit.bytes) : null;
  const tokens = config.micro_batch_tokens;
  const text = [
    `${model.name}, ${args.batch} × ${args.length} tokens, --weights ${args.weights}, micro-batches of ${tokens} tokens`,
    ...planLines("Training", plans.training, terminal),
    ...planLines("Generating", plans.generating, terminal),
    `May be used: ${formatByteSize(limit.bytes)} (${limit.source})`,
    ...(fitted === null ? [] : [fittedLine(fitted, limit.bytes, spec.layers.length)]),
    ...(fewer === null ? [] : [fewerLine(fewer, limit.bytes)]),
  ];
  terminal.result(
    {
      ...{ model: model.name, micro_batch_tokens: tokens, limit },
      plans: { ...plans, fitted_training: fitted, fitted_generating: fewer },
    },
    text.join("\n"),
  );
}

/** Where not even one example fits within the first limit, the plan without one: the verdict beside it says so. */
function fitOrElse<Limit, Fitted>(limit: Limit, otherwise: Limit, plan: (limit: Limit) => Fitted): Fitted {
  try {
    return plan(limit);
  } catch (error) {
    if (!(error instanceof InputError) || error.code !== "memory") throw error;
    return plan(otherwise);
  }
}

/** What generating does where not all may run at once. */
function fewerLine({ peak, sequences = 1 }: MemoryPlan, bytes: number): string {
  const many = sequences === 1 ? "one sequence" : `${sequences} sequences`;
  return peak <= bytes
    ? `Generating would fit: with ${many} at once it takes ${formatByteSize(peak)} (the same answers).`
    : `Generating does not fit: even with ${many} at once it takes ${formatByteSize(peak)}.`;
}

/** What training does where it may not keep everything. */
function fittedLine({ peak, keptLayers = 0 }: MemoryPlan, bytes: number, layers: number): string {
  const kept = `with the activations of ${keptLayers} of ${layers} layers kept and the others run again it takes ${formatByteSize(peak)}`;
  return peak <= bytes
    ? `Training would fit: ${kept} (the same numbers, slower).`
    : `Training does not fit: even ${kept}.`;
}

/** Sequences of different tokens. */
function examples(count: number, length: number): TrainSequence[] {
  return Array.from({ length: count }, (_, index) => {
    const tokens = new Int32Array(length).fill(index);
    return { id: String(index), tokens, labels: tokens };
  });
}

function planLines(title: string, plan: MemoryPlan, { color }: Terminal): string[] {
  const line = (name: string, bytes: number): string => `  ${name.padEnd(34)}${formatByteSize(bytes).padStart(10)}`;
  return [
    color.bold(`${title}:`),
    ...plan.parts.map(({ name, bytes }) => line(name, bytes)),
    color.bold(line("at the peak", plan.peak)),
  ];
}
