// Rules out of an experiment file or the command line. `default,length-ratio(min=0.5,max=2),copy` and the list
// [default, {length-ratio: {min: 0.5, max: 2}}, copy] say the same. A name may stand for a preset; dashes and underscores are the same.

import { parse as parseYaml } from "yaml";
import { InputError } from "../../base/error.js";
import { suggestion } from "../../base/suggestion.js";
import { readText } from "../../formats/open-file.js";
import {
  bindRules,
  defaultRules,
  isRuleName,
  isRulePreset,
  type RuleName,
  type RuleSetting,
  ruleNames,
  rulePresets,
  ruleSettings,
} from "./registry.js";

/** As an experiment file has it: a text in the command line's way, or a list of names and of names with parameters. */
export type RuleWish = string | readonly (string | Readonly<Record<string, unknown>>)[];

/** Every rule with its parameters checked and its files read, in the order in which they are asked; the default ones where nothing is said. */
export async function parseRules(wish: RuleWish | undefined, source: string): Promise<readonly RuleSetting[]> {
  if (wish === undefined) return defaultRules;
  const named = (typeof wish === "string" ? splitRules(wish) : wish).flatMap((one) =>
    typeof one === "string" ? textSettings(one, source) : recordSettings(one, source),
  );
  if (named.length === 0) {
    throw new InputError("rules", `Expected at least one rule in ${source} (${knownNames()}) but there is none.`);
  }
  const settings: RuleSetting[] = [];
  for (const setting of named) settings.push(await withPhrases(setting, source));
  return ruleSettings(bindRules(settings, source));
}

interface Named {
  readonly name: RuleName;
  /** Null: as the registry has them. */
  readonly options: Readonly<Record<string, unknown>> | null;
}

/** At commas outside brackets and quotes. */
function splitRules(text: string): string[] {
  const parts: string[] = [];
  let [start, depth, quote] = [0, 0, ""];
  for (const [index, character] of [...text].entries()) {
    if (quote !== "") {
      if (character === quote) quote = "";
    } else if (character === '"' || character === "'") quote = depth > 0 ? character : "";
    else if ("([{".includes(character)) depth++;
    else if (")]}".includes(character)) depth--;
    else if (character === "," && depth === 0) {
      parts.push([...text].slice(start, index).join(""));
      start = index + 1;
    }
  }
  parts.push([...text].slice(start).join(""));
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}

/** `copy`, `authors`, `length-ratio(min=0.5,max=2)`. */
function textSettings(text: string, source: string): Named[] {
  const match = /^([\w-]+)\s*(?:\((.*)\))?$/s.exec(text.trim());
  const [, name = "", inside] = match ?? [];
  if (match === null) {
    throw new InputError(
      "rules",
      `Expected a rule such as copy or length-ratio(min=0.5,max=2) in ${source} but received "${text}".`,
    );
  }
  if (inside === undefined) return settingsOf(name, null, source);
  return settingsOf(name, parseOptions(inside, text, source), source);
}

function recordSettings(record: Readonly<Record<string, unknown>>, source: string): Named[] {
  return Object.entries(record).flatMap(([name, options]) => {
    if (options === null) return settingsOf(name, null, source);
    if (typeof options === "object" && !Array.isArray(options)) return settingsOf(name, { ...options }, source);
    throw new InputError(
      "rules",
      `Expected parameters with their names after ${name} in ${source} but received ${JSON.stringify(options)}.`,
    );
  });
}

function settingsOf(given: string, options: Named["options"], source: string): Named[] {
  const name = given.replaceAll("_", "-");
  if (isRulePreset(name) && options === null) return rulePresets[name].map((rule) => ({ name: rule, options: null }));
  if (isRuleName(name)) return [{ name, options }];
  const what = isRulePreset(name) ? `${name} stands for several rules and takes no parameters` : `received "${given}"`;
  const near = isRulePreset(name) ? "" : suggestion(name, [...ruleNames, ...Object.keys(rulePresets)]);
  throw new InputError("unknown_rule", `Expected a rule (${knownNames()}) in ${source} but ${what}${near}.`);
}

function knownNames(): string {
  return `${ruleNames.join(", ")}, or a preset: ${Object.keys(rulePresets).join(", ")}`;
}

/** `min=0.5,max=2` as YAML's flow mapping, so that values are what they would be in an experiment file. */
function parseOptions(inside: string, text: string, source: string): Record<string, unknown> {
  if (inside.trim() === "") return {};
  try {
    const value: unknown = parseYaml(`{${inside.replace(/(^|,)(\s*[\w-]+\s*)=/g, "$1$2: ")}}`);
    if (typeof value === "object" && value !== null) return { ...value };
  } catch {
    // Said below.
  }
  throw new InputError(
    "rules",
    `Expected name=value with commas between the brackets of "${text}" in ${source}; put a value with commas or brackets into quotes.`,
  );
}

/** Reads the file of banned phrases, so that the phrases and not a path are what results depend on. */
async function withPhrases({ name, options }: Named, source: string): Promise<RuleSetting> {
  if (options === null) return name;
  const { file, phrases = [], ...rest } = options;
  if (name !== "banned-phrase" || file === undefined) return { [name]: options };
  const own = Array.isArray(phrases) ? phrases : [phrases];
  return { [name]: { ...rest, phrases: [...own, ...(await readPhrases(file, source))] } };
}

/** One phrase a line; empty lines don't count. */
async function readPhrases(path: unknown, source: string): Promise<string[]> {
  if (typeof path !== "string")
    throw new InputError("rules", `Expected a path after file of banned-phrase in ${source} but received ${path}.`);
  const text = await readText("file of banned phrases", path);
  const phrases = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (phrases.length > 0) return phrases;
  throw new InputError("empty_data", `Expected a banned phrase on each line of ${path} but it is empty.`);
}
