// The work of `sdft export`.
import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { parseByteSize } from "../../base/byte-size.js";
import { InputError } from "../../base/error.js";
import { makeWritableFolder } from "../../base/write-file.js";
import { readAdapterFolder, writeAdapterTensors } from "../../engine/adapter-folder.js";
import { exportModel } from "../../engine/export-model.js";
import { expectAdapterFits } from "../../engine/merged-weights.js";
import { openPackage } from "../../experiment/session.js";
import { DEFAULT_MODEL } from "../../models/aliases.js";
import { requireOption } from "../arguments.js";
import type { CommandContext } from "../run-command.js";
import { expectNoEarlier } from "./out-file.js";

export interface ExportArgs {
  readonly model?: string | undefined;
  readonly adapter?: string | undefined;
  readonly out?: string | undefined;
  readonly format: "merged" | "peft";
  readonly dtype?: "f32" | "bf16" | undefined;
  readonly maxShardSize: string;
}

export async function runExport(args: ExportArgs, { terminal, signal }: CommandContext): Promise<void> {
  const folder = resolve(requireOption(args.out, "out", "a folder for the model"));
  const shardBytes = parseByteSize(args.maxShardSize, "--max-shard-size");
  if (args.format === "peft" && args.adapter === undefined)
    throw new InputError("usage", "Expected --adapter: with --format peft the adapter alone is exported.");
  for (const file of ["config.json", "model.safetensors", "model.safetensors.index.json", "adapter_config.json"])
    expectNoEarlier(folder, file, "a model or adapter");
  const adapter = args.adapter === undefined ? null : await readAdapterFolder(args.adapter);
  const model = await openPackage(args.model ?? DEFAULT_MODEL, terminal);
  if (adapter !== null) expectAdapterFits(model, adapter);
  await makeWritableFolder(folder);
  if (adapter !== null && args.format === "peft") {
    const { settings, baseModel } = adapter;
    await writeAdapterTensors(adapter.tensors, { folder, settings, baseModel: baseModel ?? model.name });
    const files = ["adapter_model.safetensors", "adapter_config.json"];
    terminal.result({ folder, format: args.format, files }, `The adapter is written to ${folder}`);
    return;
  }
  const files = await exportModel({
    ...{ model, adapter, folder, shardBytes, signal },
    type: args.dtype ?? null,
    onTensor: (done, total) => terminal.progress({ stage: "export", done, total, unit: "tensors" }),
  });
  const what = adapter === null ? model.name : `${model.name} with ${await realpath(adapter.folder)}`;
  terminal.result(
    { folder, format: args.format, model: model.name, files },
    `${what} is written to ${folder} (${files.join(", ")})`,
  );
}
