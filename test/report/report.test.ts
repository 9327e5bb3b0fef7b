import { describe, expect, it } from "vitest";
import { drawFigures } from "../../src/report/figure-files.js";
import { html } from "../../src/report/html-text.js";
import { markdownReport } from "../../src/report/markdown.js";
import { htmlReport } from "../../src/report/page.js";
import { runFigures } from "../../src/report/run-figures.js";
import { compareWithSeed, countYield, isMeasure } from "../../src/report/run-summary.js";
import { terminalReport } from "../../src/report/terminal-table.js";
import { pageSets } from "./audit/page-rows.js";
import { attack, summary } from "./summary.js";

describe("countYield", () => {
  it("counts kept rows, and reasons from the most frequent on", () => {
    expect(countYield(summary.distilled)).toEqual({
      total: 3,
      kept: 1,
      reasons: [{ reason: "wrong-answer", count: 2 }],
    });
  });
});

describe("compareWithSeed", () => {
  it("joins verdicts by id: retained, lost, gained, and McNemar's exact test", () => {
    expect(summary.comparisons).toEqual([
      { task: "gsm8k", variant: "vanilla", retained: 1, lost: 1, gained: 1, missed: 1, p: 1 },
      { task: "gsm8k", variant: "sdft", retained: 2, lost: 0, gained: 1, missed: 1, p: 1 },
    ]);
  });

  it("finds nothing lost between two equal runs, whatever the order of the rows", () => {
    const [seed] = summary.predictions;
    expect(seed).toBeDefined();
    if (seed === undefined) return;
    const same = { ...seed, variant: "sdft" as const, rows: [...seed.rows].reverse() };
    expect(compareWithSeed([seed, same])).toMatchObject([{ retained: 2, lost: 0, gained: 0, missed: 2, p: 1 }]);
  });
});

describe("shift and gap", () => {
  const row = { ...summary.scores[2], variant: "sdft", task: "gap", metric: "logprob_original" } as const;
  const gap = { ...row, value: -0.3752, low: -0.4127, high: -0.3391, n: 256 } as (typeof summary.scores)[number];
  const measured = { ...summary, scores: [...summary.scores, gap] };

  it("stand beside the table as numbers, never as shares", () => {
    for (const text of [
      terminalReport(measured),
      markdownReport(measured, []).replaceAll("\\", ""),
      htmlReport(measured, []),
    ]) {
      expect(text).toContain("gap: logprob_original, self-distillation (SDFT): -0.375 [-0.413, -0.339], n = 256");
      expect(text).not.toContain("37.5 %");
    }
  });

  it("are no tasks of the table", () => {
    expect(["shift", "gap", "gsm8k"].filter(isMeasure)).toEqual(["shift", "gap"]);
  });
});

describe("htmlReport", async () => {
  const page = htmlReport(summary, await drawFigures(runFigures(summary)));

  it("runs nothing that a model wrote", () => {
    expect(page).not.toContain("<script>alert");
    expect(page).not.toContain("<img");
    expect(page.match(/<script>/g)).toHaveLength(1);
    expect(page.match(/<script type="text\/plain" class="audit-rows">[A-Za-z0-9+/=]+<\/script>/g)).toHaveLength(2);
    expect(page).not.toContain("\u0007");
    expect(pageSets(page)[0]?.rows[0]?.panes[0]).toBe(attack);
  });

  it("needs nothing else: no address, no file", () => {
    expect(page).not.toMatch(/<[^>]*\s(src|href)=/);
    // A namespace is a name, not an address.
    expect(page.replace(/ xmlns(:\w+)?="[^"]*"/g, "")).not.toMatch(/https?:\/\//);
  });

  it("shows rates, intervals, changes, yield and every row", () => {
    expect(page).toContain("<strong>75.0 %</strong> <small>[37.5, 87.5]</small>");
    expect(page).toContain("1 of 3 rewrites kept (33.3 %)");
    expect(page).toContain("no longer gives the reference answer");
    expect(pageSets(page).map(({ title, rows }) => [title, rows.length])).toEqual([
      ["Every rewrite and its verdict", 3],
      ["Every answer on gsm8k", 4],
    ]);
    expect(page.match(/<svg class="chart"/g)).toHaveLength(3);
    expect(page).toContain("prefers-color-scheme: dark");
  });
});

describe("html", () => {
  it("escapes values and keeps its own markup", () => {
    expect(html`<p>${"a \u0007 b \u202e c"}</p>`.text).toBe("<p>a \ufffd b \ufffd c</p>");
    expect(html`<b>${'<i>&"'}</b>${[html`<i>${1}</i>`]}${null}`.text).toBe("<b>&lt;i&gt;&amp;&quot;</b><i>1</i>");
  });
});

describe("markdownReport", () => {
  it("writes tables whose marks are escaped", () => {
    const text = markdownReport(summary, runFigures(summary));
    expect(text).toContain("# A run \\| with \\*marks\\*");
    expect(text).toContain("| self-distillation (SDFT) | 75.0 % \\[37.5, 87.5\\] |");
    expect(text).toContain("| gsm8k | vanilla fine-tuning | 1 | 1 | 1 | 1 | 1.000 |");
    expect(text).toContain("![Training loss](figures/loss.svg)");
  });
});

describe("terminalReport", () => {
  it("puts n and intervals first, then the yield by reason, then what changed", () => {
    const text = terminalReport(summary);
    expect(text).toContain("gsm8k: accuracy, n = 4");
    expect(text).toContain("75.0 % [37.5, 87.5]");
    expect(text).toContain("2  wrong-answer: no longer gives the reference answer");
    expect(text).toContain("gsm8k, sdft     retained 2, lost 0, gained 1, wrong both times 1, p = 1.000");
  });
});
