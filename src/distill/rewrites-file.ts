// Reads the rewrites.jsonl of a distilling stage back, to filter the same rewrites in another way.
import { z } from "zod";
import { InputError } from "../base/error.js";
import { readText } from "../formats/open-file.js";
import type { Rewrite } from "./select.js";

const schema = z.object({
  id: z.string(),
  sample: z.int().min(0),
  text: z.string(),
  finish: z.enum(["stop", "length"]).nullable(),
});

export async function readRewrites(path: string): Promise<Rewrite[]> {
  const text = await readText("rewrites.jsonl of sdft distill", path);
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    const parsed = schema.safeParse(parseJson(line));
    if (parsed.success) return [parsed.data];
    throw new InputError(
      "rewrites_damaged",
      `Line ${index + 1} of ${path} is no row of a rewrites.jsonl (id, sample, text, finish); rewrites made elsewhere go with --predictions.`,
    );
  });
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
