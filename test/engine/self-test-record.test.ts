import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasPassedSelfTest, recordSelfTest } from "../../src/engine/self-test-record.js";
import type { NativeInfo } from "../../src/native/types.js";

const info: NativeInfo = {
  revision: 1,
  compiler: "a compiler",
  backends: [],
  cuda: {
    library: "built for 90",
    driver: "CUDA 13.0",
    devices: ["a card, 80.0 GB (79.1 GB free)"],
    memory: null,
    planned: null,
  },
  cpuFeatures: [],
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

  it("speaks for one card, driver, library and revision, whatever memory is free", () => {
    expect(hasPassedSelfTest(info)).toBe(false);
    recordSelfTest(info);
    expect(hasPassedSelfTest(info)).toBe(true);
    const changed = (cuda: Partial<NativeInfo["cuda"]>): NativeInfo => ({ ...info, cuda: { ...info.cuda, ...cuda } });
    expect(hasPassedSelfTest(changed({ devices: ["a card, 80.0 GB (3.0 GB free)"] }))).toBe(true);
    expect(hasPassedSelfTest(changed({ devices: ["another card, 80.0 GB (79.1 GB free)"] }))).toBe(false);
    expect(hasPassedSelfTest(changed({ driver: "CUDA 13.1" }))).toBe(false);
    expect(hasPassedSelfTest({ ...info, revision: 2 })).toBe(false);
  });
});
