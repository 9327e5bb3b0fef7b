// An experiment file with `key=value` overrides → the checked experiment.
import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import { InputError } from "../base/error.js";
import { type Experiment, parseExperiment } from "./schema.js";

/** `overrides` like `train.learning_rate=1e-4`, applied in order; values are YAML. */
export async function readExperiment(path: string, overrides: readonly string[]): Promise<Experiment> {
  return parseExperiment(await readSettings(path, overrides), path);
}

/** The file's keys and values as they stand there, with the overrides; not checked yet. */
export async function readSettings(path: string, overrides: readonly string[]): Promise<Record<string, unknown>> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new InputError("experiment_missing", `Expected an experiment file at ${path} but it can't be read.`, {
      cause,
    });
  });
  return applyOverrides(parseYaml(text, path), overrides);
}

/** A copy with each `a.b=value` set. */
export function applyOverrides(
  value: Readonly<Record<string, unknown>>,
  overrides: readonly string[],
): Record<string, unknown> {
  const result = structuredClone({ ...value });
  for (const override of overrides) {
    const at = override.indexOf("=");
    if (at < 1) {
      throw new InputError(
        "override",
        `Expected key=value (such as train.learning_rate=1e-4) but received "${override}".`,
      );
    }
    setPath(result, override.slice(0, at).split("."), parseValue(override.slice(at + 1), override));
  }
  return result;
}

function parseYaml(text: string, path: string): Record<string, unknown> {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) {
    const [first] = error.message.split("\n");
    throw new InputError("yaml", `${path} is not valid YAML: ${first?.replace(/:$/, "")}.`);
  }
  const value: unknown = document.toJS();
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new InputError(
    "yaml",
    `Expected keys and values in ${path} but found ${value === null ? "nothing" : "another document"}.`,
  );
}

function parseValue(text: string, override: string): unknown {
  const document = parseDocument(text);
  if (document.errors.length > 0)
    throw new InputError("override", `The value of "${override}" is not valid YAML; put it in quotes.`);
  return document.toJS();
}

function setPath(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let current = target;
  for (const key of path.slice(0, -1)) {
    const next = current[key];
    const inner: Record<string, unknown> =
      typeof next === "object" && next !== null && !Array.isArray(next) ? { ...next } : {};
    current[key] = inner;
    current = inner;
  }
  current[path.at(-1) ?? ""] = value;
}
