// All that a study's reports show, put together once: tables, comparisons, yields, and whether anything is missing.

import type { Published } from "../paper/published.js";
import { findPublished } from "../paper/registry.js";
import { figureNote } from "./cell-text.js";
import { matrixTables } from "./matrix-table.js";
import { isPublishedCell, paperTable } from "./paper-table.js";
import type { Study } from "./read-study.js";
import { compareTrainings, type StudyComparisons } from "./study-comparisons.js";
import { countMissing, type StudyTable } from "./study-table.js";
import { type StudyYield, studyYields } from "./study-yields.js";

export interface StudySummary {
  readonly study: Study;
  readonly published: Published | null;
  readonly tables: readonly StudyTable[];
  readonly comparisons: StudyComparisons;
  readonly yields: readonly StudyYield[];
  /** Cells without a number; a study with any has failed. */
  readonly missingCells: number;
}

export function summariseStudy(study: Study): StudySummary {
  const published = findPublished(study.paper);
  const tables =
    published?.kind === "table"
      ? [paperTable(study, published), ...matrixTables(study, (row) => isPublishedCell(published, row)).map(further)]
      : matrixTables(study, () => false).map((table) => withFigureNote(table, published));
  return {
    study,
    published,
    tables,
    comparisons: compareTrainings(study),
    yields: studyYields(study),
    missingCells: countMissing(tables),
  };
}

/** `smoke: Table 1 …`: nothing is shown without the study's label. */
export function labelled(study: Pick<Study, "label">, text: string): string {
  return study.label === null ? text : `${study.label}: ${text}`;
}

/** What a paper's table has no place for. */
function further(table: StudyTable): StudyTable {
  return table.id === "results" ? { ...table, title: "Further results" } : table;
}

function withFigureNote(table: StudyTable, published: Published | null): StudyTable {
  if (published === null) return table;
  return { ...table, notes: [...table.notes, figureNote(published.name, published.section)] };
}
