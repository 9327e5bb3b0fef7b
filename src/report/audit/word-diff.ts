// Which words of two texts differ. The function is also put into the page as it stands, so it uses nothing from outside itself.

export interface DiffPart {
  readonly text: string;
  readonly changed: boolean;
}

export interface WordDiff {
  readonly before: readonly DiffPart[];
  readonly after: readonly DiffPart[];
}

/** Marks the words outside a longest common subsequence; texts too long for that are marked between what they begin and end with. */
export function diffWords(before: string, after: string): WordDiff {
  const mostCells = 4_000_000;
  const split = (text: string): string[] => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];
  const [a, b] = [split(before), split(after)];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const rows = a.length - head - tail;
  const columns = b.length - head - tail;
  const inBoth: [boolean[], boolean[]] = [a.map(() => true), b.map(() => true)];
  for (let i = 0; i < rows; i++) inBoth[0][head + i] = false;
  for (let j = 0; j < columns; j++) inBoth[1][head + j] = false;
  if (rows * columns <= mostCells) {
    // lengths[i][j]: of the longest common subsequence of what follows word i of one and word j of the other.
    const width = columns + 1;
    const lengths = new Uint16Array((rows + 1) * width);
    for (let i = rows - 1; i >= 0; i--) {
      for (let j = columns - 1; j >= 0; j--) {
        const same = a[head + i] === b[head + j];
        const [down = 0, right = 0] = [lengths[(i + 1) * width + j], lengths[i * width + j + 1]];
        lengths[i * width + j] = same ? 1 + (lengths[(i + 1) * width + j + 1] ?? 0) : Math.max(down, right);
      }
    }
    let i = 0;
    let j = 0;
    while (i < rows && j < columns) {
      if (a[head + i] === b[head + j]) {
        inBoth[0][head + i++] = true;
        inBoth[1][head + j++] = true;
      } else if ((lengths[(i + 1) * width + j] ?? 0) >= (lengths[i * width + j + 1] ?? 0)) i++;
      else j++;
    }
  }
  const parts = (words: string[], kept: boolean[]): DiffPart[] => {
    const joined: { text: string; changed: boolean }[] = [];
    for (const [index, text] of words.entries()) {
      // A space between two changed words is no rest for the eye.
      const between = text.trim() === "" && kept[index - 1] === false && kept[index + 1] === false;
      const changed = kept[index] === false || between;
      const last = joined[joined.length - 1];
      if (last !== undefined && last.changed === changed) last.text += text;
      else joined.push({ text, changed });
    }
    return joined;
  };
  return { before: parts(a, inBoth[0]), after: parts(b, inBoth[1]) };
}
