// BLEU-4 of one text against another on code points: NLTK's sentence_bleu with smoothing method 3 (NIST's geometric sequence).

const orders = [1, 2, 3, 4] as const;

/** From 0 to 1. Texts without a common character, empty ones among them, have 0. */
export function bleu4(reference: string, hypothesis: string): number {
  const expected = [...reference];
  const written = [...hypothesis];
  let halvings = 0;
  let logSum = 0;
  for (const order of orders) {
    const { matches, total } = clippedMatches(expected, written, order);
    if (order === 1 && matches === 0) return 0;
    // A text shorter than the order counts as one n-gram without a match, as in NLTK.
    const precision = matches > 0 ? matches / total : 1 / (2 ** ++halvings * Math.max(1, total));
    logSum += Math.log(precision) / orders.length;
  }
  return brevityPenalty(expected.length, written.length) * Math.exp(logSum);
}

/** How many n-grams of the text stand in the reference too, each at most as often as there; and how many there are. */
function clippedMatches(
  reference: readonly string[],
  hypothesis: readonly string[],
  order: number,
): { readonly matches: number; readonly total: number } {
  const left = countGrams(reference, order);
  let matches = 0;
  for (let start = 0; start + order <= hypothesis.length; start++) {
    const gram = gramAt(hypothesis, start, order);
    const count = left.get(gram) ?? 0;
    if (count === 0) continue;
    left.set(gram, count - 1);
    matches++;
  }
  return { matches, total: Math.max(0, hypothesis.length - order + 1) };
}

function countGrams(points: readonly string[], order: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let start = 0; start + order <= points.length; start++) {
    const gram = gramAt(points, start, order);
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

/** So many code points as one text; which ones can be read back, since all grams of a table have the same order. */
function gramAt(points: readonly string[], start: number, order: number): string {
  return points.slice(start, start + order).join("");
}

/** Below 1 for a text shorter than the reference. */
function brevityPenalty(reference: number, hypothesis: number): number {
  return hypothesis > reference ? 1 : Math.exp(1 - reference / hypothesis);
}
