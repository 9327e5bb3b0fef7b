// Python's notions of white space, word and integer, on which the authors' filters and scorers rest. JavaScript's own differ:
// its \s has U+FEFF and lacks U+001C–U+001F and U+0085, its \d and \b are ASCII.

/** The characters for which Python's str.isspace() holds, as the inside of a character class. */
export const pythonSpaces =
  "\\t-\\r\\u001c-\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

const space = new RegExp(`[${pythonSpaces}]`, "u");
const run = new RegExp(`[${pythonSpaces}]+`, "gu");
const wordCharacter = /[\p{L}\p{N}_]/u;

/** str.strip() */
export function stripText(text: string): string {
  let start = 0;
  while (start < text.length && space.test(text.charAt(start))) start++;
  return stripTextEnd(text.slice(start));
}

/** str.rstrip() */
export function stripTextEnd(text: string): string {
  let end = text.length;
  while (end > 0 && space.test(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** str.capitalize(): the first character in title case, the others in lower case. */
export function capitalize(text: string): string {
  const [first = ""] = text;
  return titleCase(first) + lowerRest(text, first.length);
}

/** The lower case of all but the first character; a sigma at the end of a word must see what stands before it. */
function lowerRest(text: string, start: number): string {
  const before = text.slice(0, start);
  const whole = text.toLowerCase();
  return whole.slice(before.toLowerCase().length);
}

/** Upper case, except where Unicode has a title case of its own (full mappings, as Python uses). */
function titleCase(character: string): string {
  const point = character.codePointAt(0) ?? 0;
  // Georgian has upper case, but no title case.
  if (point >= 0x10d0 && point <= 0x10ff) return character;
  if (point >= 0x1c4 && point <= 0x1cc) return String.fromCodePoint(0x1c5 + 3 * Math.floor((point - 0x1c4) / 3));
  if (point >= 0x1f1 && point <= 0x1f3) return "\u01f2";
  const [letter = "", ...marks] = character.normalize("NFD");
  if (marks.includes("\u0345")) {
    const upper = letter.toUpperCase() + marks.join("");
    // A circumflex alone keeps the iota from joining its letter.
    return marks[0] === "\u0342" ? upper : upper.normalize("NFC");
  }
  const [head = "", ...tail] = character.toUpperCase();
  return head === head.toLowerCase() ? head + tail.join("") : head + tail.join("").toLowerCase();
}

/** re.sub(r"\s+", " ", text) */
export function collapseSpaces(text: string): string {
  return text.replace(run, " ");
}

/** Whether r"\b" matches before a word character at this index: the code point before it is none. */
export function startsWord(text: string, index: number): boolean {
  if (index === 0) return true;
  const previous = text.charCodeAt(index - 1);
  const isLowSurrogate = previous >= 0xdc00 && previous <= 0xdfff && index > 1;
  const point = text.codePointAt(isLowSurrogate ? index - 2 : index - 1);
  return point === undefined || !wordCharacter.test(String.fromCodePoint(point));
}

/** The longest text of digits that int() reads (sys.int_info.default_max_str_digits). */
const maxDigits = 4300;

/** int(text) for an optional minus and digits of any script; null where int() raises. */
export function parseInteger(text: string): bigint | null {
  const stripped = stripText(text);
  if (!/^-?\p{Nd}+$/u.test(stripped)) return null;
  const digits = [...stripped.replace("-", "")].map(digitValue);
  if (digits.length > maxDigits) return null;
  const magnitude = BigInt(digits.join(""));
  return stripped.startsWith("-") ? -magnitude : magnitude;
}

/** The value of a decimal digit of any script: their zeros start runs of ten, so the digit's place in its run counts. */
function digitValue(digit: string): number {
  let value = 0;
  let point = digit.codePointAt(0) ?? 0;
  // Two runs can touch (the mathematical digits do), so the count is taken modulo ten.
  while (/\p{Nd}/u.test(String.fromCodePoint(point - 1))) {
    point--;
    value++;
  }
  return value % 10;
}
