// What two texts have in common, in runs of words. Words are runs of letters, marks, digits and underscores, in lower case; all else parts them.

/** The words of a text. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{M}\p{N}_]+/gu) ?? [];
}

/** Each run of `size` words of the text; of a shorter text, all of its words as one run. */
export function wordRuns(words: readonly string[], size: number): string[] {
  if (words.length === 0) return [];
  const length = Math.min(size, words.length);
  return Array.from({ length: words.length - length + 1 }, (_, start) => words.slice(start, start + length).join(" "));
}

/** Share of the text's runs of `size` words that the reference has too, each as often as it stands there; 0 for a text without words. */
export function sharedRuns(text: string, reference: string, size: number): number {
  const words = wordsOf(text);
  const runs = wordRuns(words, size);
  if (runs.length === 0) return 0;
  const there = new Map<string, number>();
  for (const run of wordRuns(wordsOf(reference), Math.min(size, words.length)))
    there.set(run, (there.get(run) ?? 0) + 1);
  let shared = 0;
  for (const run of runs) {
    const left = there.get(run) ?? 0;
    if (left === 0) continue;
    shared++;
    there.set(run, left - 1);
  }
  return shared / runs.length;
}

/** The longest run of at least `size` words that the text has in common with one of the sources and that `allowed` has not; null without one. */
export function longestCommonRun(
  text: string,
  sources: readonly string[],
  { size, allowed }: { readonly size: number; readonly allowed: string },
): { readonly words: number; readonly run: string } | null {
  const words = wordsOf(text);
  if (words.length < size) return null;
  const own = new Set(wordRuns(wordsOf(allowed), size));
  let best: { start: number; words: number } | null = null;
  for (const source of sources) {
    const sourceWords = wordsOf(source);
    if (sourceWords.length < size) continue;
    const there = new Set(wordRuns(sourceWords, size));
    let length = 0;
    for (const [start, run] of wordRuns(words, size).entries()) {
      const common = there.has(run) && !own.has(run);
      length = common ? (length === 0 ? size : length + 1) : 0;
      if (common && length > (best?.words ?? 0)) best = { start: start + size - length, words: length };
    }
  }
  if (best === null) return null;
  return { words: best.words, run: words.slice(best.start, best.start + best.words).join(" ") };
}
