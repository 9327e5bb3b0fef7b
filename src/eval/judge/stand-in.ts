// A stand-in for a judge, for trying things out and for `--scale smoke`: it listens on loopback alone, speaks OpenAI's chat completions,
// and prefers the longer answer. What it says is worth nothing, and it says so.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";

/** The name that its choices are known by. */
export const standInModel = "stand-in (the longer answer wins)";

export interface StandInJudge {
  /** For `judge.endpoint`. */
  readonly endpoint: string;
  close(): Promise<void>;
}

const requestSchema = z.object({ messages: z.array(z.object({ content: z.string() })).min(1) });

/** Answers questions that were made from the package's own prompt. */
export async function startStandInJudge(): Promise<StandInJudge> {
  const server = createServer(async (request, response) => {
    const { status, body } = reply(await readBody(request));
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}/v1`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function reply(body: string): { status: number; body: unknown } {
  const question = requestSchema.safeParse(parseJson(body)).data?.messages.at(-1)?.content;
  const first = /<first_answer>\n([\s\S]*?)\n<\/first_answer>/.exec(question ?? "")?.[1];
  const second = /<second_answer>\n([\s\S]*?)\n<\/second_answer>/.exec(question ?? "")?.[1];
  if (first === undefined || second === undefined)
    return { status: 400, body: { error: { message: "the stand-in judge knows only the package's own prompt" } } };
  const verdict = first.length === second.length ? "TIE" : first.length > second.length ? "FIRST" : "SECOND";
  const content = `This is a stand-in, which prefers the longer answer.\nVERDICT: ${verdict}`;
  return { status: 200, body: { model: standInModel, choices: [{ message: { role: "assistant", content } }] } };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
