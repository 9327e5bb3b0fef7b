// The work of `report`: a run's or a study's tables as far as it has come, with its report files written anew.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { openStages } from "../../report/open-stages.js";
import { holdsStudy } from "../../report/study/read-study.js";
import { studyTerminal } from "../../report/study/study-terminal.js";
import { writeStudyReport } from "../../report/study/write-study-report.js";
import { writeReport } from "../../report/write-report.js";
import { resultText, summaryDocument } from "../run-experiment.js";
import type { Terminal } from "../terminal.js";

export async function showReport(folder: string, terminal: Terminal): Promise<void> {
  const path = resolve(folder);
  if (await holdsStudy(path)) await showStudy(path, terminal);
  else await showRun(path, terminal);
}

async function showRun(folder: string, terminal: Terminal): Promise<void> {
  const summary = await writeReport(folder);
  const scores = join(folder, "scores.jsonl");
  if (!existsSync(scores)) {
    const open = openStages(summary);
    const left = open.length === 0 ? "" : ` Still to do: ${open.join(", ")}.`;
    terminal.warn(
      `${scores} is missing, so there are no results to show: the run has not come to its end.${left} Run its experiment again with the same --out, and it goes on where it stopped.`,
    );
  }
  terminal.result(summaryDocument(summary), resultText(summary, terminal));
}

async function showStudy(folder: string, terminal: Terminal): Promise<void> {
  const summary = await writeStudyReport(folder);
  const address = pathToFileURL(join(folder, "report.html")).href;
  terminal.result(
    JSON.parse(await readFile(join(folder, "report.json"), "utf8")),
    `\n${studyTerminal(summary, terminal.color.bold)}\nReport: ${address}\n`,
  );
}
