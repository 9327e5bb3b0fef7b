// The nearest known name to one that was mistyped.
import { closest, distance } from "fastest-levenshtein";

/** ` (did you mean "x"?)` where a known name is near enough, else the empty text. */
export function suggestion(name: string, known: readonly string[]): string {
  if (known.length === 0) return "";
  const nearest = closest(name, known);
  return distance(name, nearest) <= Math.max(2, Math.ceil(name.length / 3)) ? ` (did you mean "${nearest}"?)` : "";
}
