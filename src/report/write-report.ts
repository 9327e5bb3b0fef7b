// Writes report.html, report.md and figures/*.svg into a run folder from what lies there.
import { join } from "node:path";
import { writeWholeFile } from "../base/write-file.js";
import { drawFigures, writeFigures } from "./figure-files.js";
import { markdownReport } from "./markdown.js";
import { htmlReport } from "./page.js";
import { runFigures } from "./run-figures.js";
import { type RunSummary, readRun } from "./run-summary.js";

export async function writeReport(folder: string): Promise<RunSummary> {
  const summary = await readRun(folder);
  const figures = await drawFigures(runFigures(summary));
  await writeFigures(folder, figures);
  await writeWholeFile(join(folder, "report.html"), htmlReport(summary, figures));
  await writeWholeFile(join(folder, "report.md"), markdownReport(summary, figures));
  return summary;
}
