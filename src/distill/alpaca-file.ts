// The distilled data once more as other trainers read it: an alpaca JSON and its entry for dataset_info.json (LLaMA-Factory's format).

import type { TextExample } from "../data/example.js";
import type { DistilledRow } from "./select.js";

/** The contents of two files. */
export interface AlpacaFiles {
  /** `<name>.json` */
  readonly dataName: string;
  readonly data: string;
  /** dataset_info.json */
  readonly info: string;
}

/** `originals` in the order of `rows`; they give earlier turns and system messages. */
export function alpacaFiles(
  name: string,
  rows: readonly DistilledRow[],
  originals: readonly TextExample[],
): AlpacaFiles {
  const dataName = `${name}.json`;
  const hasHistory = originals.some((example) => example.history.length > 0);
  const hasSystem = originals.some((example) => example.system !== null);
  const byId = new Map(originals.map((example) => [example.id, example]));
  const data = rows.map((row) => ({
    id: row.id,
    instruction: row.instruction,
    input: "",
    output: row.response,
    ...(hasSystem && { system: byId.get(row.id)?.system ?? "" }),
    ...(hasHistory && { history: (byId.get(row.id)?.history ?? []).map(({ user, assistant }) => [user, assistant]) }),
  }));
  const columns = {
    prompt: "instruction",
    query: "input",
    response: "output",
    ...(hasSystem && { system: "system" }),
    ...(hasHistory && { history: "history" }),
  };
  return { dataName, data: toJson(data), info: toJson({ [name]: { file_name: dataName, columns } }) };
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
