// HumanEval: complete a Python function from its header and docstring; the program is then run against hidden tests (PROTOCOL §5).
// Prompt and stop strings are those of bigcode-evaluation-harness' humanevalsynthesize-python with its octocoder prompt.

import { codeTemplates } from "../templates/choose.js";
import { codeQuestion } from "./code-question.js";
import type { Columns, Task } from "./task.js";

const columns: Columns = { prompt: "prompt", response: "canonical_solution" };

export const humaneval = {
  name: "humaneval",
  title: "Python functions, run against tests (HumanEval)",
  train: null,
  test: {
    dataset: "humaneval",
    authors: {
      path: "HumanEval.jsonl",
      sha256: "1d49078ba3e2b196b9344535bef34a43021f038fad9561d6ee7c53450609a6a2",
    },
    bundled: null,
    hub: { repo: "openai/openai_humaneval", config: "openai_humaneval", split: "test", columns, convert: null },
    columns,
  },
  templates: codeTemplates,
  grading: "execution",
  check: null,
  checkFilters: false,
  metric: "pass@1",
  training: null,
  maxNewTokens: 512,
  greedy: true,
  stop: ["\nclass", "\ndef", "\n#", "\n@", "\nprint", "\nif", "\nassert", "<|endoftext|>"],
  prepare: (example) => ({ ...example, ...codeQuestion(example.instruction, example.id) }),
} as const satisfies Task;
