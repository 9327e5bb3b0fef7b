// The work of `sdft chat`: a conversation on the terminal, or the lines of a pipe one after the other.
import process from "node:process";
import { createInterface } from "node:readline";
import { InputError } from "../../base/error.js";
import { Interrupted } from "../../base/interrupted.js";
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

export async function runChat(args: ChatArgs, { terminal, signal }: CommandContext): Promise<void> {
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
    input: process.stdin,
    output: process.stdin.isTTY ? process.stderr : undefined,
    prompt: "> ",
  });
  signal.addEventListener("abort", () => lines.close(), { once: true });
  if (process.stdin.isTTY) terminal.note(`${session.model.name}. An empty line or Ctrl-D ends the conversation.`);
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
      const [answer] = await engine.generate([{ id: `turn ${messages.length}`, tokens }], sampling, {
        adapter,
        signal,
        onTokens: (_, fresh) => {
          ids.push(...fresh);
          const text = prompts.tokenizer.decode(ids, { skipSpecial: true });
          // A character cut in the middle of its bytes waits for its rest.
          if (!text.startsWith(shown) || text.endsWith("\ufffd")) return;
          terminal.stream(text.slice(shown.length));
          shown = text;
        },
      });
      terminal.stream(`${(answer?.text ?? "").slice(shown.length)}\n`);
      messages.push({ role: "assistant", content: answer?.text ?? "" });
      lines.prompt();
    }
  } finally {
    lines.close();
  }
  if (signal.aborted) throw new Interrupted("The conversation was interrupted.");
  terminal.result({ messages }, "");
}
