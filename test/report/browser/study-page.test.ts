// The study's page in a real browser: it runs nothing that is not its own, asks for nothing, shows its figures, and one finds, sorts and
// chooses examples in it.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeStudyReport } from "../../../src/report/study/write-study-report.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { attack, writeStudy } from "../study/made-up-study.js";
import { knowledgeStudy, sweepStudy, tableStudy } from "../study/studies.js";
import { findChromium, openAudit, openPage, startBrowser } from "./open-page.js";

const folder = temporaryFolder();
const chromium = findChromium();

const labelColour =
  "getComputedStyle([...document.querySelectorAll('svg.chart text')].find((node) => node.textContent === 'HellaSwag')).fill";

describe.skipIf(chromium === null)("a study's page", () => {
  let browser: Browser;
  const pages = { table: join(folder, "table"), sweep: join(folder, "sweep"), knowledge: join(folder, "knowledge") };
  const pagePath = (name: keyof typeof pages): string => join(pages[name], "report.html");

  beforeAll(async () => {
    await writeStudyReport(writeStudy(pages.table, tableStudy));
    await writeStudyReport(writeStudy(pages.sweep, sweepStudy));
    await writeStudyReport(writeStudy(pages.knowledge, knowledgeStudy));
    browser = await startBrowser(chromium ?? "");
  });
  afterAll(() => browser?.close());

  it("opens without an error or a request, in light and dark, wide and narrow, and never wider than its window", async () => {
    for (const name of ["table", "sweep", "knowledge"] as const) {
      for (const look of [{ scheme: "light" }, { scheme: "dark", width: 360 }] as const) {
        const { page, faults } = await openPage(browser, pagePath(name), look);
        const surplus = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
        expect(surplus, `${name} ${look.scheme}`).toBe(0);
        expect(await page.evaluate("window.broken")).toBeUndefined();
        expect(faults).toEqual([]);
        await page.close();
      }
    }
  });

  it("shows the table with the paper's numbers and the label on every heading", async () => {
    const { page } = await openPage(browser, pagePath("table"));
    const row = page.locator("table.scores tr", { hasText: "SDFT (Ours)" }).first();
    expect(await row.textContent()).toMatch(/62\.5 %\s+\[50\.0, 70\.0\]\s*paper 36\.6/);
    expect(await page.locator("table.scores .gone").first().textContent()).toBe("missing (no sandbox on this machine)");
    const headings = await page.locator("h1, h2").allTextContents();
    expect(headings.filter((text) => !/smoke/i.test(text))).toEqual([]);
    await page.close();
  });

  it("draws figures whose text is text, named for those who don't see them, in the scheme's colours", async () => {
    const { page } = await openPage(browser, pagePath("knowledge"), { scheme: "dark" });
    const figure = page.getByRole("img", { name: /General knowledge after training on GSM8K/ });
    expect(await figure.count()).toBe(1);
    const label = figure.locator("text", { hasText: "HellaSwag" });
    expect(await label.isVisible()).toBe(true);
    expect(await page.evaluate(labelColour)).toBe("rgb(154, 163, 177)");
    await page.close();
    const light = await openPage(browser, pagePath("knowledge"));
    expect(await light.page.evaluate(labelColour)).toBe("rgb(95, 103, 115)");
    await light.page.close();
  });

  it("writes figures that are whole files of their own", async () => {
    const { page } = await openPage(browser, pagePath("table"));
    for (const folder of Object.values(pages).map((path) => join(path, "figures"))) {
      for (const name of readdirSync(folder)) {
        const text = JSON.stringify(readFileSync(join(folder, name), "utf8"));
        const read = `new DOMParser().parseFromString(${text}, "image/svg+xml")`;
        expect(await page.evaluate(`${read}.querySelector("parsererror")?.textContent ?? null`), name).toBeNull();
        expect(await page.evaluate(`${read}.documentElement.localName`), name).toBe("svg");
      }
    }
    await page.close();
  });

  it("finds an example by its text, marks what the rewrite changed, and shows what a model wrote as text", async () => {
    const { page, faults } = await openPage(browser, pagePath("table"));
    const section = await openAudit(page, "Every rewrite");
    expect(await section.locator("output").textContent()).toBe("45 of 45 rows");
    await section.getByRole("searchbox").fill("in case 17?");
    expect(await section.locator("output").textContent()).toBe("1 of 45 rows");
    expect(await section.locator("tr.facts td").first().textContent()).toBe("17");
    expect(await section.locator("ins").allTextContents()).toContain(" Easy!");
    expect(await section.locator("del").count()).toBeGreaterThan(0);
    await section.getByRole("searchbox").fill("onerror");
    const shown = await section.locator(".pane pre").last().textContent();
    expect(shown).toBe(
      attack
        .replace("\u202e", "U+202E")
        .replace("\u202c", "U+202C")
        .replace("\u0007", "U+0007")
        .replace("\u2028", "U+2028"),
    );
    expect(await page.evaluate("window.broken")).toBeUndefined();
    expect(faults).toEqual([]);
    await page.close();
  });

  it("sorts by a column, both ways and back, and turns pages", async () => {
    const { page } = await openPage(browser, pagePath("table"));
    const section = await openAudit(page, "Every rewrite");
    const first = () => section.locator("tr.facts td").first().textContent();
    const ids = section.getByRole("button", { name: "id" });
    expect(await first()).toBe("0");
    await ids.click();
    await ids.click();
    expect(await first()).toBe("44");
    expect(await section.locator("th").first().getAttribute("aria-sort")).toBe("descending");
    await ids.click();
    expect(await section.locator("th").first().getAttribute("aria-sort")).toBeNull();
    await section.getByRole("button", { name: "length ratio" }).click();
    const ratios = await section.locator("tr.facts td:last-child").allTextContents();
    expect(ratios.map(Number)).toEqual(ratios.map(Number).sort((a, b) => a - b));
    await ids.click();
    await section.getByRole("button", { name: "Next" }).click();
    expect(await first()).toBe("20");
    expect(await section.locator(".pages span").textContent()).toBe("page 2 of 3");
    await page.close();
  });

  it("lets one choose rows by rule, and by what a training lost", async () => {
    const { page } = await openPage(browser, pagePath("table"));
    const rewrites = await openAudit(page, "Every rewrite");
    await rewrites.getByRole("combobox").selectOption("rejected: not-ended");
    expect(await rewrites.locator("output").textContent()).toBe("15 of 45 rows");
    const answers = await openAudit(page, "Every answer on GSM8K");
    await answers.getByRole("combobox").selectOption("lost by a training");
    expect(await answers.locator("tr.facts").count()).toBe(2);
    await answers.getByRole("checkbox").uncheck();
    expect(await answers.locator("tr.texts").count()).toBe(0);
    await page.close();
  });

  it("stays usable with thousands of rows", async () => {
    const large = join(folder, "large");
    const [name, run] = Object.entries(tableStudy.runs ?? {})[0] ?? ["", { scores: [] }];
    await writeStudyReport(writeStudy(large, { ...tableStudy, runs: { [name]: { ...run, rewrites: 5000 } } }));
    const { page, faults } = await openPage(browser, join(large, "report.html"));
    const section = await openAudit(page, "Every rewrite");
    expect(await section.locator("tbody tr").count()).toBe(2 * 20);
    await section.getByRole("searchbox").fill("case 4321?");
    expect(await section.locator("output").textContent()).toBe("1 of 5000 rows");
    expect(faults).toEqual([]);
    await page.close();
  });
});
