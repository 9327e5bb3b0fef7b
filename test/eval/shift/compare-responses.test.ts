import { describe, expect, it } from "vitest";
import { compareResponses, type SentenceEncoder } from "../../../src/eval/shift/compare-responses.js";
import { bleu4 } from "../../../src/metrics/bleu.js";
import { loadJieba } from "../../../src/metrics/jieba-words.js";
import { rougeL } from "../../../src/metrics/rouge.js";

const row = (id: string, output: string, more: { prompt?: string; label?: string | null } = {}) => ({
  id,
  output,
  prompt: more.prompt ?? `question ${id}`,
  label: more.label ?? null,
});

/** Counts of a, b and c. */
const letters: SentenceEncoder = {
  embed: async (texts) =>
    texts.map((text) => Float32Array.from(["a", "b", "c"], (letter) => text.split(letter).length - 1)),
};

const seed = [row("7", "a a b"), row("x", "I cannot do that."), row("2", "b")];
const trained = [row("2", "b"), row("7", "a b b"), row("x", "Sure, here is how.")];

describe("compareResponses", () => {
  it("joins by id and keeps the reference's order; the seed's answer is the reference", async () => {
    const cut = await loadJieba();
    const { rows } = await compareResponses(seed, trained, letters);
    expect(rows.map(({ id }) => id)).toEqual(["7", "x", "2"]);
    expect(rows[1]).toMatchObject({
      bleu4: bleu4("I cannot do that.", "Sure, here is how."),
      rouge_l: rougeL(cut("I cannot do that."), cut("Sure, here is how.")).f,
    });
    expect(bleu4("I cannot do that.", "Sure, here is how.")).not.toBe(bleu4("Sure, here is how.", "I cannot do that."));
    // (2, 1, 0) and (1, 2, 0): 4 / 5; equal ones: 1
    expect(rows[0]?.similarity).toBeCloseTo(0.8, 12);
    expect(rows[2]?.similarity).toBeCloseTo(1, 12);
  });

  it("gives means with intervals", async () => {
    const { rows, metrics } = await compareResponses(seed, trained, letters);
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
    await expect(compareResponses(seed, trained, letters, { signal: controller.signal })).rejects.toMatchObject({
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
