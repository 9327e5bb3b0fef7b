// What a training goes on from, as copies in the host's memory: a device that is lost in mid-run takes its own with it.
import { performance } from "node:perf_hooks";
import type { AdapterHandle } from "../engine/engine.js";
import type { FloatTensor } from "../formats/safetensors.js";
import type { NativeTrainer, TrainerState } from "../native/types.js";

export interface TrainingState {
  /** By the engine's names. */
  readonly adapter: ReadonlyMap<string, FloatTensor>;
  readonly trainer: TrainerState;
}

export function copyAdapter({ native }: AdapterHandle): Map<string, FloatTensor> {
  return new Map(
    native.tensors().map(({ name, rows, columns }) => {
      const values = Float32Array.from(native.get(name));
      return [name, { shape: [rows, columns], values }];
    }),
  );
}

export function copyState(adapter: AdapterHandle, trainer: NativeTrainer): TrainingState {
  return { adapter: copyAdapter(adapter), trainer: trainer.state() };
}

/** Most of the time that copies may take; small models make an update faster than its state is copied. */
const shareOfTime = 0.02;

/** The newest copy of the state, made after an update, at most so often that it costs next to nothing. */
export class KeptState {
  private newest: TrainingState | null = null;
  private due = 0;

  constructor(private readonly copy: () => TrainingState) {}

  get state(): TrainingState | null {
    return this.newest;
  }

  afterUpdate(): void {
    const started = performance.now();
    if (started < this.due) return;
    this.newest = this.copy();
    this.due = started + (performance.now() - started) / shareOfTime;
  }

  /** A copy that was made for something else. */
  put(state: TrainingState): void {
    this.newest = state;
  }
}

/** What the engine throws where the device is gone or has no memory left. */
export function isDeviceFailure(error: unknown): error is Error {
  return error instanceof Error && "code" in error && (error.code === "device" || error.code === "memory");
}
