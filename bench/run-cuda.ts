// npm run bench:cuda -- [--part training|decoding|kernels]… [--shape 135M|1B|7B]… [--weights W] [--peers PYTHON] [--rounds N] [--teraflops T] [--gigabytes G] [--json]
// The card against its data sheet, and the peers that the Python environment has, at shapes of well-known models with made-up weights. Appends a row for each
// figure to bench/results/<card>.jsonl. --device cpu and --quick try the bench itself without a card: such rows are printed and never kept.
import { parseArgs } from "node:util";
import { type Card, cardSlug, expectCard } from "#sdft/bench/card.js";
import { machineName } from "#sdft/bench/machine.js";
import type { Row } from "#sdft/bench/measurement.js";
import { cardAmounts, quickAmounts } from "#sdft/bench/on-card.js";
import { loadAddon } from "#sdft/native/addon.js";
import { type CardContext, cardCase, isPart, isShape, parts, shapes } from "./cuda-cases.js";
import { measureCase, runBench, say } from "./frame.js";
import { installedPeers } from "./installed-peers.js";

const formats = ["native", "f32", "bf16", "q8", "q4"] as const;
const { values } = parseArgs({
  options: {
    part: { type: "string", multiple: true, default: [...parts] },
    shape: { type: "string", multiple: true, default: [...shapes] },
    weights: { type: "string", default: "bf16" },
    peers: { type: "string" },
    rounds: { type: "string", default: "3" },
    teraflops: { type: "string" },
    gigabytes: { type: "string" },
    device: { type: "string", default: "cuda" },
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

await runBench(values, async (folder) => {
  const device = oneOf("--device", values.device, ["cuda", "cpu"] as const);
  const given = { teraflops: number("--teraflops"), gigabytesPerSecond: number("--gigabytes") };
  const card: Card | null = device === "cpu" ? null : expectCard(loadAddon().info(), given);
  const weights = oneOf("--weights", values.weights, formats);
  const context: CardContext = {
    ...{ folder, card, say, amounts: values.quick ? quickAmounts : cardAmounts },
    choice: { device, weights, compute: "f32", threads: 0, profile: false },
    peers: values.peers === undefined ? null : await installedPeers(values.peers, device, say),
  };
  if (card === null) say("Trying the bench on the cpu: these are no figures of a card, and none is kept.");
  const machine = card === null ? machineName() : cardSlug(card);
  const handling = { rounds: Number(values.rounds), keep: card !== null && !values.quick, json: values.json };
  const rows: Row[] = [];
  for (const part of values.part) {
    for (const shape of values.shape) {
      if (!isPart(part)) throw new Error(`Expected a part out of ${parts.join(", ")} but received ${part}.`);
      if (!isShape(shape)) throw new Error(`Expected a shape out of ${shapes.join(", ")} but received ${shape}.`);
      say(`${part}, ${shape}`);
      const found = await cardCase(context, part, shape);
      rows.push(...(await measureCase({ name: `cuda-${part}`, machine, ...found }, handling)));
    }
  }
  return rows;
});

function oneOf<Choice extends string>(option: string, value: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === value);
  if (found === undefined)
    throw new Error(`Expected ${option} to be one of ${choices.join(", ")} but received ${value}.`);
  return found;
}

function number(option: "--teraflops" | "--gigabytes"): number | null {
  const text = values[option === "--teraflops" ? "teraflops" : "gigabytes"];
  if (text === undefined) return null;
  if (Number(text) > 0) return Number(text);
  throw new Error(`Expected ${option} to be a number over 0 but received ${text}.`);
}
