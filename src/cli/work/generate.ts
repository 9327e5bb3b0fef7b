// The work of `sdft generate`.
import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { z } from "zod";
import { contentHash } from "../../base/content-hash.js";
import { InputError } from "../../base/error.js";
import { type ComputedBy, computedBy, openJournal } from "../../base/journal.js";
import { writeJsonLines } from "../../base/write-file.js";
import type { TextExample } from "../../data/example.js";
import type { Completion, Prompt } from "../../engine/generate.js";
import { type Preparation, prepareSession, startSession } from "../../experiment/session.js";
import { stageSampling } from "../../experiment/stage-settings.js";
import type { DraftMode } from "../../native/types.js";
import { getPreset } from "../../templates/presets.js";
import { type SamplingArgs, samplingChanges, sessionOptions, withSamplingArgs } from "../arguments.js";
import type { CommandContext } from "../run-command.js";
import { commandRenderers } from "./data.js";
import { type ModelArgs, openAdapter, planAnswers } from "./model.js";
import { expectOutFile } from "./out-file.js";
import { type ProfileArgs, startProfile } from "./profile.js";
import { type InputRow, readInputRows, textOf, tokensOf } from "./prompt-rows.js";

export interface GenerateArgs extends ModelArgs, SamplingArgs, ProfileArgs {
  readonly prompt?: string | undefined;
  readonly input?: string | undefined;
  readonly out?: string | undefined;
  readonly template?: string | undefined;
  readonly preset: string;
  readonly drafts: DraftMode;
}

/** A row of the output file. */
interface AnswerRow {
  readonly id: string;
  /** The new tokens, an end token included. */
  readonly tokens: number[];
  readonly text: string;
  readonly finish: "stop" | "length";
}

export async function runGenerate(args: GenerateArgs, { terminal, signal }: CommandContext): Promise<void> {
  const rows = await readRows(args);
  const preset = getPreset(args.preset);
  const prepared = await prepareSession(sessionOptions(args, terminal));
  const encode = await promptEncoder(prepared, args);
  const prompts = rows.map((row) => ({ id: row.id, tokens: encode.tokens(row) }));
  const sampling = withSamplingArgs(stageSampling(preset, null, samplingChanges(args), args.seed ?? 0), args);
  const lengths = prompts.map(({ tokens }) => tokens.length);
  using session = await startSession(prepared, [await planAnswers(prepared, lengths, sampling, args.adapter)]);
  const { engine } = session;
  const adapter = await openAdapter(engine, args.adapter, terminal);
  await expectOutFile(args);
  const store = await openStore(
    args.out,
    contentHash([engine.fingerprint, engine.hashAdapter(adapter), sampling, prompts]),
    computedBy(engine, terminal),
  );
  const open: Prompt[] = prompts.filter((prompt) => !store.has(prompt.id));
  const showProfile = startProfile(args, engine, terminal);
  await engine.generate(open, sampling, {
    adapter,
    endTokens: encode.endTokens,
    drafts: args.drafts,
    signal,
    onCompletion: (completion) => store.add(toRow(completion)),
    onProgress: ({ finished, newTokens, promptTokens, share }) =>
      terminal.progress({
        stage: "generate",
        done: prompts.length - open.length + finished,
        total: prompts.length,
        unit: "prompts",
        tokens: newTokens + promptTokens,
        share,
      }),
  });
  await showProfile();
  const answers = prompts.flatMap(({ id }) => store.get(id) ?? []);
  await store.finish(answers);
  const shown = answers.map((answer) => (answers.length === 1 ? answer.text : `[${answer.id}] ${answer.text}`));
  terminal.result(
    args.out === undefined ? answers : { out: args.out, rows: answers.length },
    args.out === undefined ? shown.join("\n") : `${answers.length} answers written to ${args.out}`,
  );
}

async function readRows(args: GenerateArgs): Promise<InputRow[]> {
  if ((args.prompt === undefined) === (args.input === undefined)) {
    throw new InputError("usage", "Expected either --prompt TEXT or --input FILE.jsonl.");
  }
  if (args.input !== undefined) return readInputRows(args.input);
  return [{ id: "0", row: { prompt: args.prompt }, place: "--prompt" }];
}

interface PromptEncoder {
  tokens(row: InputRow): Int32Array;
  readonly endTokens: readonly number[];
}

/** `prompt` is taken word for word, or as a template's instruction; `messages` go through the model's own chat template. */
async function promptEncoder(prepared: Preparation, args: GenerateArgs): Promise<PromptEncoder> {
  const { prompts, model } = prepared;
  const renderer =
    args.template === undefined
      ? null
      : (await commandRenderers(prompts, args, { task: null, preset: getPreset(args.preset) })).infer;
  const tokens = (row: InputRow): Int32Array => {
    const given = tokensOf(row, model.spec.vocabSize);
    if (given !== null) return given;
    if (prompts === null) {
      throw new InputError("no_tokenizer", `This model has no tokenizer, so ${row.place} needs a column "tokens".`);
    }
    const prompt = textOf(row, "prompt");
    if (prompt !== null) {
      return Int32Array.from(
        renderer === null ? prompts.tokenizer.encode(prompt) : renderer.promptTokens(asExample(row.id, prompt)),
      );
    }
    const messages = messagesSchema.safeParse(row.row.messages);
    if (!messages.success) {
      throw new InputError(
        "column",
        `Expected a column "prompt", "messages" (a list of role and content) or "tokens" at ${row.place} but found none.`,
      );
    }
    return Int32Array.from(
      prompts.tokenizer.encode(prompts.renderChat(messages.data, { addGenerationPrompt: true }), { addSpecial: false }),
    );
  };
  return { tokens, endTokens: renderer?.stopTokens ?? [] };
}

const messagesSchema = z.array(z.object({ role: z.enum(["system", "user", "assistant"]), content: z.string() })).min(1);

function asExample(id: string, instruction: string): TextExample {
  return { kind: "text", id, instruction, response: null, history: [], system: null, row: {} };
}

const answerSchema = z.object({
  id: z.string(),
  tokens: z.array(z.number()),
  text: z.string(),
  finish: z.enum(["stop", "length"]),
});

/** Answers so far; with an output file they survive an interruption. */
async function openStore(out: string | undefined, fingerprint: string, by: ComputedBy) {
  const rows = new Map<string, AnswerRow>();
  const path = out === undefined ? null : resolve(out);
  const journal =
    path === null
      ? null
      : await openJournal(`${path}.partial`, fingerprint, (value) => answerSchema.safeParse(value).data ?? null, by);
  for (const row of journal?.earlier ?? []) rows.set(row.id, row);
  return {
    has: (id: string): boolean => rows.has(id),
    get: (id: string): AnswerRow | undefined => rows.get(id),
    add: (row: AnswerRow): void => {
      rows.set(row.id, row);
      journal?.append(row);
    },
    finish: async (answers: readonly AnswerRow[]): Promise<void> => {
      if (path === null) return;
      await writeJsonLines(path, answers);
      await rm(`${path}.partial`, { force: true });
    },
  };
}

function toRow({ id, tokens, text, finish }: Completion): AnswerRow {
  return { id, tokens: [...tokens], text, finish };
}
