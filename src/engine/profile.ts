// What the kernels of a run cost, as a table against the machine's roof. Only products and attention have arithmetic; the others only pass over memory.
import { loadAddon } from "../native/addon.js";
import type { KernelCost, NativeProfile, Roof } from "../native/types.js";

/** Measured anew, a second or so: nothing else should run meanwhile. */
export async function measureRoof(threads: number): Promise<Roof> {
  return (await loadAddon().measureKernels({ threads, products: [] })).roof;
}

/** What came after `before`: of the same engine, `before` first. */
export function profileSince(before: NativeProfile, after: NativeProfile): NativeProfile {
  const earlier = new Map(before.kernels.map((cost) => [cost.kernel, cost]));
  const kernels = after.kernels.flatMap((cost) => {
    const known = earlier.get(cost.kernel);
    if (known === undefined) return [cost];
    const calls = cost.calls - known.calls;
    const seconds = cost.seconds - known.seconds;
    const rest = { rows: cost.rows - known.rows, flop: cost.flop - known.flop, bytes: cost.bytes - known.bytes };
    return calls === 0 ? [] : [{ kernel: cost.kernel, calls, seconds, ...rest }];
  });
  return {
    seconds: after.seconds - before.seconds,
    kernels: kernels.sort((a, b) => b.seconds - a.seconds),
  };
}

/** The highest share of the roof that a kernel could take and does: of the arithmetic or of the memory, whichever it uses more of. */
export function shareOfRoof(cost: KernelCost, roof: Roof): number {
  if (cost.seconds <= 0) return 0;
  const arithmetic = cost.flop / cost.seconds / 1e9 / roof.gflops;
  const memory = cost.bytes / cost.seconds / 1e9 / roof.gigabytesPerSecond;
  return Math.max(arithmetic, memory);
}

/** Lines of text: a head, the kernels, longest first, what lies outside of them, the sum. Without a roof its column is left out. */
export function profileLines(profile: NativeProfile, roof: Roof | null): string[] {
  const inKernels = sum(profile.kernels, "seconds");
  const total = Math.max(profile.seconds, inKernels);
  const rate = (amount: number, seconds: number): string => (amount > 0 ? (amount / seconds / 1e9).toFixed(1) : "");
  const share = (seconds: number): string => `${((100 * seconds) / total).toFixed(1)}%`;
  const head = ["kernel", "calls", "rows/call", "seconds", "share", "GFLOP/s", "GB/s", ...(roof ? ["of roof"] : [])];
  const rows = profile.kernels.map((cost) => [
    cost.kernel,
    String(cost.calls),
    cost.rows > 0 ? (cost.rows / cost.calls).toFixed(1) : "",
    cost.seconds.toFixed(3),
    share(cost.seconds),
    rate(cost.flop, cost.seconds),
    rate(cost.bytes, cost.seconds),
    ...(roof ? [`${Math.round(100 * shareOfRoof(cost, roof))}%`] : []),
  ]);
  const outside = ["outside kernels", "", "", (total - inKernels).toFixed(3), share(total - inKernels), "", ""];
  const flop = sum(profile.kernels, "flop");
  const all = [
    "all",
    "",
    "",
    total.toFixed(3),
    "100.0%",
    rate(flop, total),
    rate(sum(profile.kernels, "bytes"), total),
  ];
  if (roof) {
    outside.push("");
    all.push(`${Math.round((100 * flop) / total / 1e9 / roof.gflops)}%`);
  }
  return align([head, ...rows, outside, all]);
}

function sum(kernels: readonly KernelCost[], part: "seconds" | "flop" | "bytes"): number {
  return kernels.reduce((total, cost) => total + cost[part], 0);
}

/** Columns two spaces apart, the first to the left, the others to the right. */
function align(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  "),
  );
}
