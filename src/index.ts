// What other programs may import: the engine, the stages, the experiment, and the rows they read and write.
export { InputError, SdftError } from "./base/error.js";
export { Interrupted } from "./base/interrupted.js";
export { type Progress, type Reporter, silentReporter } from "./base/reporter.js";
export type { Example, TextExample, TokenExample, Turn } from "./data/example.js";
export { type DatasetOptions, type LoadedDataset, loadDataset } from "./data/load-dataset.js";
export { type Attempt, type DistillJob, distill } from "./distill/distill.js";
export { mixExamples } from "./distill/mix.js";
export { parseRules } from "./distill/rules/parse-rules.js";
export { authorsRules, defaultRules, type RuleName, type RuleSetting, ruleNames } from "./distill/rules/registry.js";
export { type DistilledRow, type Rewrite, type Selection, select } from "./distill/select.js";
export { type AdapterSettings, loraTargets } from "./engine/adapter-settings.js";
export {
  type AdapterHandle,
  Engine,
  type EngineOptions,
  openEngine,
  type ScoreRow as ScoreRequestRow,
} from "./engine/engine.js";
export { type ExportJob, exportModel } from "./engine/export-model.js";
export type { Completion, GenerationProgress, Prompt } from "./engine/generate.js";
export { greedySampling, type Sampling } from "./engine/sampling.js";
export { type Evaluation, type EvaluationJob, evaluate, scorePredictions } from "./eval/evaluate.js";
export { evaluateTask, gradePredictions, type TaskJob } from "./eval/evaluate-task.js";
export { type GradingContext, type GradingSettings, plainGrading } from "./eval/grading.js";
export { type Judgement, type JudgeRow, judgeOutputs } from "./eval/judge/judge-outputs.js";
export { type JudgeSettings, readJudgeSettings } from "./eval/judge/settings.js";
export { startStandInJudge } from "./eval/judge/stand-in.js";
export type { PredictionRow, ScoreRow } from "./eval/prediction.js";
export { expectSandbox, findSandbox } from "./eval/sandbox/find-sandbox.js";
export { gradePrograms, type ProgramRow, type VerdictRow } from "./eval/sandbox/grade-programs.js";
export { compareResponses, type ResponseShift, type ShiftRow } from "./eval/shift/compare-responses.js";
export { type Divergence, divergenceInputs, divergenceMetrics } from "./eval/shift/divergence.js";
export { type Gap, gapMetrics, gapTargets } from "./eval/shift/gap.js";
export { type ParameterShift, parameterShift } from "./eval/shift/parameter-shift.js";
export { readExperiment } from "./experiment/read-experiment.js";
export { type RunOptions, runExperiment } from "./experiment/run.js";
export { type Experiment, parseExperiment } from "./experiment/schema.js";
export { openSession, type Session } from "./experiment/session.js";
export { stageRenderers, stageSampling } from "./experiment/stage-settings.js";
export type { ModelPackage } from "./models/package.js";
export { openModel } from "./models/resolve.js";
export { type RunSummary, readRun } from "./report/run-summary.js";
export { writeReport } from "./report/write-report.js";
export { getTask, taskNames } from "./tasks/registry.js";
export type { Task } from "./tasks/task.js";
export { getPreset, type Preset, presetNames } from "./templates/presets.js";
export type { TrainSequence } from "./train/batches.js";
export { type Checkpoint, latestCheckpoint } from "./train/checkpoint.js";
export { freshAdapterSettings, parseTrainingConfig, type TrainingConfig } from "./train/config.js";
export type { LogRow } from "./train/log.js";
export { initializeAdapter } from "./train/lora-init.js";
export { prepareSequences } from "./train/prepare.js";
export { type TrainingJob, type TrainingOutcome, train } from "./train/train.js";
