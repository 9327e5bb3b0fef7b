// The work of `sdft distill`.
import { join, resolve } from "node:path";
import { InputError } from "../../base/error.js";
import { makeWritableFolder } from "../../base/write-file.js";
import { distill } from "../../distill/distill.js";
import type { Choice } from "../../distill/evidence.js";
import { planFilter } from "../../distill/filter-memory.js";
import { parseRules } from "../../distill/rules/parse-rules.js";
import { startSession } from "../../experiment/session.js";
import { stageSampling } from "../../experiment/stage-settings.js";
import { expectTexts } from "../../experiment/task-data.js";
import type { DraftMode } from "../../native/types.js";
import { requireOption, type SamplingArgs, samplingChanges, withSamplingArgs } from "../arguments.js";
import type { CommandContext } from "../run-command.js";
import { commandRenderers, loadTrainingData, type TrainingDataArgs } from "./data.js";
import { openAdapter, planAnswers, storedSettings } from "./model.js";
import { expectNoEarlier } from "./out-file.js";
import { type ProfileArgs, startProfile } from "./profile.js";
import { selectionDocument, selectionText } from "./selection-text.js";

export interface DistillArgs extends TrainingDataArgs, SamplingArgs, ProfileArgs {
  readonly out?: string | undefined;
  readonly attempts: number;
  readonly choose: Choice;
  readonly rules?: string | undefined;
  readonly drafts: DraftMode;
}

export async function runDistill(args: DistillArgs, { terminal, signal }: CommandContext): Promise<void> {
  const folder = resolve(requireOption(args.out, "out", "a folder for the distilled data"));
  if (!Number.isInteger(args.attempts) || args.attempts < 1) {
    throw new InputError(
      "attempts",
      `Expected --attempts to be a whole number from 1 on but received ${args.attempts}.`,
    );
  }
  expectNoEarlier(folder, "distilled.jsonl", "finished rewrites");
  const rules = await parseRules(args.rules, "--rules");
  const { resolved, prepared } = await loadTrainingData(args, terminal);
  const { distill: renderer, train: ordinary } = await commandRenderers(prepared.prompts, args, resolved);
  const { task, preset } = resolved;
  const examples = expectTexts(resolved.loaded.examples, "distil");
  const sampling = withSamplingArgs(stageSampling(preset, task, samplingChanges(args), args.seed ?? 0), args);
  const lengths = examples.map((example) => renderer.promptTokens(example).length);
  const { choose } = args;
  const filter = { examples, ordinary, sampling, rules, choose, adapter: await storedSettings(args.adapter) };
  const scoring = planFilter(prepared.planned, filter);
  const works = [await planAnswers(prepared, lengths, sampling, args.adapter), ...(scoring === null ? [] : [scoring])];
  using session = await startSession(prepared, works);
  const adapter = await openAdapter(session.engine, args.adapter, terminal);
  const job = {
    examples,
    renderer,
    ordinary,
    sampling,
    attempts: args.attempts,
    choose,
    task,
    rules,
    name: `distilled_${resolved.loaded.source.name.split("/").at(-1)}`,
    folder,
    adapter,
    drafts: args.drafts,
    reporter: terminal,
    signal,
  };
  await makeWritableFolder(folder);
  const showProfile = startProfile(args, session.engine, terminal);
  const selection = await distill(session.engine, job);
  await showProfile();
  terminal.result(
    selectionDocument(selection, folder),
    selectionText(selection.report, join(folder, "distilled.jsonl")),
  );
}
