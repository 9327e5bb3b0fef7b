// The work of `sdft reproduce`.
import { resolve } from "node:path";
import { InputError } from "../../base/error.js";
import { suggestion } from "../../base/suggestion.js";
import { reproduceStudy } from "../../experiment/reproduce.js";
import { type PaperName, paperNames } from "../../experiment/study-schema.js";
import { checkMaxSamples } from "../arguments.js";
import type { CommandContext } from "../run-command.js";
import { type ExperimentArgs, optionOverrides } from "../run-experiment.js";
import { runStudyWork, type StudyChoice } from "../run-study.js";

export interface ReproduceArgs extends Omit<ExperimentArgs, "dryRun">, StudyChoice {
  readonly name: string;
  readonly preset?: string | undefined;
  readonly scale: string;
  readonly numTrainEpochs?: number | undefined;
  readonly maxTestSamples?: number | undefined;
}

export async function reproduce(args: ReproduceArgs, context: CommandContext): Promise<void> {
  const { out, maxSamples, numTrainEpochs, maxTestSamples, ...others } = args;
  const { study, folder } = await reproduceStudy({
    name: expectPaperName(args.name),
    scale: args.scale,
    limits: {
      ...(maxSamples === undefined ? {} : { samples: checkMaxSamples(maxSamples) ?? maxSamples }),
      ...(numTrainEpochs === undefined ? {} : { epochs: numTrainEpochs }),
      ...(maxTestSamples === undefined ? {} : { test_samples: checkMaxSamples(maxTestSamples) ?? maxTestSamples }),
    },
    preset: args.preset ?? null,
    overrides: [...optionOverrides(others), ...args.overrides],
    out: out ?? null,
  });
  await runStudyWork({ study, folder: resolve(folder), dryRun: args.dryRun }, context);
}

function expectPaperName(name: string): PaperName {
  const found = paperNames.find((known) => known === name.toLowerCase());
  if (found !== undefined) return found;
  throw new InputError(
    "usage",
    `Expected a table or figure of the paper (${paperNames.join(", ")}) but received "${name}"${suggestion(name, paperNames)}.`,
  );
}
