// Tables 1 to 4 as published, for Llama-2-7b-chat, in percent; footnotes tell of slips that are the paper's own.
import {
  gsm8kColumn,
  humanevalColumn,
  jailbreakColumn,
  methodRows,
  openfunctionsColumn,
  rawSafeColumn,
  seedRow,
  winRateColumn,
} from "./columns.js";
import type { PaperRow, PublishedTable } from "./published.js";

const singleTask = [
  ["openfunctions", "OpenFunctions"],
  ["gsm8k", "GSM8K"],
  ["magicoder", "MagiCoder"],
] as const;

const multiTask = [
  ["alpaca", "Alpaca"],
  ["dolly", "Dolly"],
  ["lima", "LIMA"],
] as const;

export const table1: PublishedTable = {
  kind: "table",
  id: "table1",
  name: "Table 1",
  caption: "Evaluation results on downstream tasks",
  section: "section 4.3",
  rows: [seedRow, ...methodRows("vanilla", singleTask), ...methodRows("sdft", singleTask)],
  columns: [openfunctionsColumn, gsm8kColumn, humanevalColumn],
  values: [
    [19.6, 29.4, 13.4, 20.8],
    [34.8, 21.5, 9.8, 22.0],
    [17.9, 31.9, 12.2, 20.7],
    [3.6, 23.2, 18.9, 15.2],
    [36.6, 29.1, 15.2, 27.0],
    [17.9, 34.4, 14.6, 22.3],
    [8.0, 24.9, 18.3, 17.1],
  ],
  decimals: 1,
  average: "last column",
  footnotes: [
    {
      text: "The paper marks the change from 3.6 to 8.0 (MagiCoder, OpenFunctions) as ↑5.4; it is 4.4.",
      cells: [
        [3, 0],
        [6, 0],
      ],
    },
    {
      text: "36.61 against 34.82 on OpenFunctions (section 4.3) is 41 against 39 of 112 rows.",
      cells: [
        [1, 0],
        [4, 0],
      ],
    },
  ],
};

export const table2: PublishedTable = {
  kind: "table",
  id: "table2",
  name: "Table 2",
  caption: "Assessment of safety and general helpfulness",
  section: "section 4.4",
  rows: [seedRow, ...methodRows("vanilla", singleTask), ...methodRows("sdft", singleTask)],
  columns: [rawSafeColumn, jailbreakColumn, winRateColumn],
  values: [
    [99.81, 88.85, 66.04],
    [98.27, 87.31, 35.49],
    [82.12, 54.81, 23.38],
    [96.73, 83.65, 76.52],
    [99.23, 94.42, 67.66],
    [87.12, 65.58, 66.73],
    [97.88, 88.65, 76.09],
  ],
  decimals: 2,
  average: null,
  footnotes: [
    { text: "The seed model's win rate is 66.04 in the tables and once 66.03 in section 4.4.", cells: [[0, 2]] },
  ],
};

export const table3: PublishedTable = {
  kind: "table",
  id: "table3",
  name: "Table 3",
  caption: "Evaluation results after fine-tuning on multitask instruction following datasets",
  section: "section 4.4",
  rows: [seedRow, ...methodRows("vanilla", multiTask), ...methodRows("sdft", multiTask)],
  columns: [rawSafeColumn, jailbreakColumn, winRateColumn],
  values: [
    [99.81, 88.85, 66.04],
    [86.54, 52.69, 27.62],
    [81.73, 26.54, 22.09],
    [81.35, 58.08, 41.34],
    [96.15, 86.15, 65.07],
    [96.35, 72.69, 61.6],
    [94.42, 78.08, 59.38],
  ],
  decimals: 2,
  average: null,
  footnotes: [
    {
      text: "The paper's SDFT row for Dolly mixes two templates of its Table 4: 72.69 is Using's; 96.35 and 61.60 are Refer's.",
      cells: [
        [5, 0],
        [5, 1],
        [5, 2],
      ],
    },
    { text: "The seed model's win rate is 66.04 in the tables and once 66.03 in section 4.4.", cells: [[0, 2]] },
  ],
};

/** Vanilla fine-tuning and both distillation templates on one data set. */
function templateRows(dataset: string, title: string): PaperRow[] {
  const row = (
    method: string,
    variant: "vanilla" | "sdft",
    distillTemplate: PaperRow["distillTemplate"],
  ): PaperRow => ({
    method,
    title,
    variant,
    dataset,
    distillTemplate,
  });
  return [row("Vanilla FT", "vanilla", null), row("Refer", "sdft", "refer"), row("Using", "sdft", "using")];
}

export const table4: PublishedTable = {
  kind: "table",
  id: "table4",
  name: "Table 4",
  caption: "Ablation studies on distillation template",
  section: "section 5.2",
  rows: [...templateRows("openfunctions", "OpenFunctions"), ...templateRows("dolly", "Dolly")],
  columns: [openfunctionsColumn, humanevalColumn, gsm8kColumn, rawSafeColumn, jailbreakColumn, winRateColumn],
  values: [
    [34.82, 9.76, 21.53, 98.27, 87.31, 35.49],
    [35.71, 13.41, 27.37, 98.85, 89.81, 68.45],
    [36.61, 15.24, 29.11, 99.23, 94.42, 67.66],
    [8.04, 17.07, 15.92, 81.73, 26.54, 22.09],
    [17.86, 14.02, 24.26, 96.35, 69.62, 61.6],
    [16.07, 14.63, 26.31, 97.31, 72.69, 57.52],
  ],
  decimals: 2,
  average: null,
  footnotes: [
    {
      text: "The paper's Table 3 gives Dolly's SDFT as 96.35, 72.69 and 61.60: two numbers of Refer and one of Using.",
      cells: [
        [4, 3],
        [4, 5],
        [5, 4],
      ],
    },
  ],
};
