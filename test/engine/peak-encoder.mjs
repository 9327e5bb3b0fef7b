// A process of its own for encoder-memory.test.ts: plans an encoder's work, does it, and prints both peaks as JSON. The compiled package is what runs.
// node peak-encoder.mjs FOLDER
import { readFile } from "node:fs/promises";
import { join } from "node:path";

const from = (file) => import(new URL(`../../dist/${file}`, import.meta.url).href);
const { openEncoderFolder } = await from("models/encoder-package.js");
const { encoderRowsPerStep, openEncoder } = await from("engine/encoder.js");
const { planEmbedding } = await from("engine/encoder-memory.js");

const model = await openEncoderFolder(process.argv[2]);
// Whole texts of words that are all different, so that most of the table's pages are read.
const { vocab } = JSON.parse(await readFile(join(process.argv[2], "tokenizer.json"), "utf8")).model;
const words = Object.keys(vocab).filter((word) => /^[a-z]{2,}$/.test(word));
const length = model.maxTokens - 2;
const texts = Array.from({ length: 32 }, () => []);
const step = Math.floor(words.length / (texts.length * length));
for (let i = 0; i < texts.length * length; i++) texts[Math.floor(i / length)].push(words[i * step]);
for (const [row, text] of texts.entries()) texts[row] = text.join(" ");
for (const one of texts) model.encode(one);
const work = { rows: encoderRowsPerStep, texts: encoderRowsPerStep / model.maxTokens };
const planned = { model, backend: "cpu", weightFormat: "native", threads: 1, ...work };
const plan = planEmbedding({ ...planned, processBytes: process.memoryUsage.rss() });
const encoder = await openEncoder(model, { device: "cpu", threads: 1 });
await encoder.embed(texts);
process.stdout.write(JSON.stringify({ plan, measured: process.resourceUsage().maxRSS * 1024 }));
