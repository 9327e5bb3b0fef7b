// The cases of `npm run bench:cuda`: a part of the work at a shape, by us and by the peers that are installed.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Card } from "#sdft/bench/card.js";
import { type Contestant, ours } from "#sdft/bench/contestant.js";
import type { EngineChoice } from "#sdft/bench/engine-choice.js";
import { modelShapes } from "#sdft/bench/made-up-model.js";
import { type Row, ratioRow } from "#sdft/bench/measurement.js";
import { type CardAmounts, cardRows } from "#sdft/bench/on-card.js";
import type { InstalledPeers } from "./installed-peers.js";
import { peer } from "./peer.js";

export const parts = ["training", "decoding", "kernels"] as const;
export type Part = (typeof parts)[number];
export const shapes = ["135M", "1B", "7B"] as const;
export type Shape = (typeof shapes)[number];

export interface CardContext {
  /** Temporary; gets the work as files for the peers. */
  readonly folder: string;
  /** Null on the cpu. */
  readonly card: Card | null;
  readonly choice: EngineChoice;
  readonly amounts: CardAmounts;
  readonly peers: InstalledPeers | null;
  readonly say: (line: string) => void;
}

export interface CardCase {
  /** Ours first. */
  readonly contestants: readonly Contestant[];
  /** Each speed of ours over each peer's, and ours of many sequences over each peer's of one. */
  readonly ratios: (rows: readonly Row[]) => readonly Row[];
}

export async function cardCase(context: CardContext, part: Part, shape: Shape): Promise<CardCase> {
  const { card, amounts } = context;
  const choice = { ...context.choice, profile: part === "kernels" };
  const mine = ours(`${part} ${shape}`, { kind: "card", work: { part, shape, card, amounts }, choice });
  return { contestants: [mine, ...(await peersOf(context, part, shape))], ratios: speedRatios };
}

async function peersOf(context: CardContext, part: Part, shape: Shape): Promise<Contestant[]> {
  const { peers, amounts } = context;
  if (peers === null || part === "kernels") return [];
  const model = await writeShape(context, shape);
  const common = { python: peers.python, model, threads: 0 };
  const onDevice = ["--device", peers.device, "--shape", shape];
  if (part === "training") {
    const work = amounts.batches.map(async ([sequences, tokens]) => {
      const rows = join(context.folder, `training-${sequences}-${tokens}-${shape}.json`);
      const made = cardRows(modelShapes[shape].spec.vocabSize, [sequences, tokens], amounts.updates);
      await writeFile(rows, JSON.stringify({ rows: made }));
      const parameters = [...onDevice, "--sequences", `${sequences}`, "--tokens", `${tokens}`];
      return peers.training.map((script) => peer({ ...common, script, rows, parameters }));
    });
    return (await Promise.all(work)).flat();
  }
  return amounts.sequences.flatMap((count) => {
    const parameters = [...onDevice, "--sequences", `${count}`, "--prompt", `${amounts.prompt}`];
    const given = [...parameters, "--new", `${amounts.newTokens}`];
    return peers.decoding.map((script) => peer({ ...common, script, rows: "", parameters: given }));
  });
}

/** A Hugging Face config.json of the shape, in a folder of its own. */
async function writeShape({ folder }: CardContext, shape: Shape): Promise<string> {
  const { spec } = modelShapes[shape];
  const path = join(folder, `${shape}.json`);
  const config = {
    ...{ architectures: ["LlamaForCausalLM"], model_type: "llama", torch_dtype: "bfloat16", hidden_act: "silu" },
    ...{ vocab_size: spec.vocabSize, hidden_size: spec.width, intermediate_size: spec.innerWidth },
    ...{ num_hidden_layers: spec.layers.length, num_attention_heads: spec.queryHeads },
    ...{ num_key_value_heads: spec.kvHeads, head_dim: spec.headSize, rms_norm_eps: spec.normEpsilon },
    ...{ max_position_embeddings: spec.maxPositions, tie_word_embeddings: spec.tiedHead },
    ...{ bos_token_id: 1, eos_token_id: 2, initializer_range: 0.02 },
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

/** Of figures of one name and unit, where a second is what is counted. The authors distil one row at a time, so many at once over one is what distilling gains. */
function speedRatios(rows: readonly Row[]): Row[] {
  const speeds = rows.filter(({ unit }) => unit === "tokens/s");
  const isOurs = ({ system }: Row): boolean => system === "sdft" || system.startsWith("sdft ");
  const peers = speeds.filter((row) => !isOurs(row));
  return speeds.filter(isOurs).flatMap((mine) => {
    const alone = mine.metric.replace(/\d+ sequences$/, "1 sequence");
    return [
      ...peers.filter(({ metric }) => metric === mine.metric).map((row) => ratioRow(mine, row, mine.metric)),
      ...peers
        .filter(({ metric }) => alone !== mine.metric && metric === alone)
        .map((row) => ratioRow(mine, row, `${mine.metric} over one at a time`)),
    ];
  });
}
