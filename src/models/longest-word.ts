// The library merges the tokens of one word in a time that grows faster than the word: letters without end would keep it busy for minutes, deaf to signals.
import { InputError } from "../base/error.js";

/** No text that is written has as many letters, digits or signs in a row; what has, is a second's work and far over a model's context. */
export const longestWord = 2 ** 17;

const kinds = [/[\p{L}\p{M}]/u, /\p{N}/u, /\S/u] as const;

/** Throws InputError("word_length") for more letters, digits or signs in a row than any text has. */
export function expectWords(text: string): void {
  if (text.length <= longestWord) return;
  let [kind, start, position] = [-1, 0, 0];
  const check = (): void => {
    if (kind < 0 || position - start <= longestWord) return;
    throw new InputError(
      "word_length",
      `Expected words in a text, at most ${longestWord.toLocaleString("en-US")} letters, digits or signs without a break, but there are ${(position - start).toLocaleString("en-US")} from "${text.slice(start, start + 20)}…" on, which no model can read: cut the text or leave it out.`,
    );
  };
  for (const character of text) {
    const next = kinds.findIndex((one) => one.test(character));
    if (next !== kind) {
      check();
      [kind, start] = [next, position];
    }
    position += character.length;
  }
  check();
}
