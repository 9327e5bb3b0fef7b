// Writes report.html and report.md into a run folder from what lies there.
import { join } from "node:path";
import { writeWholeFile } from "../base/write-file.js";
import { markdownReport } from "./markdown.js";
import { htmlReport } from "./page.js";
import { type RunSummary, readRun } from "./run-summary.js";

export async function writeReport(folder: string): Promise<RunSummary> {
  const summary = await readRun(folder);
  await writeWholeFile(join(folder, "report.html"), htmlReport(summary));
  await writeWholeFile(join(folder, "report.md"), markdownReport(summary));
  return summary;
}
