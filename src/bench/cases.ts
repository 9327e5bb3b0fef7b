// The cases of `sdft bench`: what is measured, on which work, and which figures are held against which.
import { totalmem } from "node:os";
import type { ModelPackage } from "../models/package.js";
import { type Contestant, ours } from "./contestant.js";
import type { EngineChoice } from "./engine-choice.js";
import { modelShapes, type ShapeName, weightBytes } from "./made-up-model.js";
import { rewritingPrompts, trainingRows } from "./work.js";

export interface CaseContext {
  readonly model: ModelPackage;
  /** The folder of the authors' data; null: the bundled demo. */
  readonly data: string | null;
  /** Rows of the work at most. */
  readonly most: number;
  readonly choice: EngineChoice;
  readonly say: (line: string) => void;
}

export interface BenchCase {
  readonly describe: string;
  readonly contestants: (context: CaseContext) => Promise<readonly Contestant[]>;
}

/** Work of the cases, which peers get too. */
export const amounts = { trainingRows: 96, batch: 8, prompts: 64, newTokens: 64, context: 256 } as const;
const starts = 10;

export const cases = {
  kernels: {
    describe: "multiply-add peak, memory read, and products at the shapes of three models",
    contestants: async ({ choice }) => [ours("kernels", { kind: "kernels", threads: choice.threads })],
  },
  train: {
    describe: "LoRA training, r 8 on q and v, batches of 8",
    contestants: async (context) => {
      const rows = await trainingRows(context, Math.min(context.most, amounts.trainingRows));
      const { model, choice } = context;
      const work = { rows, batch: amounts.batch };
      return [ours("train", { kind: "train", model: model.path, choice, work })];
    },
  },
  generate: {
    describe: "64 new tokens for each of 64 rewriting prompts",
    contestants: async (context) => {
      const rows = await rewritingPrompts(context, Math.min(context.most, amounts.prompts));
      const { model, choice } = context;
      return [
        ours("generate", { kind: "generate", model: model.path, choice, work: { rows, newTokens: amounts.newTokens } }),
      ];
    },
  },
  "decode-one": {
    describe: "one sequence from 256 tokens to 320",
    contestants: async (context) => {
      const { newTokens, context: length } = amounts;
      const rows = await rewritingPrompts(context, 4);
      const { model, choice } = context;
      return [
        ours("decode", { kind: "decode", model: model.path, choice, work: { rows, newTokens, context: length } }),
      ];
    },
  },
  scaling: {
    describe: "1 to 64 sequences and training lengths of 64 to 2,048, at the shapes of 135M to 7B with made-up weights",
    contestants: async ({ choice, say }) =>
      fittingShapes(say).map((shape) => ours(`scaling ${shape}`, { kind: "scaling", shape, choice })),
  },
  start: {
    describe: "sdft --help, a model ready from a warm file cache, and one token, ten times each",
    contestants: async ({ model, choice }) =>
      Array.from({ length: starts }, () => [
        ours("help", { kind: "help" }),
        ours("model ready", { kind: "ready", model: model.path, choice }),
        ours("one token", { kind: "first-token", model: model.path, choice }),
      ]).flat(),
  },
} as const satisfies Record<string, BenchCase>;

export type CaseName = keyof typeof cases;

export function isCaseName(name: string): name is CaseName {
  return Object.hasOwn(cases, name);
}

/** Weights and as much again must fit. */
function fittingShapes(say: (line: string) => void): ShapeName[] {
  const names = Object.keys(modelShapes) as ShapeName[];
  return names.filter((name) => {
    const needed = 2 * weightBytes(modelShapes[name]);
    if (needed <= totalmem()) return true;
    say(`${name} is left out: it needs some ${Math.ceil(needed / 1e9)} GB of memory.`);
    return false;
  });
}
