// What the audit view holds for each rewrite and each answer, and how differing words are found.
import { describe, expect, it } from "vitest";
import { answerSet } from "../../../src/report/audit/answer-set.js";
import { auditSection } from "../../../src/report/audit/audit-set.js";
import { rewriteSet } from "../../../src/report/audit/rewrite-set.js";
import { type DiffPart, diffWords } from "../../../src/report/audit/word-diff.js";
import { answers, attack } from "../study/made-up-study.js";
import { summary } from "../summary.js";
import { pageSets } from "./page-rows.js";

describe("rewriteSet", () => {
  const set = rewriteSet("rewrites", summary.distilled);

  it("has verdict, rule, how it ended and how long it is, and the rejected rewrite where there is one", () => {
    expect(set.columns.map(({ title }) => title)).toEqual([
      "id",
      "verdict",
      "rule",
      "why",
      "finish",
      "sample",
      "log-probability per token",
      "length ratio",
    ]);
    expect(set.rows.map(({ cells }) => cells)).toEqual([
      ["a", "kept", null, null, "ended", null, null, 8],
      ["b", "original stands", "wrong-answer", "found 3", "ended", 0, -2.5, summary.distilled[1]?.rejected?.length],
      ["c", "original stands", "wrong-answer", null, "cut", null, null, 2],
    ]);
    expect(set.rows[1]?.panes).toEqual([
      "2+2",
      "4",
      summary.distilled[1]?.rejected,
      "sample 1, rejected by not-ended, log-probability -0.500 per token:\n4?",
    ]);
  });

  it("leaves out columns that no row has a value for", () => {
    const bare = rewriteSet(
      "rewrites",
      summary.distilled.filter(({ attempts }) => attempts.length === 0),
    );
    expect(bare.columns.map(({ title }) => title)).toEqual(["id", "verdict", "rule", "finish", "length ratio"]);
  });

  it("lets one choose by verdict and by rule", () => {
    expect(set.kinds.map(({ value }) => value)).toEqual(["kept", "rule wrong-answer", "cut", "copied"]);
    expect(set.rows.map(({ kinds }) => kinds)).toEqual([["kept"], ["rule wrong-answer"], ["rule wrong-answer", "cut"]]);
  });
});

describe("answerSet", () => {
  it("joins models by id and says which rows differ, were lost or gained", () => {
    const set = answerSet("gsm8k", [
      { title: "seed model", variant: "seed", rows: answers("1100") },
      { title: "vanilla", variant: "vanilla", rows: answers("0110").reverse() },
      { title: "few", variant: "sdft", rows: answers("1") },
    ]);
    expect(set.rows.map(({ cells }) => [cells[0], cells[1], cells[3], cells[5]])).toEqual([
      ["q0", true, false, true],
      ["q1", true, true, null],
      ["q2", false, true, null],
      ["q3", false, false, null],
    ]);
    expect(set.rows.map(({ kinds }) => kinds.join(" "))).toEqual(["differs lost", "", "differs gained", "cut"]);
    expect(set.rows[2]?.panes).toHaveLength(5);
    expect(set.rows[2]?.panes[4]).toBeNull();
  });
});

describe("answerSet of several answers to a prompt", () => {
  it("has a row for each", () => {
    const rows = answers("10").map((row, sample) => ({ ...row, id: "q", sample }));
    const set = answerSet("humaneval", [{ title: "seed", variant: "seed", rows }]);
    expect(set.rows.map(({ cells }) => cells.slice(0, 2))).toEqual([
      ["q", true],
      ["q, answer 2", false],
    ]);
  });
});

describe("answerSet of multiple choice", () => {
  it("shows how likely each choice is, and sorts by the true one's", () => {
    const [row] = answers("1");
    if (row === undefined) throw new Error("There is one answer.");
    const choices = { texts: [" four", " five"], loglikelihoods: [-3.25, -1.5], gold: [0], part: null };
    const set = answerSet("arc", [{ title: "seed", variant: "seed", rows: [{ ...row, output: " five", choices }] }]);
    expect(set.columns.map(({ title }) => title)).toEqual(["id", "seed", "seed: log-likelihood"]);
    expect(set.rows[0]?.cells).toEqual(["q0", true, -3.25]);
    expect(set.rows[0]?.panes[2]).toBe("five\n\n-3.250  four (true)\n-1.500  five");
  });
});

describe("auditSection", () => {
  it("carries any text through the page unchanged, and lets none of it be markup", () => {
    const rows = [{ cells: [attack], panes: [attack], kinds: [] }];
    const set = {
      title: attack,
      columns: [{ title: "id", kind: "text" as const }],
      panes: ["text"],
      compared: null,
      kinds: [],
      rows,
    };
    const { text } = auditSection(set);
    expect(pageSets(text)).toEqual([set]);
    expect(text).not.toMatch(/<img|<svg|onerror="|<script>/);
    expect(text.match(/<\/script>/g)).toHaveLength(1);
  });
});

describe("diffWords", () => {
  const show = (parts: readonly DiffPart[]): string =>
    parts.map(({ text, changed }) => (changed ? `[${text}]` : text)).join("");

  it("marks the words that the other text hasn't", () => {
    const { before, after } = diffWords("The answer is 5 apples.", "So the answer is five apples.");
    expect(show(before)).toBe("[The] answer is [5] apples.");
    expect(show(after)).toBe("[So the ]answer is [five] apples.");
  });

  it("leaves both texts whole, whatever they are", () => {
    for (const [a, b] of [
      ["", ""],
      ["", "new"],
      ["a  b\n\nc", "a b c"],
      ["你好 world", "你好, world!"],
      [attack, "plain"],
    ] as const) {
      const { before, after } = diffWords(a, b);
      expect(before.map(({ text }) => text).join("")).toBe(a);
      expect(after.map(({ text }) => text).join("")).toBe(b);
    }
    expect(diffWords("same text", "same text").after).toEqual([{ text: "same text", changed: false }]);
  });

  it("marks the middle of texts too long to compare word by word", () => {
    const words = (word: string) => Array.from({ length: 1500 }, (_, index) => `${word}${index}`).join(" ");
    const long = (word: string) => `start ${words(word)} shared ${words(word)} end`;
    const { before, after } = diffWords(long("a"), long("b"));
    expect(before.map(({ changed }) => changed)).toEqual([false, true, false]);
    expect(after.at(-1)?.text).toBe(" end");
  });

  it("uses nothing from outside itself, since its text is put into the page", () => {
    const alone: typeof diffWords = new Function(`return ${diffWords.toString()}`)();
    expect(alone("a b", "a c")).toEqual(diffWords("a b", "a c"));
  });
});
