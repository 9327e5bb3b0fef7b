// OpenFunctions: write the function call that a question asks for. The authors put their instructions together themselves, so the rows exist only in their folder.

import { containsCall } from "../metrics/function-call.js";
import { instructionTemplates } from "../templates/choose.js";
import { expectLabel } from "./label.js";
import type { Task } from "./task.js";

const columns = { prompt: "instruction", response: "output" } as const;

export const openfunctions = {
  name: "openfunctions",
  title: "Function calls from a specification (Gorilla OpenFunctions)",
  train: {
    dataset: "openfunction_train",
    authors: {
      path: "openfunction/openfunction_train.json",
      sha256: "dd5452215e59e6bb9376748a4e1e92ec97b76c30aeb007542262b99c671aeddf",
    },
    bundled: null,
    hub: null,
    columns,
  },
  test: {
    dataset: "openfunction_test",
    authors: {
      path: "openfunction/openfunction_test.json",
      sha256: "c3ef32e80daae56d9851bc41112496bf025bd2dcc5b13ef57b5beeb44af5a76f",
    },
    bundled: null,
    hub: null,
    columns,
  },
  templates: instructionTemplates,
  grading: "check",
  check: (answer) => containsCall(expectLabel(answer, "openfunctions"), answer.output, answer.id),
  checkFilters: true,
  metric: "accuracy",
  training: { epochs: 5, samples: null },
  maxNewTokens: 512,
} as const satisfies Task;
