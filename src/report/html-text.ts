// HTML by tagged template: every value is escaped unless it is markup made the same way. Models write what they like; pages must not run it.

/** Text that is already HTML. Only `html` makes it. */
export class Markup {
  constructor(readonly text: string) {}
}

type Value = string | number | null | undefined | Markup | readonly Markup[];

export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Markup {
  let text = strings[0] ?? "";
  for (const [index, value] of values.entries()) text += render(value) + (strings[index + 1] ?? "");
  return new Markup(text);
}

export function escapeHtml(text: string): string {
  return (
    text
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      .replaceAll("'", "&#39;")
      // Controls, and marks that turn the direction of what follows.
      .replace(/(?![\t\n\r])\p{Cc}|[\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c]/gu, "\ufffd")
  );
}

function render(value: Value): string {
  if (value === null || value === undefined) return "";
  if (value instanceof Markup) return value.text;
  if (typeof value === "string") return escapeHtml(value);
  if (typeof value === "number") return String(value);
  return value.map((part) => part.text).join("");
}
