// all-MiniLM-L6-v2 by our engine against transformers in f32 (minilm.json): the same ids, and numbers within 1e-4.
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openEncoder } from "../../src/engine/encoder.js";
import { openEncoderFolder } from "../../src/models/encoder-package.js";
import { encoderModel } from "../models/real-models.js";
import { sharedPath } from "../shared-folder.js";
import { allBackends } from "./loaded-model.js";

interface Case {
  readonly text: string;
  readonly ids: readonly number[];
  readonly embedding: readonly number[];
}

const folder = encoderModel();
const reference = sharedPath("reference", "minilm.json");
const cases = reference === null ? [] : (JSON.parse(readFileSync(reference, "utf8")) as { cases: Case[] }).cases;

describe.skipIf(folder === null || !existsSync(reference ?? ""))("all-MiniLM-L6-v2", () => {
  it("cuts texts into the same ids", async () => {
    const model = await openEncoderFolder(folder ?? "");
    expect(cases.length).toBeGreaterThan(20);
    for (const { text, ids } of cases) expect(model.encode(text)).toEqual(ids);
  });

  it.each(allBackends)("gives the same embeddings on %s", async (device) => {
    const model = await openEncoderFolder(folder ?? "");
    using encoder = await openEncoder(model, { device, threads: 2 });
    // The plain loops of the reference take a second for each 20 tokens.
    const chosen = device === "reference" ? cases.filter(({ ids }) => ids.length < 35) : cases;
    const embeddings = await encoder.embed(chosen.map(({ text }) => text));
    const distances = chosen.map(({ embedding }, i) =>
      Math.max(...embedding.map((value, c) => Math.abs(value - (embeddings[i]?.[c] ?? Number.NaN)))),
    );
    expect(Math.max(...distances)).toBeLessThan(1e-4);
  });
});
