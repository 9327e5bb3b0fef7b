import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recordSelfTest, selfTestOutcome } from "../../src/engine/self-test-record.js";
import type { NativeInfo } from "../../src/native/types.js";

const info: NativeInfo = {
  revision: 1,
  compiler: "a compiler",
  backends: [{ name: "cuda", available: true, detail: "a card, 80.0 GB (79.1 GB free); cuBLASLt 130100" }],
  cuda: {
    library: "built for 90",
    driver: "CUDA 13.0",
    devices: ["a card, 80.0 GB (79.1 GB free)"],
    memory: null,
    planned: null,
    used: null,
    exact: false,
  },
  cpuFeatures: [],
  instructionSet: null,
  physicalCores: 2,
};

describe("the record of a self-test", () => {
  const folder = mkdtempSync(join(tmpdir(), "sdft-record-"));
  const before = process.env.SDFT_CACHE;
  beforeAll(() => {
    process.env.SDFT_CACHE = join(folder, "cache");
  });
  afterAll(() => {
    if (before === undefined) delete process.env.SDFT_CACHE;
    else process.env.SDFT_CACHE = before;
    rmSync(folder, { recursive: true });
  });

  it("speaks for one card, driver, library and revision, whatever memory is free", async () => {
    expect(selfTestOutcome(info)).toBe("unknown");
    await recordSelfTest(info, null);
    expect(selfTestOutcome(info)).toBe("passed");
    const withDetail = (detail: string): NativeInfo => ({
      ...info,
      backends: [{ name: "cuda", available: true, detail }],
    });
    const changed = (cuda: Partial<NativeInfo["cuda"]>): NativeInfo => ({ ...info, cuda: { ...info.cuda, ...cuda } });
    expect(selfTestOutcome(changed({ devices: ["a card, 80.0 GB (3.0 GB free)"] }))).toBe("passed");
    expect(selfTestOutcome(withDetail("a card, 80.0 GB (3.0 GB free); cuBLASLt 130100"))).toBe("passed");
    expect(selfTestOutcome(withDetail("a card, 80.0 GB (79.1 GB free); cuBLASLt off"))).toBe("unknown");
    expect(selfTestOutcome(changed({ devices: ["another card, 80.0 GB (79.1 GB free)"] }))).toBe("unknown");
    expect(selfTestOutcome(changed({ driver: "CUDA 13.1" }))).toBe("unknown");
    expect(selfTestOutcome(withDetail("a card, 80.0 GB (79.1 GB free); cuBLASLt 130100; float32 throughout"))).toBe(
      "unknown",
    );
    expect(selfTestOutcome({ ...info, revision: 2 })).toBe("unknown");
  });

  it("is replaced by the next one, and is none where it can't be read", async () => {
    await recordSelfTest(info, null);
    await recordSelfTest(info, "linear, f32");
    expect(selfTestOutcome(info)).toEqual({ firstFailure: "linear, f32" });
    await recordSelfTest(info, null);
    expect(selfTestOutcome(info)).toBe("passed");
    writeFileSync(join(folder, "cache", "selftest-cuda.json"), '{"subject":');
    expect(selfTestOutcome(info)).toBe("unknown");
  });
});
