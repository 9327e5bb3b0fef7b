// The roof of the machine, and products with frozen weights under it, at the shapes of three models.
import { loadAddon } from "../native/addon.js";
import type { MeasuredProduct } from "../native/types.js";
import type { JobResult, Measurement } from "./measurement.js";

type Shape = readonly [inputs: number, outputs: number];

interface ModelProducts {
  readonly model: string;
  readonly shapes: readonly Shape[];
  /** From few rows (decoding) to as many as training has; the largest model's take too long there. */
  readonly rows: readonly number[];
}

/** Every different linear layer; of the heads only the smallest model's, the others' being as long as tall products get anyway. */
const models: readonly ModelProducts[] = [
  {
    model: "SmolLM2-135M",
    shapes: [
      [576, 576],
      [576, 192],
      [576, 1536],
      [1536, 576],
      [576, 49152],
    ],
    rows: [1, 8, 128, 512],
  },
  {
    model: "Llama-3.2-1B",
    shapes: [
      [2048, 2048],
      [2048, 512],
      [2048, 8192],
      [8192, 2048],
    ],
    rows: [1, 8, 128, 512],
  },
  {
    model: "Llama-2-7B",
    shapes: [
      [4096, 4096],
      [4096, 11008],
      [11008, 4096],
    ],
    rows: [1, 8, 128],
  },
];

/** Gradients are of tall batches only. */
const fewestGradientRows = 128;
const types = ["f32", "bf16", "q8_0", "q4_1"] as const;
type StoredType = (typeof types)[number];

/** Every storage on all threads, f32 on one as well. */
export async function measureKernels(threads: number): Promise<JobResult> {
  const most = threads === 0 ? loadAddon().info().physicalCores : threads;
  const measurements: Measurement[] = [];
  if (most > 1) measurements.push(...(await measureOn(1, ["f32"])));
  measurements.push(...(await measureOn(most, types)));
  return { measurements, notes: [] };
}

/** A share of peak is of the multiply-adds taken right beside that product: on a shared machine the peak moves. */
async function measureOn(threads: number, stored: readonly StoredType[]): Promise<Measurement[]> {
  const ending = `${threads} ${threads === 1 ? "thread" : "threads"}`;
  const names: string[] = [];
  const products: MeasuredProduct[] = [];
  for (const type of stored) {
    for (const { model, shapes, rows: counts } of models) {
      for (const [inputs, outputs] of shapes) {
        for (const rows of counts) {
          for (const pass of rows < fewestGradientRows ? (["forward"] as const) : (["forward", "gradient"] as const)) {
            products.push({ inputs, outputs, type, rows, pass });
            names.push(`${model} ${pass} ${inputs} to ${outputs}, ${type}, ${rows} rows, ${ending}`);
          }
        }
      }
    }
  }
  const { roof, products: times } = await loadAddon().measureKernels({ threads, products });
  const system = "sdft";
  const { gflops, gigabytesPerSecond, instructionSet } = roof;
  return [
    {
      ...{ system, metric: `multiply-add peak, ${ending}`, unit: "GFLOP/s", value: gflops },
      details: { instructionSet },
    },
    { system, metric: `memory read, ${ending}`, unit: "GB/s", value: gigabytesPerSecond, details: {} },
    ...times.flatMap(({ seconds, weightBytes, peakGflops }, index) => {
      const product = products[index];
      if (product === undefined) return [];
      const metric = names[index] ?? "";
      const value = (2 * product.rows * product.inputs * product.outputs) / seconds / 1e9;
      const details = { seconds, weightGigabytesPerSecond: weightBytes / seconds / 1e9, peakGflops };
      return [
        { system, metric, unit: "GFLOP/s", value, details },
        { system, metric: `${metric}, share of peak`, unit: "share", value: value / peakGflops, details: {} },
      ];
    }),
  ];
}
