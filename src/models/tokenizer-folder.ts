// The tokenizer of a Hugging Face folder: tokenizer.json, and what tokenizer_config.json, generation_config.json, config.json and the
// chat template's own file say beside it.

import { join } from "node:path";
import { isRecord, readJsonObject } from "../formats/json.js";
import { exists, readText } from "../formats/open-file.js";
import { createTokenizer, type Tokenizer, type TokenizerFacts } from "./tokenizer.js";

/** Null where the folder has no tokenizer.json: such a model serves rows of tokens. */
export async function readFolderTokenizer(folder: string): Promise<Tokenizer | null> {
  const path = join(folder, "tokenizer.json");
  if (!(await exists(path))) return null;
  const json = await readJsonObject("tokenizer", path);
  return createTokenizer(path, json, await readFacts(folder));
}

/** eos_token_id of generation_config.json and config.json, each a number or a list. */
export async function readEndIds(folder: string): Promise<number[]> {
  const ids = new Set<number>();
  for (const name of ["generation_config.json", "config.json"]) {
    const value = (await readOptional(folder, name)).eos_token_id;
    for (const id of Array.isArray(value) ? value : [value]) if (Number.isInteger(id)) ids.add(id);
  }
  return [...ids];
}

async function readFacts(folder: string): Promise<TokenizerFacts> {
  const config = await readOptional(folder, "tokenizer_config.json");
  const special = await readOptional(folder, "special_tokens_map.json");
  const flag = (key: string): boolean | null => (typeof config[key] === "boolean" ? config[key] : null);
  return {
    bosToken: tokenText(config.bos_token ?? special.bos_token),
    eosToken: tokenText(config.eos_token ?? special.eos_token),
    endIds: await readEndIds(folder),
    addBos: flag("add_bos_token"),
    addEos: flag("add_eos_token"),
    chatTemplate: await readChatTemplate(folder, config.chat_template),
  };
}

/** chat_template.jinja, then chat_template.json, then tokenizer_config.json: a string, or a list of which `default` is taken. */
async function readChatTemplate(folder: string, fromConfig: unknown): Promise<string | null> {
  const jinja = join(folder, "chat_template.jinja");
  if (await exists(jinja)) return readText("chat template", jinja);
  const template = (await readOptional(folder, "chat_template.json")).chat_template ?? fromConfig;
  if (typeof template === "string") return template;
  if (!Array.isArray(template)) return null;
  const named = template.filter(isRecord).find(({ name }) => name === "default");
  return typeof named?.template === "string" ? named.template : null;
}

async function readOptional(folder: string, name: string): Promise<Record<string, unknown>> {
  const path = join(folder, name);
  return (await exists(path)) ? readJsonObject("model configuration", path) : {};
}

/** A special token is a string or an object with `content`. */
function tokenText(token: unknown): string | null {
  if (typeof token === "string") return token;
  return isRecord(token) && typeof token.content === "string" ? token.content : null;
}
