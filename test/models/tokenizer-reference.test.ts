// Token ids, decoded texts and chat texts of real models against what transformers gave (../shared/reference).
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readGguf } from "../../src/formats/gguf.js";
import type { Tokenizer } from "../../src/models/tokenizer.js";
import { readGgufTokenizer } from "../../src/models/tokenizer-gguf.js";
import { sharedPath } from "../shared-folder.js";
import { codeModel, defaultModel } from "./real-models.js";

interface TokenCase {
  readonly text: string;
  readonly ids: readonly number[];
  readonly decoded?: string;
}

function openTokenizer(path: string): Tokenizer {
  const tokenizer = readGgufTokenizer(readGguf(path));
  if (tokenizer === null) throw new Error(`${path} has no tokenizer`);
  return tokenizer;
}

function readReference(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
}

const smol = defaultModel();
const smolReference = sharedPath("reference", "tokenizer.json");
describe.skipIf(smol === null || smolReference === null)("SmolLM2's tokenizer out of its GGUF", () => {
  const cases = (smolReference === null ? [] : readReference(smolReference).cases) as TokenCase[];

  it("gives transformers' ids and texts", () => {
    const tokenizer = openTokenizer(smol ?? "");
    expect(cases.length).toBeGreaterThan(100);
    for (const { text, ids, decoded } of cases) {
      expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids);
      expect(tokenizer.decode(ids), JSON.stringify(text)).toBe(decoded);
    }
  });
});

const code = codeModel();
const codeReference = sharedPath("reference", "qwen2.5-coder-0.5b.json");
describe.skipIf(code === null || codeReference === null)("Qwen2.5-Coder's tokenizer out of its GGUF", () => {
  it("gives transformers' ids", () => {
    const tokenizer = openTokenizer(code ?? "");
    const reference = readReference(join(codeReference ?? ""));
    const cases = [...(reference.tokenizer as TokenCase[])];
    for (const { text, ids } of cases) {
      expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids);
    }
    for (const { text, ids } of reference.prompts as TokenCase[]) {
      expect(tokenizer.encode(text).slice(0, 300)).toEqual(ids);
    }
  });
});
