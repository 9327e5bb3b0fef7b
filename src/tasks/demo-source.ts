// The demo's data sets, which come with the package (examples/demo).

import type { DataSource } from "./task.js";

/** `calls_train` is examples/demo/calls_train.json, and `demo_calls_train` in a dataset_info.json. */
export function demoSource(name: string): DataSource {
  return {
    dataset: `demo_${name}`,
    authors: null,
    bundled: `examples/demo/${name}.json`,
    hub: null,
    columns: { prompt: "instruction", response: "output" },
  };
}
