// The arithmetic that a LoRA training step cannot do without, as FLOP (a multiply-add is two): what its time is held against.
// Frozen weights need no gradient of their own. Norms, rotation, activations and softmax are left out: they are no multiply-adds worth naming.
import type { AdapterSettings } from "../engine/adapter-settings.js";
import { LINEAR_LAYERS, linearShape } from "../models/expected-tensors.js";
import type { ModelSpec, TrainBatch } from "../native/types.js";

/**
 * One forward and backward pass over a batch of segments; a shared segment is computed once.
 * Rows of all layers: 2 FLOP a weight forward and 2 for the gradient of the activations. Less: in the last layer everything but keys and values is
 * needed only where a label is predicted; the first layer's query, key and value products carry no gradient further down; the head is needed where a
 * label is predicted (2 forward, 2 back). Attention: each row sees the rows up to itself (2 products forward, 4 back, none recomputed).
 * LoRA: 2 narrow products forward, 2 for the gradients of A and B, 2 for the activations' (the one into the first layer's input aside).
 */
export function neededTrainingFlop(
  spec: ModelSpec,
  adapter: Pick<AdapterSettings, "rank" | "targets">,
  batch: TrainBatch,
): number {
  const rows = batch.tokens.length;
  const labelled = batch.targets.reduce((count, target) => count + (target >= 0 ? 1 : 0), 0);
  let multiplyAdds = 2 * labelled * spec.width * spec.vocabSize;
  spec.layers.forEach((layer, index) => {
    const [first, last] = [index === 0, index === spec.layers.length - 1];
    for (const target of LINEAR_LAYERS) {
      const [outputs, inputs] = linearShape(spec, target);
      const keyOrValue = target === "k_proj" || target === "v_proj";
      const fromInput = keyOrValue || target === "q_proj";
      const here = last && !keyOrValue ? labelled : rows;
      multiplyAdds += here * inputs * outputs * (first && fromInput ? 1 : 2);
      if (!adapter.targets.includes(target)) continue;
      const upAndDown = adapter.rank * (inputs + outputs);
      const intoInput = first && fromInput ? 0 : adapter.rank * inputs;
      multiplyAdds += here * (2 * upAndDown + adapter.rank * outputs + intoInput);
    }
    const seen = visibleKeys(batch, layer.slidingWindow, last ? "labelled" : "all");
    multiplyAdds += 6 * seen * spec.queryHeads * spec.headSize;
  });
  return 2 * multiplyAdds;
}

/** How many rows the rows of a batch see, themselves included, summed up. */
function visibleKeys({ starts, parents, targets }: TrainBatch, window: number, which: "all" | "labelled"): number {
  const ends: number[] = []; // (S) position after each segment's last row
  let sum = 0;
  parents.forEach((parent, segment) => {
    const [start, end] = [starts[segment] ?? 0, starts[segment + 1] ?? 0];
    const position = parent < 0 ? 0 : (ends[parent] ?? 0);
    ends.push(position + end - start);
    for (let row = start; row < end; ++row) {
      if (which === "labelled" && (targets[row] ?? -1) < 0) continue;
      const visible = position + row - start + 1;
      sum += window > 0 ? Math.min(visible, window) : visible;
    }
  });
  return sum;
}
