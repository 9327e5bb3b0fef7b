// The memory of all that a study does, before the weights are loaded; with it the size of micro-batches, and the encoder's files.
import { SdftError } from "../base/error.js";
import type { Reporter } from "../base/reporter.js";
import type { MemoryPlan } from "../engine/memory-plan.js";
import type { EncoderPackage } from "../models/encoder-package.js";
import { freshAdapterSettings } from "../train/config.js";
import { planDistilling, planEvaluations, planTraining } from "./plan-experiment.js";
import { encoderBytes, planShift, withBytesTaken } from "./plan-shift.js";
import { openEncoderPackage, type Preparation } from "./session.js";
import { isUnavailable, type PlannedRun, type StudyPlan } from "./study-plan.js";

export interface StudyMemory extends StudyPlan {
  readonly works: readonly MemoryPlan[];
  /** Of the runs' shift: its files, or why they can't be had; null where no shift is measured. */
  readonly encoder: EncoderPackage | SdftError | null;
}

/** Examples that can't be trained on leave their cells missing. The encoder is fetched where need be; once open it stays beside the model. */
export async function planStudyMemory(prepared: Preparation, plan: StudyPlan): Promise<StudyMemory> {
  const encoder = await findEncoder(plan, prepared.reporter);
  const alone = encoder === null || encoder instanceof SdftError;
  const opened = alone ? prepared : withBytesTaken(prepared, encoderBytes(encoder, prepared));
  const works: MemoryPlan[] = [];
  const runs: PlannedRun[] = [];
  const missing = [...plan.missing];
  for (const run of plan.runs) {
    const { experiment } = run;
    try {
      const planned = planRun(opened, run);
      works.push(...planned.works);
      runs.push(planned.run);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      missing.push(...run.keys.map((key) => ({ key, experiment, reason: error.message })));
    }
  }
  return { runs, missing, works, encoder };
}

function planRun(opened: Preparation, run: PlannedRun): { readonly run: PlannedRun; readonly works: MemoryPlan[] } {
  const { training, rewrites, experiment } = run;
  const evaluations = run.evaluations.flatMap(({ prepared }) => prepared ?? []);
  if (training === null) return { run, works: planEvaluations(opened, evaluations, null) };
  const adapter = freshAdapterSettings(training.training, training.preset);
  const fitted = planTraining(opened, training);
  const rewritten = rewrites?.examples ?? [];
  const works = [
    ...(rewrites === null ? [] : planDistilling(opened, training, rewritten)),
    ...planEvaluations(opened, evaluations, adapter),
    ...planShift(opened, { experiment, evaluations, training, rewritten, adapter }),
    ...fitted.works,
  ];
  return { run: { ...run, training: { ...training, training: fitted.training } }, works };
}

async function findEncoder({ runs }: StudyPlan, reporter: Reporter): Promise<EncoderPackage | SdftError | null> {
  const shift = runs.find(({ training }) => training !== null)?.experiment.shift;
  if (shift === undefined) return null;
  try {
    return await openEncoderPackage(shift.encoder, reporter);
  } catch (error) {
    if (error instanceof SdftError) return error;
    throw error;
  }
}
