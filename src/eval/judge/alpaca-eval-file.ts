// A model's outputs as the alpaca_eval tool reads them (`--model_outputs`): a JSON list of instruction, output, generator, dataset.
import type { TextExample } from "../../data/example.js";

export interface AlpacaEvalRow {
  readonly instruction: string;
  readonly output: string;
  /** What made the output. */
  readonly generator: string;
  /** The part of the set that the instruction comes from. */
  readonly dataset: string;
}

export function alpacaEvalRow(example: TextExample, output: string, generator: string): AlpacaEvalRow {
  const { dataset } = example.row;
  return {
    instruction: example.instruction,
    output,
    generator,
    dataset: typeof dataset === "string" ? dataset : "alpaca_eval",
  };
}
