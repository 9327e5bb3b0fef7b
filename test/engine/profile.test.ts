import { expect, it } from "vitest";
import { profileLines, profileSince, shareOfRoof } from "../../src/engine/profile.js";
import type { KernelCost } from "../../src/native/types.js";

const linear: KernelCost = { kernel: "linear 4 to 8", calls: 2, rows: 6, seconds: 0.5, flop: 5e9, bytes: 1e9 };
const norm: KernelCost = { kernel: "rms_norm", calls: 4, rows: 12, seconds: 0.25, flop: 0, bytes: 2e9 };

it("takes what was there before away, and leaves out what was not called since", () => {
  const before = { seconds: 1, kernels: [{ ...linear, calls: 1, rows: 1, seconds: 0.4, flop: 1e9, bytes: 0 }, norm] };
  const since = profileSince(before, { seconds: 3, kernels: [linear, norm] });
  expect(since.seconds).toBe(2);
  expect(since.kernels).toEqual([{ ...linear, calls: 1, rows: 5, seconds: expect.closeTo(0.1, 12), flop: 4e9 }]);
});

it("takes the roof that a kernel is nearer to", () => {
  const roof = { gflops: 20, gigabytesPerSecond: 10, instructionSet: "any" };
  expect(shareOfRoof(linear, roof)).toBeCloseTo(0.5, 12);
  expect(shareOfRoof(norm, roof)).toBeCloseTo(0.8, 12);
});

it("prints shares of the whole time, with what lies outside kernels", () => {
  const lines = profileLines(
    { seconds: 1, kernels: [linear, norm] },
    {
      ...{ gflops: 20, gigabytesPerSecond: 10, instructionSet: "any" },
    },
  );
  expect(lines).toEqual([
    "kernel           calls  rows/call  seconds   share  GFLOP/s  GB/s  of roof",
    "linear 4 to 8        2        3.0    0.500   50.0%     10.0   2.0      50%",
    "rms_norm             4        3.0    0.250   25.0%            8.0      80%",
    "outside kernels                      0.250   25.0%                        ",
    "all                                  1.000  100.0%      5.0   3.0      25%",
  ]);
  expect(profileLines({ seconds: 1, kernels: [linear] }, null)[0]).not.toContain("roof");
});
