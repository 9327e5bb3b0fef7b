// A study's numbers for other programs: report.csv with a line for each cell, and report.json with all of it.
import { notPublished } from "../paper/published.js";
import type { FigureFile } from "./figure-series.js";
import type { StudySummary } from "./study-summary.js";
import type { StudyTable } from "./study-table.js";

const heads = [
  "label",
  "study",
  "model",
  "table",
  "row",
  "column",
  "task",
  "metric",
  "value",
  "n",
  "low",
  "high",
  "seeds",
  "deviation",
  "missing",
  "paper_percent",
  "paper_place",
] as const;

export function studyCsv({ study, tables }: StudySummary): string {
  const common = [study.label ?? "", study.name, study.model];
  const lines = tables.flatMap((table) => cellLines(table).map((cells) => [...common, ...cells]));
  return [heads, ...lines].map((cells) => `${cells.map(quote).join(",")}\r\n`).join("");
}

function cellLines(table: StudyTable): (string | number | null)[][] {
  return table.rows.flatMap(({ labels, cells }) =>
    cells.map((cell, index) => {
      const column = table.columns[index];
      const { score } = cell;
      return [
        table.id,
        labels.filter((label) => label !== "–").join(", "),
        column?.title ?? "",
        column?.task ?? "average",
        column?.metric ?? "",
        score?.value ?? null,
        score?.n ?? null,
        score?.low ?? null,
        score?.high ?? null,
        score?.seeds ?? null,
        score?.deviation ?? null,
        cell.missing,
        cell.paper?.percent ?? null,
        cell.paper?.place ?? null,
      ];
    }),
  );
}

/** As RFC 4180 has it. A text that a spreadsheet would run as a formula gets an apostrophe before it. */
function quote(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+@\t\r-]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function studyDocument(summary: StudySummary, figures: readonly FigureFile[]): unknown {
  const { study, published, tables, comparisons, yields, missingCells } = summary;
  return {
    name: study.name,
    label: study.label,
    model: study.model,
    paper:
      published === null
        ? null
        : {
            id: published.id,
            name: published.name,
            caption: published.caption,
            section: published.section,
            numbers: published.kind === "table" ? "in percent, beside ours" : notPublished,
          },
    missing_cells: missingCells,
    tables,
    comparisons: { same_rows: comparisons.verdicts, distances: comparisons.values },
    yields: yields.map(({ rows: _, ...counted }) => counted),
    figures: figures.map(({ file, title, kind }) => ({ file, title, kind })),
    settings: study.config,
  };
}
