// Who judges, and how they are asked. The key is read from the environment when a request is made and is never part of the settings.
import { InputError } from "../../base/error.js";
import { readText } from "../../formats/open-file.js";
import { checkJudgePrompt, judgePrompt } from "./prompt.js";

/** Dollars for a million tokens. */
export interface JudgePrice {
  readonly prompt: number;
  readonly completion: number;
}

/** Instead of an address: a judge that prefers the longer answer, started on loopback (stand-in.ts). */
export const standInEndpoint = "stand-in";

export interface JudgeSettings {
  /** Of any service that speaks OpenAI's chat completions, such as https://api.example.com/v1, or `stand-in`. */
  readonly endpoint: string;
  /** The judge's name there. */
  readonly model: string;
  /** The environment variable that holds the key; null sends none. */
  readonly keyEnv: string | null;
  /** Asks about each pair twice; else the order of a pair follows from its id. */
  readonly bothOrders: boolean;
  /** With the places {instruction}, {first} and {second}. */
  readonly prompt: string;
  /** Requests at a time. */
  readonly concurrency: number;
  /** Null: not told. */
  readonly price: JudgePrice | null;
  /** Attempts at a request, and seconds to an answer, before it is given up. */
  readonly attempts: number;
  readonly timeoutSeconds: number;
  /** The first pause before another attempt; each is twice the one before. */
  readonly pauseSeconds: number;
}

/** What a user may say, under the names of experiment files. */
export interface JudgeWish {
  readonly endpoint: string;
  readonly model: string;
  readonly key_env?: string | null | undefined;
  readonly both_orders?: boolean | undefined;
  /** The path of a file. */
  readonly prompt?: string | null | undefined;
  readonly concurrency?: number | undefined;
  /** `2.5,10`: dollars for a million prompt tokens and a million completion tokens. */
  readonly price?: string | null | undefined;
}

/** Reads the prompt's file and checks everything that can be checked before a request, the key's presence included. */
export async function readJudgeSettings(wish: JudgeWish): Promise<JudgeSettings> {
  const settings: JudgeSettings = {
    endpoint: checkEndpoint(wish.endpoint),
    model: wish.model,
    keyEnv: wish.key_env ?? null,
    bothOrders: wish.both_orders ?? false,
    prompt: await readPrompt(wish.prompt ?? null),
    concurrency: wish.concurrency ?? 4,
    price: parsePrice(wish.price ?? null),
    attempts: 6,
    timeoutSeconds: 120,
    pauseSeconds: 1,
  };
  judgeKey(settings);
  return settings;
}

/** The key, or null where none is to be sent. */
export function judgeKey({ keyEnv }: JudgeSettings): string | null {
  if (keyEnv === null) return null;
  const key = process.env[keyEnv];
  if (key !== undefined && key !== "") return key;
  throw new InputError(
    "judge_key",
    `Expected the judge's key in the environment variable ${keyEnv} but it is not set.`,
  );
}

function checkEndpoint(endpoint: string): string {
  if (endpoint === standInEndpoint) return endpoint;
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (url !== null && (url.protocol === "http:" || url.protocol === "https:") && url.username === "")
    return endpoint.replace(/\/+$/, "");
  throw new InputError(
    "judge_endpoint",
    `Expected the judge's address such as https://api.example.com/v1, without a name or key in it, but received ${url === null || url.username === "" ? endpoint : "one with a name in it"}.`,
  );
}

async function readPrompt(path: string | null): Promise<string> {
  if (path === null) return judgePrompt;
  const text = await readText("prompt for the judge", path);
  checkJudgePrompt(text, path);
  return text;
}

function parsePrice(text: string | null): JudgePrice | null {
  if (text === null) return null;
  const numbers = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const [prompt = Number.NaN, completion = Number.NaN] = numbers;
  if (numbers.length === 2 && prompt >= 0 && completion >= 0) return { prompt, completion };
  throw new InputError(
    "judge_price",
    `Expected the judge's price as dollars for a million prompt tokens and a million completion tokens, such as 2.5,10, but received ${text}.`,
  );
}
