// What a selection leaves in its folder.
import { join } from "node:path";
import { writeJson, writeJsonLines, writeWholeFile } from "../base/write-file.js";
import type { TextExample } from "../data/example.js";
import { alpacaFiles } from "./alpaca-file.js";
import type { Selection } from "./select.js";

/** verdicts.jsonl and yield.json, the same rows as an alpaca JSON with its dataset_info.json, and last distilled.jsonl. */
export async function writeSelection(
  selection: Selection,
  to: { readonly folder: string; readonly name: string; readonly originals: readonly TextExample[] },
): Promise<void> {
  await writeJsonLines(join(to.folder, "verdicts.jsonl"), selection.verdicts);
  await writeJson(join(to.folder, "yield.json"), selection.report);
  const files = alpacaFiles(to.name, selection.rows, to.originals);
  await writeWholeFile(join(to.folder, files.dataName), files.data);
  await writeWholeFile(join(to.folder, "dataset_info.json"), files.info);
  await writeJsonLines(join(to.folder, "distilled.jsonl"), selection.rows);
}
