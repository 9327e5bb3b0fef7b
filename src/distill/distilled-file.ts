// Reads distilled.jsonl back.
import { z } from "zod";
import { InputError } from "../base/error.js";
import { readText } from "../formats/open-file.js";
import { type RuleName, ruleNames } from "./rules/registry.js";
import type { DistilledRow } from "./select.js";

const schema = z.object({
  id: z.string(),
  instruction: z.string(),
  original: z.string(),
  response: z.string(),
  source: z.enum(["model", "original"]),
  reason: z.enum(ruleNames as readonly [RuleName, ...RuleName[]]).nullable(),
  finish: z.enum(["stop", "length"]).nullable(),
});

export async function readDistilled(path: string): Promise<DistilledRow[]> {
  const text = await readText("file of distilled rows", path);
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line, index) => {
      const parsed = schema.safeParse(parseJson(line));
      if (parsed.success) return parsed.data;
      throw new InputError("distilled_damaged", `Line ${index + 1} of ${path} is not a row of distilled.jsonl.`);
    });
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
