// The work of `sdft chat`: a conversation on the terminal, or the lines of a pipe one after the other.
import process from "node:process";
import { createInterface } from "node:readline";
import { InputError } from "../../base/error.js";
import { Interrupted } from "../../base/interrupted.js";
import { beforeStop } from "../../engine/sampling.js";
import { prepareSession, startSession } from "../../experiment/session.js";
import { stageSampling } from "../../experiment/stage-settings.js";
import { getPreset } from "../../templates/presets.js";
import type { ChatMessage } from "../../templates/prompt-model.js";
import { type SamplingArgs, samplingChanges, sessionOptions, withSamplingArgs } from "../arguments.js";
import type { CommandContext } from "../run-command.js";
import { type ModelArgs, openAdapter, planAnswers } from "./model.js";

export interface ChatArgs extends ModelArgs, SamplingArgs {
  readonly system?: string | undefined;
}

interface ChatStreams {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
}

/** Ctrl-C ends an answer, which the conversation goes on from, or between answers the conversation. */
export async function runChat(
  args: ChatArgs,
  { terminal }: Pick<CommandContext, "terminal">,
  { input, output }: ChatStreams = { input: process.stdin, output: process.stderr },
): Promise<void> {
  const prepared = await prepareSession(sessionOptions(args, terminal));
  const { prompts } = prepared;
  if (prompts === null)
    throw new InputError("no_tokenizer", "This model has no tokenizer, so there is nothing to chat with.");
  const sampling = withSamplingArgs(
    stageSampling(getPreset("default"), null, samplingChanges(args), args.seed ?? 0),
    args,
  );
  // A conversation may grow to the whole context.
  const { maxPositions } = prepared.planned.spec;
  using session = await startSession(prepared, [await planAnswers(prepared, [maxPositions], sampling, args.adapter)]);
  const { engine } = session;
  const adapter = await openAdapter(engine, args.adapter, terminal);
  const messages: ChatMessage[] = args.system === undefined ? [] : [{ role: "system", content: args.system }];
  const lines = createInterface({
    input,
    output: input.isTTY ? output : undefined,
    terminal: input.isTTY === true,
    prompt: "> ",
  });
  let answering: AbortController | null = null;
  let interrupted = false;
  // On a terminal the key comes here, and no signal to the process.
  lines.on("SIGINT", () => {
    if (answering !== null) return answering.abort();
    interrupted = true;
    lines.close();
  });
  if (input.isTTY)
    terminal.note(`${session.model.name}. An empty line or Ctrl-D ends the conversation, Ctrl-C an answer.`);
  lines.prompt();
  try {
    for await (const line of lines) {
      if (line.trim() === "") break;
      messages.push({ role: "user", content: line });
      const ids: number[] = [];
      let shown = "";
      const tokens = prompts.tokenizer.encode(prompts.renderChat(messages, { addGenerationPrompt: true }), {
        addSpecial: false,
      });
      const controller = new AbortController();
      answering = controller;
      const answers = engine.generate([{ id: `turn ${messages.length}`, tokens }], sampling, {
        adapter,
        signal: controller.signal,
        onTokens: (_, fresh) => {
          ids.push(...fresh);
          const text = beforeStop(prompts.tokenizer.decode(ids, { skipSpecial: true }), sampling.stop);
          // A character cut in the middle of its bytes waits for its rest.
          if (!text.startsWith(shown) || text.endsWith("\ufffd")) return;
          terminal.stream(text.slice(shown.length));
          shown = text;
        },
      });
      const [answer] = await answers.catch((error: unknown) => {
        if (!controller.signal.aborted) throw error;
        return [];
      });
      answering = null;
      const content = answer?.text ?? shown;
      terminal.stream(`${content.slice(shown.length)}\n`);
      messages.push({ role: "assistant", content });
      lines.prompt();
    }
  } finally {
    lines.close();
  }
  if (interrupted) throw new Interrupted("The conversation was interrupted.");
  terminal.result({ messages }, "");
}
