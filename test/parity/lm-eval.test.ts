// Multiple choice on SmolLM2 against lm-evaluation-harness 0.4.13: token ids, log-likelihoods and metrics of every request.
import { describe, expect, it } from "vitest";
import { silentReporter } from "../../src/base/reporter.js";
import { mostScored } from "../../src/engine/engine.js";
import { encodeItems } from "../../src/eval/choice/encode-items.js";
import { encodePair, scoredTokens } from "../../src/eval/choice/encode-pair.js";
import { evaluateChoices } from "../../src/eval/choice/evaluate-choices.js";
import { buildItems } from "../../src/eval/choice/questions.js";
import { openSession } from "../../src/experiment/session.js";
import { getTask, tasks } from "../../src/tasks/registry.js";
import { documents, harness } from "../eval/choice/harness.js";
import { defaultModel } from "../models/real-models.js";
import { temporaryFolder } from "../temporary-folder.js";
import { mainBackend } from "./loaded-model.js";

const path = defaultModel();
/** Of a sum of log-probabilities, as the reference asks. */
const tolerance = 1e-3;
const timeout = mainBackend === "reference" ? 7_200_000 : 1_200_000;

const open = () =>
  openSession({
    ...{ model: path ?? "", weights: "native", compute: "f32", threads: 2, reporter: silentReporter },
    device: mainBackend === "reference" ? "reference" : "cpu",
  });

function tokenizerOf({ prompts }: Awaited<ReturnType<typeof open>>) {
  if (prompts === null) throw new Error("no tokenizer");
  return prompts.tokenizer;
}

describe.skipIf(path === null || harness === null)("lm-evaluation-harness", () => {
  const folder = temporaryFolder();

  it("every request: tokens, log-likelihood, metrics", { timeout }, async () => {
    if (harness === null) return;
    using session = await open();
    const tokenizer = tokenizerOf(session);
    let largest = 0;
    let requests = 0;
    for (const [name, { runs }] of Object.entries(harness.tasks)) {
      for (const run of runs) {
        const task = getTask(name);
        if (task.choice === undefined) throw new Error(name);
        const rows = documents(harness, run.set, name, "test");
        const pool = documents(harness, run.set, name, "dev");
        const items = encodeItems(
          tokenizer,
          buildItems(task.choice, rows, { shots: run.num_fewshot, pool }),
          session.engine.spec.maxPositions,
        );
        const expected = run.docs.map((doc) =>
          doc.requests.map((one) => [one.context_tokens, one.continuation_tokens]),
        );
        expect(
          items.map(({ pairs }) => pairs.map(({ context, continuation }) => [[...context], [...continuation]])),
        ).toEqual(expected);
        const place = { folder: `${folder}/${name}-${run.set}-${run.num_fewshot}`, stage: "test" };
        const { predictions, metrics } = await evaluateChoices(session.engine, {
          ...{ task, items, shots: run.num_fewshot, adapter: null, adapterHash: null },
          ...place,
        });
        for (const [index, doc] of run.docs.entries()) {
          for (const [choice, { loglikelihood }] of doc.requests.entries()) {
            const ours = predictions[index]?.choices?.loglikelihoods[choice] ?? Number.NaN;
            largest = Math.max(largest, Math.abs(ours - (loglikelihood ?? Number.NaN)));
            requests++;
          }
          if (name !== "truthfulqa_mc2")
            expect([name, predictions[index]?.correct]).toEqual([name, doc.results.acc === 1]);
        }
        for (const { metric, value, n } of metrics.filter((one) => one.task === undefined)) {
          expect(n).toBe(run.docs.length);
          expect(value).toBeCloseTo(Number(run.results[`${metric},none`]), name === "truthfulqa_mc2" ? 4 : 12);
        }
      }
    }
    console.log(`${requests} requests, largest difference of a log-likelihood ${largest.toExponential(1)}`);
    expect(requests).toBeGreaterThan(200);
    expect(largest).toBeLessThan(tolerance);
  });

  it("groups of MMLU", { timeout }, async () => {
    if (harness === null) return;
    using session = await open();
    for (const { set, num_fewshot, results } of harness.groups) {
      const rows = documents(harness, set, "mmlu", "test");
      const pool = documents(harness, set, "mmlu", "dev");
      const items = encodeItems(
        tokenizerOf(session),
        buildItems(tasks.mmlu.choice, rows, { shots: num_fewshot, pool }),
        session.engine.spec.maxPositions,
      );
      const { metrics } = await evaluateChoices(session.engine, {
        ...{ task: tasks.mmlu, items, shots: num_fewshot, adapter: null, adapterHash: null },
        ...{ folder: `${folder}/mmlu-${set}-${num_fewshot}`, stage: "test" },
      });
      const ours = new Map(metrics.map(({ task = "mmlu", value, n }) => [task, { value, n }]));
      for (const [name, expected] of Object.entries(results)) {
        expect([name, ours.get(name)?.n]).toEqual([name, expected.sample_len]);
        expect(ours.get(name)?.value).toBeCloseTo(Number(expected["acc,none"]), 12);
      }
    }
  });

  it("the token boundary, and the cut of what is too long", { timeout }, async () => {
    if (harness === null) return;
    using session = await open();
    const tokenizer = tokenizerOf(session);
    for (const { context, continuation, loglikelihood, ...expected } of harness.pairs_scored) {
      const pair = encodePair(tokenizer, context, continuation);
      expect({ context, before: [...pair.context], after: [...pair.continuation] }).toEqual({
        ...{ context, before: expected.context_tokens, after: expected.continuation_tokens },
      });
      if (loglikelihood === null) {
        expect(() => scoredTokens(pair, { id: "0", longest: 8192 })).toThrow(/no token of its own/);
        continue;
      }
      const [scores = []] = await session.engine.score([
        { id: "0", ...scoredTokens(pair, { id: "0", longest: 8192 }) },
      ]);
      expect(Math.abs([...scores].reduce((sum, value) => sum + value, 0) - loglikelihood)).toBeLessThan(tolerance);
    }
    const { context, continuation, max_length, loglikelihood } = harness.long_scored;
    // The last of max_length + 1 tokens has no row of its own.
    const cut = scoredTokens(encodePair(tokenizer, context, continuation), {
      id: "0",
      longest: mostScored({ maxPositions: max_length }),
    });
    expect(cut.tokens).toHaveLength(max_length + 1);
    const [scores = []] = await session.engine.score([{ id: "0", ...cut }]);
    expect(Math.abs([...scores].reduce((sum, value) => sum + value, 0) - (loglikelihood ?? 0))).toBeLessThan(tolerance);
  });
});
