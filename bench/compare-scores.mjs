// How far two files of `sdft score` over the same rows are apart: node bench/compare-scores.mjs f32.jsonl int.jsonl
import { readFileSync } from "node:fs";

const [before, after] = process.argv.slice(2, 4).map((path) =>
  readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line)),
);
if (before?.length !== after?.length || before.some(({ id }, i) => id !== after[i].id))
  throw new Error("Expected two files of scores of the same rows.");
const changes = before.flatMap(({ logprobs }, i) => logprobs.map((value, j) => after[i].logprobs[j] - value));
const sizes = changes.map(Math.abs).sort((a, b) => a - b);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
process.stdout.write(
  `${JSON.stringify({
    rows: before.length,
    tokens: changes.length,
    mean_change: mean(changes),
    mean_absolute: mean(sizes),
    median_absolute: sizes[Math.floor(sizes.length / 2)],
    p99_absolute: sizes[Math.floor(sizes.length * 0.99)],
    largest: sizes.at(-1),
  })}\n`,
);
