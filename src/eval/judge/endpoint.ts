// One question to an endpoint that speaks OpenAI's chat completions: asked again after a while where the service is busy or gone.
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { SdftError } from "../../base/error.js";
import { Interrupted, throwIfInterrupted } from "../../base/interrupted.js";
import { type JudgeSettings, judgeKey } from "./settings.js";

export interface Reply {
  /** Null where the service answered something that is no chat completion. */
  readonly text: string | null;
  /** As the service counted them; null where it doesn't say. */
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
}

/** Most tokens of an answer; the verdict stands at its end. */
export const answerTokens = 512;

const interruption = "Judging was interrupted. Run the same command again to go on: answers so far are kept.";

const replySchema = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string().nullable() }) })).min(1),
  usage: z
    .object({ prompt_tokens: z.number().optional(), completion_tokens: z.number().optional() })
    .nullish()
    .catch(null),
});

/** `row` names the question in errors. Throws where the service refuses, or stays away after all attempts. */
export async function askJudge(
  settings: JudgeSettings,
  question: string,
  { row, signal }: { readonly row: string; readonly signal?: AbortSignal | undefined },
): Promise<Reply> {
  let fault = "";
  for (let attempt = 0; attempt < settings.attempts; ++attempt) {
    throwIfInterrupted(signal, interruption);
    const outcome = await request(settings, question, signal);
    if (outcome.kind === "reply") return outcome.reply;
    fault = outcome.fault;
    if (outcome.kind === "refused") break;
    if (attempt + 1 < settings.attempts)
      await wait(pauseSeconds({ attempt, first: settings.pauseSeconds, retryAfter: outcome.retryAfter }), signal);
  }
  throw new SdftError(
    "judge",
    `The judge ${settings.model} at ${settings.endpoint} ${fault}, asked about row ${row}. Answers so far are kept: run the same command again to go on.`,
  );
}

type Outcome =
  | { readonly kind: "reply"; readonly reply: Reply }
  /** Asking again would change nothing. */
  | { readonly kind: "refused"; readonly fault: string }
  | { readonly kind: "busy"; readonly fault: string; readonly retryAfter: string | null };

async function request(settings: JudgeSettings, question: string, signal: AbortSignal | undefined): Promise<Outcome> {
  const key = judgeKey(settings);
  const timeout = AbortSignal.timeout(settings.timeoutSeconds * 1000);
  try {
    const response = await fetch(chatAddress(settings.endpoint), {
      method: "POST",
      // Elsewhere the key would be in strange hands.
      redirect: "manual",
      headers: {
        "content-type": "application/json",
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify({
        model: settings.model,
        messages: [{ role: "user", content: question }],
        temperature: 0,
        max_tokens: answerTokens,
      }),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    const body = await response.text();
    if (response.ok) return { kind: "reply", reply: readReply(body) };
    if (response.status >= 300 && response.status < 400) return { kind: "refused", fault: redirection(response, key) };
    const fault = `answered with status ${response.status} (${withoutKey(shorten(body), key)})`;
    const busy = response.status >= 500 || response.status === 429 || response.status === 408;
    return busy ? { kind: "busy", fault, retryAfter: response.headers.get("retry-after") } : { kind: "refused", fault };
  } catch (error) {
    if (signal?.aborted === true) throw new Interrupted(interruption);
    const fault = timeout.aborted
      ? `gave no answer in ${settings.timeoutSeconds} s`
      : `can't be reached (${cause(error)})`;
    return { kind: "busy", fault: withoutKey(fault, key), retryAfter: null };
  }
}

/** The questions, and the key, go to nobody but whom the user named. */
function redirection({ status, headers }: Response, key: string | null): string {
  const location = headers.get("location");
  const where = location === null ? "elsewhere" : `to ${withoutKey(shorten(location), key)}`;
  return `sends questions on ${where} (status ${status}), which is not followed: name the final address`;
}

/** The address of the completions below an endpoint, which may already be that. */
function chatAddress(endpoint: string): string {
  return endpoint.endsWith("/chat/completions") ? endpoint : `${endpoint}/chat/completions`;
}

function readReply(body: string): Reply {
  const reply = replySchema.safeParse(parseJson(body)).data;
  return {
    text: reply?.choices[0]?.message.content ?? null,
    promptTokens: reply?.usage?.prompt_tokens ?? null,
    completionTokens: reply?.usage?.completion_tokens ?? null,
  };
}

/** What the service asks for (seconds or a date, at most ten minutes), else twice as long each time, at most a minute. */
export function pauseSeconds(
  wish: { readonly attempt: number; readonly first: number; readonly retryAfter: string | null },
  now = Date.now(),
): number {
  const { attempt, first, retryAfter } = wish;
  if (retryAfter !== null) {
    const seconds = /^\s*\d+(\.\d+)?\s*$/.test(retryAfter) ? Number(retryAfter) : (Date.parse(retryAfter) - now) / 1000;
    if (!Number.isNaN(seconds)) return Math.min(600, Math.max(0, seconds));
  }
  return Math.min(60, first * 2 ** attempt);
}

async function wait(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await pause(seconds * 1000, undefined, signal === undefined ? {} : { signal });
  } catch {
    throw new Interrupted(interruption);
  }
}

function withoutKey(text: string, key: string | null): string {
  return key === null ? text : text.replaceAll(key, "***");
}

function shorten(body: string): string {
  const text = body.replace(/\s+/g, " ").trim();
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function cause(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
