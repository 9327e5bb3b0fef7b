// The work of `sdft distill`.
import { join, resolve } from "node:path";
import { InputError } from "../../base/error.js";
import { makeWritableFolder } from "../../base/write-file.js";
import { distill } from "../../distill/distill.js";
import { prepareSession, startSession } from "../../experiment/session.js";
import { stageSampling } from "../../experiment/stage-settings.js";
import { expectTexts } from "../../experiment/task-data.js";
import type { DraftMode } from "../../native/types.js";
import { requireOption, type SamplingArgs, samplingChanges, sessionOptions, withSamplingArgs } from "../arguments.js";
import type { CommandContext } from "../run-command.js";
import { commandRenderers, type DataArgs, loadCommandData, parseRules } from "./data.js";
import { type ModelArgs, openAdapter, planAnswers } from "./model.js";
import { expectNoEarlier } from "./out-file.js";
import { type ProfileArgs, startProfile } from "./profile.js";
import { selectionDocument, selectionText } from "./select.js";

export interface DistillArgs extends DataArgs, SamplingArgs, ModelArgs, ProfileArgs {
  readonly out?: string | undefined;
  readonly distillTemplate?: string | undefined;
  readonly attempts: number;
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
  const rules = parseRules(args.rules);
  const resolved = await loadCommandData(args, "train", terminal);
  const prepared = await prepareSession(sessionOptions(args, terminal));
  const { distill: renderer } = await commandRenderers(prepared.prompts, args, resolved);
  const { task, preset } = resolved;
  const examples = expectTexts(resolved.loaded.examples, "distil");
  const sampling = withSamplingArgs(stageSampling(preset, task, samplingChanges(args), args.seed ?? 0), args);
  const lengths = examples.map((example) => renderer.promptTokens(example).length);
  using session = await startSession(prepared, [await planAnswers(prepared, lengths, sampling, args.adapter)]);
  const adapter = await openAdapter(session.engine, args.adapter, terminal);
  const job = {
    examples,
    renderer,
    sampling,
    attempts: args.attempts,
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
  terminal.result(selectionDocument(selection, folder), selectionText(selection, join(folder, "distilled.jsonl")));
}
