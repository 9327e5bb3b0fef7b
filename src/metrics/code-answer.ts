// The check of MagiCoder: the form of an answer, not its content (PROTOCOL §3).

import { stripText } from "./python-text.js";

const openings = ["I have", "Here is", "I implemented"];

/** Whether the answer brings Python code and opens as the authors expect. */
export function looksLikeCodeAnswer(output: string): boolean {
  const text = stripText(output);
  return text.includes("```python") && openings.some((opening) => text.startsWith(opening));
}
