// Products at the shapes of real models against the measured multiply-add peak: node build/bench/kernels.js [--threads N]
import { parseArgs } from "node:util";
import { loadAddon } from "#sdft/native/addon.js";
import type { MeasuredProduct } from "#sdft/native/types.js";
import { printMeasurement } from "./measurement.js";

const { values } = parseArgs({ options: { threads: { type: "string", default: "0" } } });
const shapes = [
  ["SmolLM2-135M", 576, 576],
  ["SmolLM2-135M", 576, 192],
  ["SmolLM2-135M", 576, 1536],
  ["SmolLM2-135M", 1536, 576],
  ["SmolLM2-135M", 576, 49152],
  ["Llama-3.2-1B", 2048, 2048],
  ["Llama-3.2-1B", 2048, 512],
  ["Llama-3.2-1B", 2048, 8192],
  ["Llama-3.2-1B", 8192, 2048],
  ["Llama-2-7B", 4096, 4096],
  ["Llama-2-7B", 4096, 11008],
  ["Llama-2-7B", 11008, 4096],
] as const;
const addon = loadAddon();
const most = Number(values.threads) || addon.info().physicalCores;
for (const threads of new Set([1, most])) {
  const ending = `${threads} ${threads === 1 ? "thread" : "threads"}`;
  for (const [model, inputs, outputs] of shapes) {
    const products = [1, 8, 128, 512].flatMap((rows): MeasuredProduct[] =>
      (["forward", "gradient"] as const).map((pass) => ({ inputs, outputs, type: "f32", rows, pass })),
    );
    const { roof, products: times } = await addon.measureKernels({ threads, products });
    const name = (index: number): string => {
      const { rows, pass } = products[index] ?? { rows: 0, pass: "" };
      return `${model} ${pass} ${inputs} to ${outputs}, f32, ${rows} rows, ${ending}`;
    };
    if (shapes[0] === undefined || (inputs === 576 && outputs === 576)) {
      printMeasurement({
        ...{ system: "sdft", metric: `multiply-add peak, ${ending}`, unit: "GFLOP/s", value: roof.gflops },
        details: { instructionSet: roof.instructionSet },
      });
      printMeasurement({
        ...{
          system: "sdft",
          metric: `memory read, ${ending}`,
          unit: "GB/s",
          value: roof.gigabytesPerSecond,
          details: {},
        },
      });
    }
    times.forEach(({ seconds, weightBytes }, index) => {
      const flop = 2 * (products[index]?.rows ?? 0) * inputs * outputs;
      printMeasurement({
        ...{ system: "sdft", metric: name(index), unit: "GFLOP/s", value: flop / seconds / 1e9 },
        details: { seconds, weightGigabytesPerSecond: weightBytes / seconds / 1e9 },
      });
    });
  }
}
