// The bytes that each token stands for in a text, in the two spellings of BPE vocabularies: byte-level (GPT-2's printable stand-ins for
// bytes) and SentencePiece's (▁ for a space, <0x0A> for a byte that has no token).

import { isRecord } from "../formats/json.js";

export type TokenSpelling = "byte-level" | "sentencepiece";

export interface TokenBytes {
  /** Every token's bytes, one after the other. */
  readonly bytes: Uint8Array;
  /** (V + 1) token i has bytes[offsets[i] … offsets[i + 1]]. */
  readonly offsets: Int32Array;
}

/** Which spelling a parsed tokenizer.json uses: byte-level when a ByteLevel step stands anywhere in it. */
export function tokenSpelling(json: unknown): TokenSpelling {
  if (!isRecord(json)) return "sentencepiece";
  return hasByteLevel(json.pre_tokenizer) || hasByteLevel(json.decoder) ? "byte-level" : "sentencepiece";
}

function hasByteLevel(step: unknown): boolean {
  if (Array.isArray(step)) return step.some(hasByteLevel);
  if (!isRecord(step)) return false;
  return step.type === "ByteLevel" || hasByteLevel(step.pretokenizers) || hasByteLevel(step.decoders);
}

/** Packs the bytes of ids 0 … vocabSize − 1. Added tokens stand for their own text, whatever the spelling. */
export function packTokenBytes(
  vocabSize: number,
  tokenOf: (id: number) => { token: string | null; added: boolean },
  spelling: TokenSpelling,
): TokenBytes {
  const offsets = new Int32Array(vocabSize + 1);
  const parts: Uint8Array[] = [];
  let total = 0;
  for (let id = 0; id < vocabSize; id++) {
    const { token, added } = tokenOf(id);
    if (token !== null) {
      const part = added
        ? encoder.encode(token)
        : spelling === "byte-level"
          ? byteLevelBytes(token)
          : sentencePieceBytes(token);
      parts.push(part);
      total += part.length;
    }
    offsets[id + 1] = total;
  }
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { bytes, offsets };
}

const encoder = new TextEncoder();

/** GPT-2's table: printable Latin-1 stands for itself, every other byte for the next free code point from 256 on. */
const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = (() => {
  const table = new Map<string, number>();
  let spare = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    table.set(String.fromCharCode(printable ? byte : spare++), byte);
  }
  return table;
})();

/** A character outside the table (in a token that is no byte-level one) stands for its own UTF-8 bytes. */
function byteLevelBytes(token: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = BYTE_OF_CHARACTER.get(character);
    if (byte === undefined) return encoder.encode(token);
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

function sentencePieceBytes(token: string): Uint8Array {
  const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token);
  return byte ? Uint8Array.of(Number.parseInt(byte[1] ?? "", 16)) : encoder.encode(token.replaceAll("▁", " "));
}
