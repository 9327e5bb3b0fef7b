// The work of `sdft inspect`: tokens and loss mask as training sees them, and what is wrong with the data.
import { openPackage } from "../../experiment/session.js";
import { expectTexts } from "../../experiment/task-data.js";
import { DEFAULT_MODEL } from "../../models/aliases.js";
import { createChatModel } from "../../models/chat-template.js";
import type { PromptModel } from "../../templates/prompt-model.js";
import type { TrainSequence } from "../../train/batches.js";
import { encodeExamples } from "../../train/encode.js";
import { describeProblem } from "../../train/encode-problems.js";
import { type InspectedToken, inspectTokens } from "../../train/inspect.js";
import type { CommandContext } from "../run-command.js";
import type { Terminal } from "../terminal.js";
import { commandRenderers, type DataArgs, loadCommandData } from "./data.js";
import type { ModelArgs } from "./model.js";

export interface InspectArgs extends DataArgs, ModelArgs {
  readonly distillTemplate?: string | undefined;
  readonly rows: number;
  readonly cutoffLen?: number | undefined;
  readonly seed?: number | undefined;
}

/** No weights are loaded. */
export async function runInspect(args: InspectArgs, { terminal }: CommandContext): Promise<void> {
  const resolved = await loadCommandData(args, "train", terminal);
  const model = await openPackage(args.model ?? DEFAULT_MODEL, terminal);
  const prompts = model.tokenizer === null ? null : createChatModel(model.tokenizer);
  if (args.distillTemplate !== undefined) return showPrompts(prompts, args, { terminal, resolved });
  const renderer = prompts === null ? null : (await commandRenderers(prompts, args, resolved)).train;
  const { sequences, report } = encodeExamples(resolved.loaded.examples, renderer, {
    cutoff: args.cutoffLen ?? resolved.preset.cutoff,
    maxPositions: model.spec.maxPositions,
    vocabSize: model.spec.vocabSize,
    policy: "drop",
  });
  const shown = sequences
    .slice(0, args.rows)
    .map((sequence) => ({ id: sequence.id, tokens: describeTokens(sequence, prompts) }));
  const problems = report.problems.map(describeProblem);
  const text = [
    ...shown.map(({ id, tokens }) => `${terminal.color.bold(`Example ${id}`)}\n${colourTokens(tokens, terminal)}`),
    `${report.kept} of ${report.examples} examples can be trained on: ${report.tokens} tokens, ${report.trainedTokens} of them trained, the longest example ${report.longest}.`,
    ...problems,
  ];
  terminal.result({ rows: shown, report: { ...report, template: renderer?.template.name ?? null } }, text.join("\n\n"));
}

/** The distilling prompts, in words. */
async function showPrompts(
  model: PromptModel | null,
  args: InspectArgs,
  context: { readonly terminal: Terminal; readonly resolved: Awaited<ReturnType<typeof loadCommandData>> },
): Promise<void> {
  const { terminal, resolved } = context;
  const { distill } = await commandRenderers(model, args, resolved);
  const rows = expectTexts(resolved.loaded.examples.slice(0, args.rows), "distil").map((example) => ({
    id: example.id,
    prompt: distill.promptText(example),
    tokens: distill.promptTokens(example),
  }));
  const text = rows.map(
    ({ id, prompt, tokens }) => `${terminal.color.bold(`Example ${id}`)} (${tokens.length} tokens)\n${prompt}`,
  );
  terminal.result({ rows, template: distill.template.name }, text.join("\n\n"));
}

function describeTokens(sequence: TrainSequence, model: PromptModel | null): InspectedToken[] {
  if (model !== null) return inspectTokens(sequence, model.tokenizer);
  return Array.from(sequence.tokens, (id, index) => ({
    id,
    text: `${id} `,
    trained: index > 0 && sequence.labels[index] !== -100,
  }));
}

/** Trained tokens green, with their borders marked; without colours trained stretches stand in brackets. */
function colourTokens(tokens: readonly InspectedToken[], { color }: Terminal): string {
  if (color.isColorSupported) {
    return tokens.map(({ text, trained }) => (trained ? color.green(color.underline(text)) : color.dim(text))).join("");
  }
  let line = "";
  let open = false;
  for (const { text, trained } of tokens) {
    if (trained !== open) line += trained ? "⟦" : "⟧";
    line += text;
    open = trained;
  }
  return open ? `${line}⟧` : line;
}
