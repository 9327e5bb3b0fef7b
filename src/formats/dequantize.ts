// Stored numbers of every type as float32: plain ones, and GGUF's blocks as ggml lays them out (native/base/quants.cc reads the same).
// A block is little-endian; each product and each sum is rounded to single precision, as ggml computes them.

import { bfloat16ToFloat32, float16ToFloat32 } from "./half-floats.js";
import { blockValues, type StoredType, tensorBytes } from "./tensor-type.js";

/** All values of `bytes`, which hold whole blocks. */
export function dequantize(type: StoredType, bytes: Uint8Array): Float32Array {
  const copy = new Uint8Array(bytes).buffer; // from byte 0 of its own memory, so that typed arrays may look at it
  if (type === "f32") return new Float32Array(copy);
  if (type === "bf16") return bfloat16ToFloat32(new Uint16Array(copy));
  if (type === "f16") return float16ToFloat32(new Uint16Array(copy));
  const size = tensorBytes(type, [blockValues(type)]);
  const out = new Float32Array((bytes.length / size) * blockValues(type));
  const read = readers[type];
  const view = new DataView(copy);
  for (let block = 0; block * size < bytes.length; block++) read(view, block * size, out, block * blockValues(type));
  return out;
}

type BlockReader = (view: DataView, at: number, out: Float32Array, start: number) => void;

const readers: Readonly<Record<Exclude<StoredType, "f32" | "bf16" | "f16">, BlockReader>> = {
  q4_0: (view, at, out, start) => readNibbles(view, at + 2, out, start, { scale: half(view, at), offset: -8 }),
  q4_1: (view, at, out, start) =>
    readNibbles(view, at + 4, out, start, { scale: half(view, at), minimum: half(view, at + 2) }),
  q5_0: (view, at, out, start) =>
    readNibbles(view, at + 6, out, start, { scale: half(view, at), offset: -16, high: view.getUint32(at + 2, true) }),
  q5_1: (view, at, out, start) =>
    readNibbles(view, at + 8, out, start, {
      ...{ scale: half(view, at), minimum: half(view, at + 2), high: view.getUint32(at + 4, true) },
    }),
  q8_0: (view, at, out, start) => {
    const scale = half(view, at);
    for (let i = 0; i < 32; i++) out[start + i] = scale * view.getInt8(at + 2 + i);
  },
  q4_k: (view, at, out, start) => readGroups(view, at, out, start, { quants: at + 16, high: null }),
  q5_k: (view, at, out, start) => readGroups(view, at, out, start, { quants: at + 48, high: at + 16 }),
  q6_k: readQ6,
};

function half(view: DataView, at: number): number {
  return float16ToFloat32(Uint16Array.of(view.getUint16(at, true)))[0] ?? 0;
}

/** 32 values: 16 bytes hold the first 16 in their low and the others in their high four bits; `high` has a fifth bit of each. */
function readNibbles(
  view: DataView,
  at: number,
  out: Float32Array,
  start: number,
  form: { readonly scale: number; readonly offset?: number; readonly minimum?: number; readonly high?: number },
): void {
  const { scale, offset = 0, minimum, high = 0 } = form;
  for (let i = 0; i < 32; i++) {
    const byte = view.getUint8(at + (i % 16));
    const quant = (i < 16 ? byte & 15 : byte >> 4) | (((high >>> i) & 1) << 4);
    const product = Math.fround(scale * (quant + offset));
    out[start + i] = minimum === undefined ? product : product + minimum;
  }
}

/** 256 values in eight groups of 32, each with a scale and a minimum of six bits; q5_k has a fifth bit of each value in `high`. */
function readGroups(
  view: DataView,
  at: number,
  out: Float32Array,
  start: number,
  places: { readonly quants: number; readonly high: number | null },
): void {
  const [scale, minimum] = [half(view, at), half(view, at + 2)];
  for (let group = 0; group < 8; group++) {
    const six = groupScales(view, at + 4, group);
    const [groupScale, groupMinimum] = [Math.fround(scale * six.scale), Math.fround(minimum * six.minimum)];
    const quants = places.quants + 32 * (group >> 1);
    for (let i = 0; i < 32; i++) {
      const byte = view.getUint8(quants + i);
      const low = group % 2 === 0 ? byte & 15 : byte >> 4;
      const fifth = places.high === null ? 0 : ((view.getUint8(places.high + i) >> group) & 1) << 4;
      out[start + 32 * group + i] = Math.fround(groupScale * (low | fifth)) - groupMinimum;
    }
  }
}

/** Of twelve bytes: the first four groups' six bits stand whole, the others' are put together from two bytes. */
function groupScales(view: DataView, at: number, group: number): { readonly scale: number; readonly minimum: number } {
  const byte = (index: number): number => view.getUint8(at + index);
  if (group < 4) return { scale: byte(group) & 63, minimum: byte(group + 4) & 63 };
  return {
    scale: (byte(group + 4) & 15) | ((byte(group - 4) >> 6) << 4),
    minimum: (byte(group + 4) >> 4) | ((byte(group) >> 6) << 4),
  };
}

/** 256 values of six bits: four in the nibbles of 128 bytes, two in 64; sixteen scales of eight bits. */
function readQ6(view: DataView, at: number, out: Float32Array, start: number): void {
  const scale = half(view, at + 208);
  for (let i = 0; i < 256; i++) {
    const [part, within] = [i >> 7, i & 127];
    const [quarter, lane] = [within >> 5, within & 31];
    const byte = view.getUint8(at + 64 * part + 32 * (quarter & 1) + lane);
    const low = quarter < 2 ? byte & 15 : byte >> 4;
    const top = (view.getUint8(at + 128 + 32 * part + lane) >> (2 * quarter)) & 3;
    const groupScale = view.getInt8(at + 192 + 8 * part + 2 * quarter + (lane >> 4));
    out[start + i] = Math.fround(scale * groupScale) * ((low | (top << 4)) - 32);
  }
}
