// The model families we know, by config.json's model_type. A new family is one file beside this one and a line here.

import type { Architecture } from "./architecture.js";
import { gemma3 } from "./gemma3.js";
import { llama } from "./llama.js";
import { mistral } from "./mistral.js";
import { qwen2 } from "./qwen2.js";
import { qwen3 } from "./qwen3.js";

export const ARCHITECTURES = {
  llama,
  mistral,
  qwen2,
  qwen3,
  gemma3_text: gemma3,
} as const satisfies Record<string, Architecture>;

/** The family of a model_type, or null. */
export function findArchitecture(modelType: string): Architecture | null {
  return Object.hasOwn(ARCHITECTURES, modelType) ? ARCHITECTURES[modelType as keyof typeof ARCHITECTURES] : null;
}
