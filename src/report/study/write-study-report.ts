// Writes a study's report.md, report.csv, report.json, report.html and figures/*.svg from what lies in its folder.
import { join } from "node:path";
import { writeJson, writeWholeFile } from "../../base/write-file.js";
import { drawFigures, writeFigures } from "../figure-files.js";
import { figureFile } from "./figure-series.js";
import { readStudy } from "./read-study.js";
import { studyFigures } from "./study-figures.js";
import { studyCsv, studyDocument } from "./study-files.js";
import { studyMarkdown } from "./study-markdown.js";
import { studyPage } from "./study-page.js";
import { type StudySummary, summariseStudy } from "./study-summary.js";

/** `tables`: report.md, .csv and .json alone, for a study under way; figures are drawn and the page made at its end. */
export async function writeStudyReport(folder: string, parts: "all" | "tables" = "all"): Promise<StudySummary> {
  const summary = summariseStudy(await readStudy(folder));
  const figures = parts === "all" ? await drawFigures(studyFigures(summary)) : [];
  const files = figures.map(figureFile);
  await writeWholeFile(join(folder, "report.md"), studyMarkdown(summary, files));
  await writeWholeFile(join(folder, "report.csv"), studyCsv(summary));
  await writeJson(join(folder, "report.json"), studyDocument(summary, files));
  if (parts === "tables") return summary;
  await writeFigures(folder, figures);
  await writeWholeFile(join(folder, "report.html"), studyPage(summary, figures));
  return summary;
}
