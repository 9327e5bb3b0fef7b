// A conversation on a terminal: what Ctrl-C does there.
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { Terminal } from "../../../src/cli/terminal.js";
import { type ChatArgs, runChat } from "../../../src/cli/work/chat.js";
import { tinyChat } from "../../tiny-chat.js";

const args: ChatArgs = {
  ...{ model: tinyChat, device: "cpu", weights: "native", compute: "f32", threads: 1 },
  ...{ maxNewTokens: 900, minNewTokens: 0, ignoreEos: true, temperature: 0, minP: 0, repetitionPenalty: 1 },
};

class Recorder extends Terminal {
  document: { messages: { role: string; content: string }[] } | null = null;
  onStream: (text: string) => void = () => {};
  override note(): void {}
  override stream(text: string): void {
    this.onStream(text);
  }
  override result(document: unknown): void {
    this.document = document as Recorder["document"];
  }
}

function conversation(): { keys: PassThrough; terminal: Recorder; over: Promise<void> } {
  const keys = new PassThrough();
  const terminal = new Recorder({ json: false, verbose: false });
  const input = Object.assign(keys, { isTTY: true, setRawMode: () => keys });
  const over = runChat(args, { terminal }, { input, output: new PassThrough() });
  return { keys, terminal, over };
}

describe("Ctrl-C in chat", () => {
  it("ends an answer, and the conversation goes on", async () => {
    const whole = conversation();
    whole.terminal.onStream = (text) => {
      if (text.endsWith("\n")) whole.keys.write("\r");
    };
    whole.keys.write("hello\r");
    await whole.over;
    const { keys, terminal, over } = conversation();
    let lines = 0;
    terminal.onStream = (text) => {
      if (text !== "" && !text.endsWith("\n") && lines === 0) keys.write("\x03");
      if (!text.endsWith("\n")) return;
      lines++;
      keys.write(lines === 1 ? "and now?\r" : "\r");
    };
    keys.write("hello\r");
    await over;
    const messages = terminal.document?.messages ?? [];
    expect(messages.map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant"]);
    const [entire = "", cut = ""] = [whole.terminal.document?.messages, messages].map((all) => all?.[1]?.content);
    expect(cut).not.toBe("");
    expect(entire.startsWith(cut)).toBe(true);
    expect(cut.length).toBeLessThan(entire.length);
  });

  it("ends the conversation between answers", async () => {
    const { keys, terminal, over } = conversation();
    terminal.onStream = (text) => {
      if (text.endsWith("\n")) setTimeout(() => keys.write("\x03"), 50);
    };
    keys.write("hello\r");
    await expect(over).rejects.toThrow("The conversation was interrupted.");
    expect(terminal.document).toBeNull();
  });
});
