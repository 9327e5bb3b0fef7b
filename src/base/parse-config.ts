// Checks a configuration against a schema and reports all its faults in one error: where, what was expected, what came,
// and for an unknown key the nearest known one.
import { z } from "zod";
import { InputError } from "./error.js";
import { suggestion } from "./suggestion.js";

/** `source` names the configuration for messages (`examples/demo.yaml`, `the command line`). */
export function parseConfig<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  source: string,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap((issue) => describeIssue(issue, schema, value));
  throw new InputError(
    "config",
    `${faults.length === 1 ? "A setting" : `${faults.length} settings`} of ${source} can't be used: ${faults.join("; ")}.`,
  );
}

/** A whole number within bounds, with a message that says so. */
export function wholeNumber(low: number, high = Number.MAX_SAFE_INTEGER): z.ZodNumber {
  const range = high === Number.MAX_SAFE_INTEGER ? `from ${low} on` : `from ${low} to ${high}`;
  const error = `expected a whole number ${range}`;
  return z.int({ error }).min(low, { error }).max(high, { error });
}

/** A finite number within bounds (both included). */
export function realNumber(low: number, high = Number.MAX_VALUE): z.ZodNumber {
  const error =
    high === Number.MAX_VALUE ? `expected a number from ${low} on` : `expected a number from ${low} to ${high}`;
  return z.number({ error }).min(low, { error }).max(high, { error });
}

/** A finite number over `low` and at most `high`. */
export function numberOver(low: number, high = Number.MAX_VALUE): z.ZodNumber {
  const error =
    high === Number.MAX_VALUE ? `expected a number over ${low}` : `expected a number over ${low} and at most ${high}`;
  return z.number({ error }).gt(low, { error }).max(high, { error });
}

/** A number from `low` on that stays under `high`. */
export function numberUnder(low: number, high: number): z.ZodNumber {
  const error = `expected a number from ${low} to under ${high}`;
  return z.number({ error }).min(low, { error }).lt(high, { error });
}

/** One of the names, with a message that lists them. */
export function oneOf<const Names extends readonly [string, ...string[]]>(names: Names) {
  return z.enum(names, { error: `expected one of ${names.join(", ")}` });
}

function describeIssue(issue: z.core.$ZodIssue, schema: z.ZodType, value: unknown): string[] {
  const place = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, place);
    const names = known.length === 0 ? "" : ` (known: ${known.join(", ")})`;
    return issue.keys.map((key) => `unknown key "${[...place, key].join(".")}"${suggestion(key, known) || names}`);
  }
  const { received, reached } = valueAt(value, place);
  const what = issue.message.charAt(0).toLowerCase() + issue.message.slice(1);
  return [
    `${reached.join(".") || "the document"}: ${what} but received ${received === undefined ? "nothing" : JSON.stringify(received)}`,
  ];
}

/** The value at a path, or the text or number before it: a schema may have taken a list out of a text (`q_proj,v_proj`). */
function valueAt(value: unknown, path: readonly string[]): { received: unknown; reached: readonly string[] } {
  let received = value;
  for (const [depth, key] of path.entries()) {
    if (received === undefined) break;
    if (typeof received !== "object" || received === null) return { received, reached: path.slice(0, depth) };
    received = (received as Record<string, unknown>)[key];
  }
  return { received, reached: path };
}

function keysAt(schema: z.ZodType, path: readonly string[]): string[] {
  let current: unknown = unwrapped(schema);
  for (const key of path) current = current instanceof z.ZodObject ? unwrapped(current.shape[key]) : undefined;
  return current instanceof z.ZodObject ? Object.keys(current.shape) : [];
}

function unwrapped(schema: unknown): unknown {
  let current = schema;
  while (
    current instanceof z.ZodOptional ||
    current instanceof z.ZodDefault ||
    current instanceof z.ZodNullable ||
    current instanceof z.ZodPrefault
  ) {
    current = current.unwrap();
  }
  return current;
}
