// From the beginning of a Python program to the question that asks for its last function (PROTOCOL §5, HumanEval).

import { InputError } from "../base/error.js";
import { stripText, stripTextEnd } from "../metrics/python-text.js";

export interface CodeQuestion {
  readonly instruction: string;
  /** The program's beginning, with which the answer begins. */
  readonly opening: string;
}

/** `id` names the row in the error for a text without a function. */
export function codeQuestion(program: string, id: string): CodeQuestion {
  const found = lastFunction(program);
  if (found === null) {
    throw new InputError(
      "code_question",
      `Expected the beginning of a Python function (a line "def name(…):") in row ${id} but found none.`,
    );
  }
  const { signature, docstring } = found;
  return {
    instruction: `Write a Python function \`${signature}\` to solve the following problem:\n${docstring}`,
    opening: stripTextEnd(program),
  };
}

/** `name(parameters) -> type` and the docstring's text of the last function; null where there is none. */
export function lastFunction(program: string): { readonly signature: string; readonly docstring: string } | null {
  const start = [...program.matchAll(/^def[ \t]+/gm)].at(-1);
  if (start === undefined) return null;
  const rest = program.slice(start.index + start[0].length);
  const end = headerEnd(rest);
  if (end === null) return null;
  return { signature: stripText(rest.slice(0, end)), docstring: docstringOf(rest.slice(end + 1)) };
}

/** The colon after the header: outside all brackets. */
function headerEnd(text: string): number | null {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if ("([{".includes(character)) depth++;
    if (")]}".includes(character)) depth--;
    if (character === ":" && depth === 0) return index;
  }
  return null;
}

/** The first long string of the body: in one of HumanEval's programs an import stands before it. */
function docstringOf(body: string): string {
  const [, , text = ""] = /("""|''')([\s\S]*?)\1/.exec(body) ?? [];
  return stripText(dedent(text));
}

/** Takes off what the lines after the first are all indented by; blank lines don't count. */
function dedent(text: string): string {
  const [first = "", ...lines] = text.split("\n");
  const indents = lines.filter((line) => line.trim() !== "").map((line) => line.length - line.trimStart().length);
  const margin = indents.length === 0 ? 0 : Math.min(...indents);
  return [first, ...lines.map((line) => line.slice(margin))].join("\n");
}
