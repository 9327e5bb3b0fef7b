// A stand-in for a judge's endpoint on the loopback, whose every reply is the test's own.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface JudgeRequest {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly model: string;
  /** The last message. */
  readonly question: string;
}

export interface JudgeReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** As it is sent; for a completion use `says`. */
  readonly body?: string;
  /** `never`: the request is left open. */
  readonly answer?: "never";
}

export interface JudgeServer {
  readonly endpoint: string;
  readonly requests: JudgeRequest[];
  /** How many were open at once, at most. */
  mostAtOnce(): number;
  close(): Promise<void>;
}

/** A completion with these words. */
export function says(content: string): JudgeReply {
  const usage = { prompt_tokens: 11, completion_tokens: 3 };
  return { body: JSON.stringify({ choices: [{ message: { role: "assistant", content } }], usage }) };
}

/** `reply` is asked for each request, numbered from 0. */
export async function startJudgeServer(
  reply: (request: JudgeRequest, number: number) => JudgeReply | Promise<JudgeReply>,
): Promise<JudgeServer> {
  const requests: JudgeRequest[] = [];
  let open = 0;
  let most = 0;
  const server = createServer(async (incoming, response) => {
    most = Math.max(most, ++open);
    const pieces: Buffer[] = [];
    for await (const piece of incoming) pieces.push(piece as Buffer);
    const { model, messages } = JSON.parse(Buffer.concat(pieces).toString());
    const { authorization } = incoming.headers;
    const request = { path: incoming.url ?? "", authorization, model, question: messages.at(-1).content };
    const number = requests.push(request) - 1;
    const { status = 200, headers = {}, body = "", answer } = await reply(request, number);
    open -= 1;
    if (answer === "never") return;
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}/v1`,
    requests,
    mostAtOnce: () => most,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
