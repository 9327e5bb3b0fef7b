// The work of `sdft select`: the filters alone. A model is opened only where a rule asks for what no text tells.
import { basename, extname, join, resolve } from "node:path";
import { contentHash } from "../../base/content-hash.js";
import { InputError } from "../../base/error.js";
import { computedBy, openJournal } from "../../base/journal.js";
import { makeWritableFolder } from "../../base/write-file.js";
import type { TextExample } from "../../data/example.js";
import { checkReferences, keptOriginalSentence } from "../../distill/distill.js";
import { type Choice, evidenceNeeds, rendererEvidence, textEvidence } from "../../distill/evidence.js";
import { matchPredictions } from "../../distill/foreign-rewrites.js";
import { answerRow, expectScorable, LogprobStore, parseScoredSample } from "../../distill/gather-logprobs.js";
import { Judging, type JudgingJob } from "../../distill/judging.js";
import { readRewrites } from "../../distill/rewrites-file.js";
import { parseRules } from "../../distill/rules/parse-rules.js";
import { bindRules } from "../../distill/rules/registry.js";
import { type Filter, type Rewrite, type Selection, select } from "../../distill/select.js";
import { writeSelection } from "../../distill/write-selection.js";
import { scoringWork } from "../../engine/generation-batch.js";
import { planScoring } from "../../engine/memory-plan.js";
import { readPredictions } from "../../eval/predictions-file.js";
import { prepareSession, type Session, startSession } from "../../experiment/session.js";
import type { StageRenderers } from "../../experiment/stage-settings.js";
import { expectTexts } from "../../experiment/task-data.js";
import { requireOption, sessionOptions } from "../arguments.js";
import type { CommandContext } from "../run-command.js";
import { commandRenderers, type DataArgs, loadCommandData, type ResolvedData } from "./data.js";
import { type ModelArgs, openAdapter, storedSettings } from "./model.js";
import { expectNoEarlier } from "./out-file.js";
import { selectionDocument, selectionText } from "./selection-text.js";

export interface SelectArgs extends DataArgs, ModelArgs {
  readonly out?: string | undefined;
  readonly predictions?: string | undefined;
  readonly rewrites?: string | undefined;
  readonly rules?: string | undefined;
  readonly choose: Choice;
  readonly distillTemplate?: string | undefined;
}

interface Work {
  readonly args: SelectArgs;
  readonly resolved: ResolvedData;
  readonly originals: readonly TextExample[];
  readonly rewrites: readonly Rewrite[];
  readonly job: JudgingJob;
  readonly folder: string;
}

/** Filters rewrites that are there already. */
export async function runSelect(args: SelectArgs, context: CommandContext): Promise<void> {
  const folder = resolve(requireOption(args.out, "out", "a folder for the distilled data"));
  if ((args.predictions === undefined) === (args.rewrites === undefined)) {
    throw new InputError(
      "usage",
      "Expected either --predictions (a JSONL of rewrites made elsewhere) or --rewrites (the rewrites.jsonl of sdft distill).",
    );
  }
  expectNoEarlier(folder, "distilled.jsonl", "finished rewrites");
  const rules = await parseRules(args.rules, "--rules");
  const resolved = await loadCommandData(args, "train", context.terminal);
  const originals = expectTexts(resolved.loaded.examples, "select from");
  for (const fault of checkReferences(originals, resolved.task, rules))
    context.terminal.warn(keptOriginalSentence(fault));
  const rewrites = await rewritesOf(args, originals);
  const job = { task: resolved.task, rules, choose: args.choose };
  const work = { args, resolved, originals, rewrites, job, folder };
  const filter = await completeFilter(work, context);
  const selection: Selection = select(originals, rewrites, filter);
  await makeWritableFolder(folder);
  const { name } = resolved.loaded.source;
  await writeSelection(selection, { folder, name: `distilled_${basename(name, extname(name))}`, originals });
  const path = join(folder, "distilled.jsonl");
  context.terminal.result(selectionDocument(selection, folder), selectionText(selection.report, path));
}

async function rewritesOf(args: SelectArgs, originals: readonly TextExample[]): Promise<readonly Rewrite[]> {
  if (args.rewrites !== undefined) return readRewrites(args.rewrites);
  const path = args.predictions ?? "";
  return matchPredictions(originals, await readPredictions(path), path);
}

/** The filter with all that its rules go by: from texts alone, by a tokenizer, or by the engine. */
async function completeFilter(work: Work, context: CommandContext): Promise<Filter> {
  const { args, job, resolved } = work;
  const bound = bindRules(job.rules);
  const needs = evidenceNeeds(bound, job.choose ?? "first");
  if (args.model === undefined) {
    if (needs.size === 0) return { ...job, evidence: textEvidence };
    const asking = bound.filter((rule) => rule.needs.length > 0).map((rule) => rule.name);
    const who = [...asking, ...(job.choose === "best" ? ["--choose best"] : [])].join(", ");
    throw new InputError(
      "missing_model",
      `Expected --model with ${who}: ${needs.has("logprob") ? "log-probabilities come" : "token counts come"} from a model, and this command loads none unless you name it.`,
    );
  }
  const prepared = await prepareSession(sessionOptions(args, context.terminal));
  const { distill: renderer, train: ordinary } = await commandRenderers(prepared.prompts, args, resolved);
  if (!needs.has("logprob")) return { ...job, evidence: rendererEvidence(renderer) };
  const examples = new Map(work.originals.map((example) => [example.id, example]));
  const answers = work.rewrites.flatMap(({ id, text }) => ({ example: examples.get(id), text }));
  const lengths = [...answers, ...work.originals.map((example) => ({ example, text: example.response ?? "" }))].flatMap(
    ({ example, text }) => (example === undefined ? [] : answerRow(ordinary, { example, text }).tokens.length),
  );
  const plan = planScoring(prepared.planned, scoringWork(lengths, await storedSettings(args.adapter)));
  using session = await startSession(prepared, [plan]);
  return await scoredFilter(work, { session, distill: renderer, train: ordinary }, context);
}

type Scored = Readonly<Pick<StageRenderers, "distill" | "train">> & { readonly session: Session };

/** Log-probabilities scored so far survive an interruption beside the results. */
async function scoredFilter(work: Work, scored: Scored, { terminal, signal }: CommandContext): Promise<Filter> {
  const { args, job, originals, rewrites, folder } = work;
  const { engine } = scored.session;
  const adapter = await openAdapter(engine, args.adapter, terminal);
  expectScorable(engine, scored.train, originals);
  await makeWritableFolder(folder);
  const hash = contentHash({
    engine: engine.fingerprint,
    adapter: engine.hashAdapter(adapter),
    rows: originals.map((example) => [example.id, scored.train.promptTokens(example), example.response]),
    rewrites,
  });
  const path = join(folder, "logprobs.partial.jsonl");
  const journal = await openJournal(path, hash, parseScoredSample, computedBy(engine, terminal));
  const store = new LogprobStore(engine, {
    ...{ renderer: scored.train, adapter, journal, signal },
    onProgress: (progress) => terminal.progress(progress),
  });
  const judging = new Judging(job, rendererEvidence(scored.distill, store.logprob), store);
  const byId = new Map<string, Rewrite[]>();
  for (const rewrite of rewrites) byId.set(rewrite.id, [...(byId.get(rewrite.id) ?? []), rewrite]);
  await judging.gather(originals, ({ id }) => byId.get(id) ?? []);
  await journal.remove();
  return judging.filter;
}
