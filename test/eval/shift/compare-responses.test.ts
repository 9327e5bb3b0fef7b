import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Encoder, openEncoder } from "../../../src/engine/encoder.js";
import { compareResponses } from "../../../src/eval/shift/compare-responses.js";
import { bleu4 } from "../../../src/metrics/bleu.js";
import { loadJieba } from "../../../src/metrics/jieba-words.js";
import { rougeL } from "../../../src/metrics/rouge.js";
import { openEncoderFolder } from "../../../src/models/encoder-package.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { writeTinyEncoder } from "../../tiny-encoder.js";

const row = (id: string, output: string, more: { prompt?: string; label?: string | null } = {}) => ({
  id,
  output,
  prompt: more.prompt ?? `question ${id}`,
  label: more.label ?? null,
});

const folder = temporaryFolder();
let encoder: Encoder;

beforeAll(async () => {
  await writeTinyEncoder(folder);
  encoder = await openEncoder(await openEncoderFolder(folder), { threads: 1 });
});
afterAll(() => encoder.dispose());

const seed = [row("7", "a a b"), row("x", "I cannot do that."), row("2", "b")];
const trained = [row("2", "b"), row("7", "a b b"), row("x", "Sure, here is how.")];

describe("compareResponses", () => {
  it("joins by id and keeps the reference's order; the seed's answer is the reference", async () => {
    const cut = await loadJieba();
    const { rows } = await compareResponses(seed, trained, encoder);
    expect(rows.map(({ id }) => id)).toEqual(["7", "x", "2"]);
    expect(rows[1]).toMatchObject({
      bleu4: bleu4("I cannot do that.", "Sure, here is how."),
      rouge_l: rougeL(cut("I cannot do that."), cut("Sure, here is how.")).f,
    });
    expect(bleu4("I cannot do that.", "Sure, here is how.")).not.toBe(bleu4("Sure, here is how.", "I cannot do that."));
    const [before = [], after = []] = await encoder.embed(["a a b", "a b b"]);
    const product = Array.from(before).reduce((sum: number, value, i) => sum + value * (after[i] ?? 0), 0);
    expect(product).toBeLessThan(0.9999);
    expect(rows[0]?.similarity).toBeCloseTo(product / (Math.hypot(...before) * Math.hypot(...after)), 9);
    expect(rows[2]?.similarity).toBeCloseTo(1, 12);
  });

  it("gives means with intervals", async () => {
    const { rows, metrics } = await compareResponses(seed, trained, encoder);
    expect(metrics.map(({ metric, n }) => [metric, n])).toEqual([
      ["bleu4", 3],
      ["rouge_l", 3],
      ["similarity", 3],
    ]);
    const mean = rows.reduce((sum, { rouge_l }) => sum + rouge_l, 0) / 3;
    const rouge = metrics.find(({ metric }) => metric === "rouge_l");
    expect(rouge?.value).toBeCloseTo(mean, 12);
    expect(rouge?.low).toBeLessThan(mean);
    expect(rouge?.high).toBeGreaterThan(mean);
  });

  it("leaves the similarity out without an encoder", async () => {
    const { rows, metrics } = await compareResponses(seed, trained, null);
    expect(rows.map(({ similarity }) => similarity)).toEqual([null, null, null]);
    expect(metrics.map(({ metric }) => metric)).toEqual(["bleu4", "rouge_l"]);
  });

  it("stops on request", async () => {
    const controller = new AbortController();
    controller.abort();
    await expect(compareResponses(seed, trained, encoder, { signal: controller.signal })).rejects.toMatchObject({
      code: "interrupted",
    });
  });
});

describe("answers that don't belong together", () => {
  const names = { reference: "seed.jsonl", predictions: "sdft.jsonl" };
  const compare = (a: typeof seed, b: typeof seed) => compareResponses(a, b, null, { names });

  it("name the ids that one side lacks", async () => {
    await expect(compare(seed, trained.slice(0, 2))).rejects.toThrow(
      "Expected an answer in sdft.jsonl to each of the 3 rows of seed.jsonl but 1 is missing: x.",
    );
    await expect(compare(seed.slice(0, 1), trained)).rejects.toThrow(
      "Expected an answer in seed.jsonl to each of the 3 rows of sdft.jsonl but 2 are missing: 2, x.",
    );
  });

  it("name an id that stands twice, and an empty side", async () => {
    await expect(compare([...seed, row("2", "c")], trained)).rejects.toThrow(/once in seed\.jsonl but "2"/);
    await expect(compare(seed, [])).rejects.toThrow(/at least one row in sdft\.jsonl/);
  });

  it("are told by ids without overlap, by prompts and by labels", async () => {
    await expect(compare(seed, [row("a", "b"), row("b", "b")])).rejects.toThrow(/they answer another task/);
    const asked = trained.map((one) => ({ ...one, prompt: "other" }));
    await expect(compare(seed, asked)).rejects.toThrow(/The prompts of 3 of 3 rows .* differ \(7, x, 2\)/);
    const labelled = seed.map((one) => ({ ...one, label: "1" }));
    const otherwise = trained.map((one) => ({ ...one, label: one.id === "x" ? "2" : "1" }));
    await expect(compare(labelled, otherwise)).rejects.toThrow(/The labels of 1 of 3 rows .* differ \(x\)/);
  });

  it("may lack prompts and labels on one side", async () => {
    const bare = trained.map((one) => ({ ...one, prompt: "" }));
    expect((await compare(seed, bare)).rows).toHaveLength(3);
  });
});
