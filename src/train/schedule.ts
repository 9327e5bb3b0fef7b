// Learning-rate schedules, as factors of the peak rate, with the formulas of transformers' get_scheduler.

export const scheduleTypes = ["cosine", "linear", "constant", "constant_with_warmup"] as const;
export type ScheduleType = (typeof scheduleTypes)[number];

export interface Schedule {
  readonly type: ScheduleType;
  readonly warmupSteps: number;
  readonly totalSteps: number;
}

/** The factor for the update after `step` updates (0 for the first). */
export function scheduleFactor(schedule: Schedule, step: number): number {
  const { type, warmupSteps, totalSteps } = schedule;
  if (type === "constant") return 1;
  if (step < warmupSteps) return step / Math.max(1, warmupSteps);
  if (type === "constant_with_warmup") return 1;
  const span = Math.max(1, totalSteps - warmupSteps);
  if (type === "linear") return Math.max(0, (totalSteps - step) / span);
  return Math.max(0, 0.5 * (1 + Math.cos((Math.PI * (step - warmupSteps)) / span)));
}

/** `warmup_steps` where given, else the ratio of all steps, rounded up. */
export function warmupSteps(options: { steps: number; ratio: number }, totalSteps: number): number {
  return options.steps > 0 ? options.steps : Math.ceil(options.ratio * totalSteps);
}
