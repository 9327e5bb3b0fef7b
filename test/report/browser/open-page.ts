// Opens report pages in the system's Chromium and notes all that a page must not do: errors, and requests for anything but itself.
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";

const candidates = [
  process.env.SDFT_CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Chromium's path, or null with a printed reason. */
export function findChromium(): string | null {
  const found = candidates.find((path) => path !== undefined && existsSync(path));
  if (found !== undefined) return found;
  console.warn("skipped: needs Chromium (set SDFT_CHROMIUM to its path)");
  return null;
}

export function startBrowser(path: string): Promise<Browser> {
  // Chromium refuses its own sandbox to root, as containers run it.
  return chromium.launch({ executablePath: path, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
}

export interface OpenedPage {
  readonly page: Page;
  /** Console errors, exceptions, refused and foreign requests. */
  readonly faults: readonly string[];
}

export async function openPage(
  browser: Browser,
  path: string,
  look: { readonly width?: number; readonly scheme?: "light" | "dark" } = {},
): Promise<OpenedPage> {
  const page = await browser.newPage({
    viewport: { width: look.width ?? 1100, height: 900 },
    colorScheme: look.scheme ?? "light",
  });
  const address = pathToFileURL(path).href;
  const faults: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("request", (request) => {
    if (request.url() !== address) faults.push(`request for ${request.url()}`);
  });
  await page.goto(address);
  return { page, faults };
}

/** Opens the audit section whose title begins so, and waits for its rows. */
export async function openAudit(page: Page, title: string) {
  const section = page.locator("details[data-audit]", { has: page.locator("summary", { hasText: title }) });
  await section.locator("> summary").click();
  await section.locator("tbody tr").first().waitFor();
  return section;
}
