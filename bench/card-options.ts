// The options of npm run bench:cuda, read whole before anything is measured: a wrong one must not show after an hour.
import { parseArgs } from "node:util";
import { InputError } from "#sdft/base/error.js";
import { parts, shapes } from "./cuda-cases.js";

const formats = ["native", "f32", "bf16", "q8", "q4"] as const;
const devices = ["cuda", "cpu"] as const;

/** Throws InputError for the first that is wrong. */
export function readCardOptions(args: readonly string[]) {
  const values = parse(args);
  return {
    parts: values.part.map((name) => oneOf("--part", name, parts)),
    shapes: values.shape.map((name) => oneOf("--shape", name, shapes)),
    weights: oneOf("--weights", values.weights, formats),
    device: oneOf("--device", values.device, devices),
    rounds: rounds(values.rounds),
    given: {
      teraflops: peak("--teraflops", values.teraflops),
      gigabytesPerSecond: peak("--gigabytes", values.gigabytes),
    },
    peers: values.peers,
    quick: values.quick,
    json: values.json,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        part: { type: "string", multiple: true, default: [...parts] },
        shape: { type: "string", multiple: true, default: [...shapes] },
        weights: { type: "string", default: "bf16" },
        peers: { type: "string" },
        rounds: { type: "string", default: "3" },
        teraflops: { type: "string" },
        gigabytes: { type: "string" },
        device: { type: "string", default: "cuda" },
        quick: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new InputError("usage", error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function oneOf<Choice extends string>(option: string, value: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === value);
  if (found === undefined)
    throw new InputError("usage", `Expected ${option} to be one of ${choices.join(", ")} but received ${value}.`);
  return found;
}

function rounds(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new InputError("usage", `Expected --rounds to be a whole number of at least 1 but received ${text}.`);
}

function peak(option: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  if (Number(text) > 0) return Number(text);
  throw new InputError("usage", `Expected ${option} to be a number over 0 but received ${text}.`);
}
