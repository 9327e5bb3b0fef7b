// Writes a study's report.md, report.csv, report.json, report.html and figures/*.svg from what lies in its folder.
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeJson, writeWholeFile } from "../../base/write-file.js";
import { drawChart, standaloneSvg } from "../charts/chart.js";
import { type FigureFile, figureFile } from "./figure-series.js";
import { readStudy } from "./read-study.js";
import { studyFigures } from "./study-figures.js";
import { studyCsv, studyDocument } from "./study-files.js";
import { studyMarkdown } from "./study-markdown.js";
import { type DrawnFigure, studyPage } from "./study-page.js";
import { type StudySummary, summariseStudy } from "./study-summary.js";

/** `tables`: report.md, .csv and .json alone, for a study under way; figures are drawn and the page made at its end. */
export async function writeStudyReport(folder: string, parts: "all" | "tables" = "all"): Promise<StudySummary> {
  const summary = summariseStudy(await readStudy(folder));
  const figures = parts === "all" ? await drawFigures(summary) : [];
  await writeWholeFile(join(folder, "report.md"), studyMarkdown(summary, figures));
  await writeWholeFile(join(folder, "report.csv"), studyCsv(summary));
  await writeJson(join(folder, "report.json"), studyDocument(summary, figures));
  if (parts === "tables") return summary;
  await writeFigures(join(folder, "figures"), figures);
  await writeWholeFile(join(folder, "report.html"), studyPage(summary, figures));
  return summary;
}

async function drawFigures(summary: StudySummary): Promise<(FigureFile & DrawnFigure)[]> {
  const drawn = [];
  for (const figure of studyFigures(summary)) {
    drawn.push({ ...figureFile(figure), svg: await drawChart(figure.chart) });
  }
  return drawn;
}

/** Figures of an earlier report that this one doesn't have go away. */
async function writeFigures(folder: string, figures: readonly (FigureFile & DrawnFigure)[]): Promise<void> {
  const names = new Set(figures.map(({ file }) => file.replace(/^figures\//, "")));
  const there = await readdir(folder).catch(() => []);
  for (const name of there) if (name.endsWith(".svg") && !names.has(name)) await rm(join(folder, name));
  for (const { file, svg } of figures) await writeWholeFile(join(folder, "..", file), standaloneSvg(svg));
}
