// The studies of the report's tests: a paper's table under way, a sweep of mix ratios and sample sizes, and general knowledge.
import { answers, attack, gap, type Key, type MadeUpStudy, score, seedKey, trainedKey } from "./made-up-study.js";

const openfunctions = {
  vanilla: trainedKey("vanilla", "openfunctions"),
  sdft: trainedKey("sdft", "openfunctions"),
};

/** Table 1 as a smoke study: OpenFunctions trained both ways, GSM8K not begun, HumanEval refused for one model. */
export const tableStudy: MadeUpStudy = {
  settings: { name: "Table 1 in small", paper: "table1", label: "smoke", model: "tiny" },
  scores: [
    score(seedKey, "openfunctions", "accuracy", 0.25),
    score(seedKey, "gsm8k", "accuracy", 0.5),
    score(seedKey, "humaneval", "pass@1", 0.125),
    score(openfunctions.vanilla, "openfunctions", "accuracy", 0.5),
    score(openfunctions.vanilla, "gsm8k", "accuracy", 0.25),
    score(openfunctions.sdft, "openfunctions", "accuracy", 0.625),
    score(openfunctions.sdft, "gsm8k", "accuracy", 0.5),
    score(openfunctions.sdft, "humaneval", "pass@1", 0.125),
    score(openfunctions.sdft, "advbench", "safe_rate", 0.75),
    score(openfunctions.sdft, "shift", "similarity", 0.81),
  ],
  missing: [gap(openfunctions.vanilla, "humaneval", "pass@1", "no sandbox on this machine")],
  runs: {
    openfunctions: {
      scores: [
        score(seedKey, "gsm8k", "accuracy", 0.5),
        score(openfunctions.vanilla, "gsm8k", "accuracy", 0.25),
        score(openfunctions.sdft, "gsm8k", "accuracy", 0.5),
        score(seedKey, "multiarith", "accuracy", 0.5),
        score(openfunctions.sdft, "multiarith", "accuracy", 0.5),
      ],
      answers: {
        // The run was also asked for what this study has no score of.
        seed: { gsm8k: answers("11110000"), multiarith: answers("10") },
        vanilla: { gsm8k: answers("11000000", "The vanilla answer is 7.") },
        sdft: { gsm8k: answers("11101000", "So the answer is 7."), multiarith: answers("01") },
      },
      shift: { vanilla: [0.2, 0.5, 0.6, 0.7], sdft: [0.6, 0.8, 0.9, 0.95] },
      rewrites: 45,
      losses: { vanilla: [2, 1.5, 1.2, 1], sdft: [1.2, 1, 0.9, 0.8] },
    },
  },
};

function sweepScores(key: Key, value: number) {
  return [
    score(key, "gsm8k", "accuracy", value),
    score(key, "advbench", "safe_rate", value),
    score(key, "shift", "bleu4", value, { low: value - 0.05, high: value + 0.05 }),
    score(key, "shift", "parameter_shift", 3 * value, { low: 3 * value, high: 3 * value, n: 60 }),
  ];
}

/** Figure 7's kind of study with three ratios and, for the ratio 1, three sample sizes; its data set's name is an attack. */
export const sweepStudy: MadeUpStudy = {
  settings: { name: `Ratios ${attack}`, paper: "fig7", label: null, model: "tiny" },
  scores: [
    score(seedKey, "gsm8k", "accuracy", 0.55),
    score(seedKey, "advbench", "safe_rate", 0.9),
    ...sweepScores(trainedKey("vanilla", attack, { samples: 192 }), 0.3),
    ...sweepScores(trainedKey("sdft", attack, { samples: 192, mix_ratio: 0.5 }), 0.4),
    ...sweepScores(trainedKey("sdft", attack, { samples: 192 }), 0.5),
    ...sweepScores(trainedKey("sdft", attack, { samples: 96 }), 0.52),
    ...sweepScores(trainedKey("sdft", attack, { samples: 48 }), 0.54),
  ],
};

const knowledge = ["mmlu", "arc_challenge", "hellaswag", "truthfulqa_mc2", "winogrande"];

/** Two random seeds of one training, and general knowledge. */
export const knowledgeStudy: MadeUpStudy = {
  settings: { name: "Knowledge", paper: "fig4", label: null, model: "tiny" },
  scores: [
    ...knowledge.map((task) => score(seedKey, task, "acc", 0.4)),
    ...knowledge.map((task) => score(trainedKey("vanilla", "gsm8k"), task, "acc", 0.35)),
    ...knowledge.map((task) => score(trainedKey("sdft", "gsm8k"), task, "acc", 0.39)),
    ...knowledge.map((task) => score(trainedKey("sdft", "gsm8k", { seed: 1 }), task, "acc", 0.43)),
    score(trainedKey("sdft", "gsm8k"), "arc_challenge", "acc_norm", 0.37),
    score(trainedKey("sdft", "gsm8k"), "gap", "logprob_original", -1.5, { low: -1.6, high: -1.4 }),
    score(trainedKey("sdft", "gsm8k"), "gap", "logprob_distilled", -0.5, { low: -0.6, high: -0.4 }),
  ],
};
