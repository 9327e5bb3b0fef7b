// The cut of a byte-level BPE, spelled out: the library's own takes U+FEFF for white space and U+0085 for none, the other way round than the
// tokenizers that models were trained with. A pattern in a Split step has their white space.

import { isRecord } from "../formats/json.js";

const pattern = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** A tokenizer.json whose ByteLevel steps leave the cutting to a Split step before them; one that adds a space first stays as it is. */
export function spellOutSplit<Json extends object>(json: Json): Json {
  return "pre_tokenizer" in json ? { ...json, pre_tokenizer: spellOut(json.pre_tokenizer) } : json;
}

function spellOut(step: unknown): unknown {
  if (!isRecord(step)) return step;
  if (step.type === "Sequence" && Array.isArray(step.pretokenizers))
    return { ...step, pretokenizers: step.pretokenizers.map(spellOut) };
  if (step.type !== "ByteLevel" || step.use_regex === false || step.add_prefix_space === true) return step;
  const split = { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
  return { type: "Sequence", pretokenizers: [split, { ...step, use_regex: false }] };
}
