// A single run's page in a real browser.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { drawFigures } from "../../../src/report/figure-files.js";
import { htmlReport } from "../../../src/report/page.js";
import { runFigures } from "../../../src/report/run-figures.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { summary } from "../summary.js";
import { findChromium, openAudit, openPage, startBrowser } from "./open-page.js";

const folder = temporaryFolder();
const chromium = findChromium();

describe.skipIf(chromium === null)("a run's page", () => {
  it("opens without an error or a request, and shows every attempt at a rewrite", async () => {
    const path = join(folder, "report.html");
    writeFileSync(path, htmlReport(summary, await drawFigures(runFigures(summary))));
    const browser = await startBrowser(chromium ?? "");
    try {
      const { page, faults } = await openPage(browser, path, { width: 360, scheme: "dark" });
      expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0);
      for (const figure of await page.locator("svg.chart").all()) expect(await figure.isVisible()).toBe(true);
      expect(await page.locator("svg.chart").count()).toBe(3);
      const section = await openAudit(page, "Every rewrite and its verdict");
      await section.getByRole("searchbox").fill("not-ended log-probability");
      expect(await section.locator("tr.facts td").first().textContent()).toBe("b");
      expect(await section.locator(".pane").last().textContent()).toContain("sample 1, rejected by not-ended");
      expect(faults).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
