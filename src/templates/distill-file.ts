// A distillation template of the user's own: a text file with the places {instruction} and {response}.

import { InputError } from "../base/error.js";
import { suggestion } from "../base/suggestion.js";
import type { Template, TemplateStyle } from "./template.js";

/**
 * The file is the whole prompt: with `alpaca` word for word, with `chat` as the user's message. No system sentence is added.
 * One line feed at the end of the file is the editor's and dropped.
 */
export function parseDistillTemplate(
  source: string,
  path: string,
  style: Extract<TemplateStyle, "alpaca" | "chat">,
): Template {
  const user = source.replace(/\r\n/g, "\n").replace(/\n$/, "");
  for (const place of ["{instruction}", "{response}"]) {
    if (!user.includes(place)) {
      throw new InputError(
        "distill_template",
        `Expected ${place} somewhere in the distillation template ${path}, but it is not there.`,
      );
    }
  }
  for (const [, name = ""] of user.matchAll(/\{([a-z]+)\}/g)) {
    const near = suggestion(name, ["instruction", "response"]);
    if (name === "instruction" || name === "response" || near === "") continue;
    throw new InputError(
      "distill_template",
      `The distillation template ${path} has the place {${name}}, which is none${near.replace(/"(\w+)"/, '"{$1}"')}: its places are {instruction} and {response}.`,
    );
  }
  return { name: path, style, role: "distill", system: "", user, prefill: "" };
}
