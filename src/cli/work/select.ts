// The work of `sdft select`, and how a selection is shown.
import { basename, extname, join, resolve } from "node:path";
import { makeWritableFolder } from "../../base/write-file.js";
import { writeSelection } from "../../distill/distill.js";
import { matchPredictions } from "../../distill/foreign-rewrites.js";
import { type Selection, select } from "../../distill/select.js";
import { readPredictions } from "../../eval/predictions-file.js";
import { expectTexts } from "../../experiment/task-data.js";
import { countYield } from "../../report/run-summary.js";
import { reasonText, yieldSentence } from "../../report/wording.js";
import { requireOption } from "../arguments.js";
import type { CommandContext } from "../run-command.js";
import { type DataArgs, loadCommandData, parseRules } from "./data.js";
import { expectNoEarlier } from "./out-file.js";

export interface SelectArgs extends DataArgs {
  readonly out?: string | undefined;
  readonly predictions?: string | undefined;
  readonly rules?: string | undefined;
}

export async function runSelect(args: SelectArgs, { terminal }: CommandContext): Promise<void> {
  const folder = resolve(requireOption(args.out, "out", "a folder for the distilled data"));
  const path = requireOption(args.predictions, "predictions", "a JSONL of rewrites");
  expectNoEarlier(folder, "distilled.jsonl", "finished rewrites");
  const rules = parseRules(args.rules);
  const { task, loaded } = await loadCommandData(args, "train", terminal);
  const originals = expectTexts(loaded.examples, "select from");
  const rewrites = matchPredictions(originals, await readPredictions(path), path);
  const selection = select(originals, rewrites, task, rules);
  await makeWritableFolder(folder);
  const name = `distilled_${basename(loaded.source.name, extname(loaded.source.name))}`;
  await writeSelection(selection, { folder, name, originals });
  terminal.result(selectionDocument(selection, folder), selectionText(selection, join(folder, "distilled.jsonl")));
}

export function selectionDocument(selection: Selection, folder: string): unknown {
  return { folder, ...selection.report };
}

export function selectionText(selection: Selection, path: string): string {
  const counts = countYield(selection.rows);
  const reasons = counts.reasons.map(({ reason, count }) => `  ${String(count).padStart(6)}  ${reasonText(reason)}`);
  return [`${yieldSentence(counts)}.`, ...reasons, `Written to ${path}`].join("\n");
}
