// A single run's page in a real browser.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { htmlReport } from "../../../src/report/page.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { summary } from "../summary.js";
import { findChromium, openAudit, openPage, startBrowser } from "./open-page.js";

const folder = temporaryFolder();
const chromium = findChromium();

describe.skipIf(chromium === null)("a run's page", () => {
  it("opens without an error or a request, and shows every attempt at a rewrite", async () => {
    const path = join(folder, "report.html");
    writeFileSync(path, htmlReport(summary));
    const browser = await startBrowser(chromium ?? "");
    try {
      const { page, faults } = await openPage(browser, path, { width: 360, scheme: "dark" });
      expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0);
      expect(await page.locator("svg .curve").first().isVisible()).toBe(true);
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
