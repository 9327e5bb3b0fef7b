// npm run bench:cuda -- [--part training|decoding|kernels]… [--shape 135M|1B|7B]… [--weights W] [--peers PYTHON] [--rounds N] [--teraflops T] [--gigabytes G] [--json]
// The card against its data sheet, and the peers that the Python environment has, at shapes of well-known models with made-up weights. Appends a row for each
// figure to bench/results/<card>.jsonl. --device cpu and --quick try the bench itself without a card: such rows are printed and never kept.
import { type Card, cardSlug, expectCard } from "#sdft/bench/card.js";
import { machineName } from "#sdft/bench/machine.js";
import type { Row } from "#sdft/bench/measurement.js";
import { cardAmounts, quickAmounts } from "#sdft/bench/on-card.js";
import { loadAddon } from "#sdft/native/addon.js";
import { readCardOptions } from "./card-options.js";
import { type CardContext, cardCase } from "./cuda-cases.js";
import { measureCase, runBench, say } from "./frame.js";
import { installedPeers } from "./installed-peers.js";

const args = process.argv.slice(2);
await runBench({ json: args.includes("--json") }, async (folder) => {
  const { device, given, weights, rounds, ...values } = readCardOptions(args);
  const card: Card | null = device === "cpu" ? null : expectCard(loadAddon().info(), given);
  const context: CardContext = {
    ...{ folder, card, say, amounts: values.quick ? quickAmounts : cardAmounts },
    choice: { device, weights, compute: "f32", threads: 0, profile: false },
    peers: values.peers === undefined ? null : await installedPeers(values.peers, device, say),
  };
  if (card === null) say("Trying the bench on the cpu: these are no figures of a card, and none is kept.");
  const machine = card === null ? machineName() : cardSlug(card);
  const handling = { rounds, keep: card !== null && !values.quick, json: values.json };
  const rows: Row[] = [];
  for (const part of values.parts) {
    for (const shape of values.shapes) {
      say(`${part}, ${shape}`);
      const found = await cardCase(context, part, shape);
      rows.push(...(await measureCase({ name: `cuda-${part}`, machine, ...found }, handling)));
    }
  }
  return rows;
});
