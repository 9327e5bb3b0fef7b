// One run of one measurement, as data: it crosses to a fresh process, which does it and sends back what it found.
import { openModel } from "../models/resolve.js";
import { type EngineChoice, openChosen } from "./engine-choice.js";
import { type DecodingWork, type GeneratingWork, measureDecoding, measureGenerating } from "./generating.js";
import { measureKernels } from "./kernels.js";
import type { ShapeName } from "./made-up-model.js";
import type { JobResult } from "./measurement.js";
import { type CardWork, measureOnCard } from "./on-card.js";
import { measureScaling } from "./scaling.js";
import { measureFirstToken, measureHelp, measureReady } from "./start.js";
import { measureTraining, type TrainingWork } from "./training.js";

/** A model's path or name, and the engine that it runs on. */
interface OnModel {
  readonly model: string;
  readonly choice: EngineChoice;
}

export type Job =
  | ({ readonly kind: "train"; readonly work: TrainingWork } & OnModel)
  | ({ readonly kind: "generate"; readonly work: GeneratingWork } & OnModel)
  | ({ readonly kind: "decode"; readonly work: DecodingWork } & OnModel)
  | ({ readonly kind: "ready" | "first-token" } & OnModel)
  | { readonly kind: "scaling"; readonly shape: ShapeName; readonly choice: EngineChoice }
  | { readonly kind: "card"; readonly work: CardWork; readonly choice: EngineChoice }
  | { readonly kind: "kernels"; readonly threads: number }
  | { readonly kind: "help" };

/** The caller may let the process end afterwards: nothing is left running. */
export async function runJob(job: Job): Promise<JobResult> {
  switch (job.kind) {
    case "kernels":
      return measureKernels(job.threads);
    case "help":
      return measureHelp();
    case "scaling":
      return measureScaling(job.shape, job.choice);
    case "card":
      return measureOnCard(job.work, job.choice);
    case "ready":
      return measureReady(job.model, job.choice);
    case "first-token":
      return measureFirstToken(job.model, job.choice);
  }
  using engine = await openChosen(await openModel(job.model), job.choice);
  switch (job.kind) {
    case "train":
      return await measureTraining(engine, job.choice, job.work);
    case "generate":
      return await measureGenerating(engine, job.choice, job.work);
    case "decode":
      return await measureDecoding(engine, job.choice, job.work);
  }
}
