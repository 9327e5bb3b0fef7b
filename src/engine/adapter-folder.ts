// An adapter folder in peft's layout: adapter_config.json and adapter_model.safetensors, checked against the loaded model.
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../base/error.js";
import { writeJson } from "../base/write-file.js";
import { type FloatTensor, readFloatTensors, readSafetensors } from "../formats/safetensors.js";
import { writeSafetensors } from "../formats/safetensors-writer.js";
import type { AdapterTensor, LoraTarget, NativeAdapter } from "../native/types.js";
import {
  type AdapterSettings,
  fromPeftConfig,
  loraTargets,
  type PeftSettings,
  toPeftConfig,
} from "./adapter-settings.js";

export interface StoredAdapter {
  readonly folder: string;
  readonly settings: AdapterSettings;
  /** The base model's name as the adapter's writer knew it. */
  readonly baseModel: string | null;
  /** By the engine's name (`model.layers.0.self_attn.q_proj.lora_A`). */
  readonly tensors: ReadonlyMap<string, FloatTensor>;
}

const prefix = "base_model.model.";
const suffix = ".weight";

/** Reads `folder`, or its sub-folder `adapter` (what `train --out` leaves). */
export async function readAdapterFolder(folder: string): Promise<StoredAdapter> {
  const found = await findAdapterFolder(folder);
  const configPath = join(found, "adapter_config.json");
  const peft = fromPeftConfig(await readJsonFile(configPath), configPath);
  const file = await readSafetensors(join(found, "adapter_model.safetensors"));
  const tensors = new Map<string, FloatTensor>();
  for (const [name, tensor] of await readFloatTensors(file)) tensors.set(engineName(name, file.path), tensor);
  return {
    folder: found,
    settings: settingsOf(peft, [...tensors.keys()], file.path),
    baseModel: peft.baseModel,
    tensors,
  };
}

/** Writes the adapter's numbers as they are now; single precision. */
export async function writeAdapterFolder(
  adapter: NativeAdapter,
  options: { readonly folder: string; readonly settings: AdapterSettings; readonly baseModel: string },
): Promise<void> {
  const tensors = adapter.tensors().map(({ name, rows, columns }): [string, FloatTensor] => {
    const values = Float32Array.from(adapter.get(name));
    return [name, { shape: [rows, columns], values }];
  });
  await writeAdapterTensors(tensors, options);
}

/** The same of numbers that no engine holds; names are the engine's. */
export async function writeAdapterTensors(
  tensors: Iterable<readonly [string, FloatTensor]>,
  options: { readonly folder: string; readonly settings: AdapterSettings; readonly baseModel: string },
): Promise<void> {
  const named = [...tensors].map(([name, { shape, values }]) => ({ name: `${prefix}${name}${suffix}`, shape, values }));
  await writeSafetensors(join(options.folder, "adapter_model.safetensors"), named, { format: "pt" });
  await writeJson(join(options.folder, "adapter_config.json"), toPeftConfig(options.settings, options.baseModel));
}

/** Copies stored tensors into an adapter of the loaded model; names or shapes that don't fit mean an adapter of another model. */
export function fillAdapter(adapter: NativeAdapter, stored: StoredAdapter, modelName: string): void {
  const wanted = adapter.tensors();
  expectFitting(stored, wanted, modelName);
  for (const { name } of wanted) {
    const values = stored.tensors.get(name)?.values;
    if (values !== undefined) adapter.set(name, values);
  }
}

/** Every matrix that the model takes is there in its shape, and no other; one error names all faults. */
export function expectFitting(stored: StoredAdapter, wanted: readonly AdapterTensor[], modelName: string): void {
  const faults: string[] = [];
  for (const { name, rows, columns } of wanted) {
    const tensor = stored.tensors.get(name);
    if (tensor === undefined) faults.push(`${name} is missing`);
    else if (tensor.shape.length !== 2 || tensor.shape[0] !== rows || tensor.shape[1] !== columns) {
      faults.push(`${name} has the shape [${tensor.shape.join(", ")}] where the model takes [${rows}, ${columns}]`);
    }
  }
  const known = new Set(wanted.map((tensor) => tensor.name));
  for (const name of stored.tensors.keys()) if (!known.has(name)) faults.push(`${name} has no place in the model`);
  if (faults.length > 0) {
    const more = faults.length > 3 ? ` and ${faults.length - 3} more` : "";
    throw new InputError(
      "adapter_mismatch",
      `The adapter in ${stored.folder} belongs to another model than ${modelName}: ${faults.slice(0, 3).join("; ")}${more}. It was trained on ${stored.baseModel ?? "an unnamed model"}.`,
    );
  }
}

async function findAdapterFolder(folder: string): Promise<string> {
  for (const candidate of [folder, join(folder, "adapter")]) {
    if (
      await access(join(candidate, "adapter_config.json")).then(
        () => true,
        () => false,
      )
    )
      return candidate;
  }
  throw new InputError(
    "adapter_missing",
    `Expected an adapter (adapter_config.json and adapter_model.safetensors) in ${folder} but there is none.`,
  );
}

async function readJsonFile(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new InputError("adapter_config", `${path} is not valid JSON; the adapter is damaged.`, { cause });
  }
}

function engineName(name: string, path: string): string {
  if (name.startsWith(prefix) && name.endsWith(suffix) && /\.lora_[AB]\.weight$/.test(name)) {
    return name.slice(prefix.length, -suffix.length);
  }
  throw new InputError(
    "adapter_mismatch",
    `${path} holds a tensor ${name}, which is no LoRA matrix of a linear layer (${prefix}….lora_A${suffix} or lora_B).`,
  );
}

function settingsOf(peft: PeftSettings, names: readonly string[], path: string): AdapterSettings {
  const found = new Set(names.map((name) => name.split(".").at(-2) ?? ""));
  const unknown = [...found].filter((name) => !loraTargets.some((target) => target === name));
  if (unknown.length > 0 || found.size === 0) {
    const what = found.size === 0 ? "no tensor" : `adapters on ${unknown.join(", ")}`;
    throw new InputError("adapter_mismatch", `${path} holds ${what}; expected adapters on ${loraTargets.join(", ")}.`);
  }
  const targets: LoraTarget[] = loraTargets.filter((target) => found.has(target));
  return { rank: peft.rank, alpha: peft.alpha, dropout: peft.dropout, scaling: peft.scaling, targets };
}
