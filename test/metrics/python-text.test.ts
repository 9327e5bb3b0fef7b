import { describe, expect, it } from "vitest";
import { looksLikeCodeAnswer } from "../../src/metrics/code-answer.js";
import { containsCall } from "../../src/metrics/function-call.js";
import { lastInteger, sameLastInteger } from "../../src/metrics/last-integer.js";
import { capitalize, collapseSpaces, parseInteger, startsWord, stripText } from "../../src/metrics/python-text.js";

describe("white space as Python sees it", () => {
  it("has the separators U+001C to U+001F and U+0085, not U+FEFF", () => {
    expect(stripText("\u001c\u0085\u3000 a \u2028\u001f")).toBe("a");
    expect(stripText("\uFEFFa\uFEFF")).toBe("\uFEFFa\uFEFF");
    expect(collapseSpaces("a\u001d\u00a0b\uFEFFc")).toBe("a b\uFEFFc");
    expect(stripText(" \n\t")).toBe("");
  });
});

describe("parseInteger", () => {
  it("reads digits of any script, as int() does", () => {
    expect(parseInteger("٣٤")).toBe(34n);
    expect(parseInteger("-𝟗")).toBe(-9n);
    expect(parseInteger("𝟚𝟘")).toBe(20n);
    expect(parseInteger("007")).toBe(7n);
    expect(parseInteger("99999999999999999999")).toBe(99999999999999999999n);
  });

  it("cannot read white space inside, nothing at all, or more than 4300 digits", () => {
    for (const text of ["10\n11", "1\u00a0000", "", "-", "1.5", "²", "1".repeat(4301)]) {
      expect(parseInteger(text)).toBeNull();
    }
  });
});

describe("startsWord", () => {
  it("counts letters, digits and the underscore of any script as word characters", () => {
    expect(startsWord("f", 0)).toBe(true);
    expect(startsWord("`f", 1)).toBe(true);
    for (const before of ["x", "_", "é", "𝒳", "٣", "²"]) expect(startsWord(`${before}f`, before.length)).toBe(false);
    expect(startsWord("😀f", 2)).toBe(true);
  });
});

describe("the checks beyond the authors' rows", () => {
  it("last integer: groups need one separator, Unicode digits count", () => {
    expect(lastInteger("1\u3000234")).toBe("1\u3000234");
    expect(sameLastInteger("3", "٣")).toBe(true);
    expect(sameLastInteger("1\n2", "1\n2")).toBe(false);
    expect(lastInteger("5.٠٠")).toBe("5");
  });

  it("function calls: any script's letter before the name spoils it, a later place may still do", () => {
    expect(containsCall("f(x='a')", 'éf(x="a")', "0")).toBe(false);
    expect(containsCall("f(x='a')", 'xf(x="a") or f(x="a")', "0")).toBe(true);
    expect(containsCall("f(x='a',\n  y=2)", 'call: f(x="a", y=2)', "0")).toBe(true);
  });

  it("code answers are trimmed as Python trims", () => {
    expect(looksLikeCodeAnswer("\u001cI have ```python")).toBe(true);
  });
});

describe("capitalize", () => {
  // str.capitalize() of CPython 3.11.
  it.each([
    ["he RUNS", "He runs"],
    ["", ""],
    ["ßtrasse", "Sstrasse"],
    ["ΟΔΟΣ ΟΔΟΣ", "Οδος οδος"],
    ["xΣ", "Xς"],
    ["İSTANBUL", "İstanbul"],
    ["ǆungla", "ǅungla"],
    ["ﬁRST", "First"],
    ["ŉ X", "ʼN x"],
    ["ქართული", "ქართული"],
    ["ᾳX", "ᾼx"],
    ["ᾷX", "Α\u0342\u0345x"],
    ["𐐨𐐀", "𐐀𐐨"],
    ["[TITLE] A", "[title] a"],
  ])("%j becomes %j", (text, expected) => {
    expect(capitalize(text)).toBe(expected);
  });
});
