import { describe, expect, it } from "vitest";
import { chooseBackend, explainAuto } from "../../src/engine/backend-choice.js";
import { Engine, type EngineSetting, engineFingerprint } from "../../src/engine/engine.js";
import type { ModelPackage } from "../../src/models/package.js";
import type { NativeInfo, NativeModel } from "../../src/native/types.js";

const info: NativeInfo = {
  revision: 1,
  compiler: "a compiler",
  backends: [
    { name: "cpu", available: true, detail: "AVX2" },
    { name: "reference", available: true, detail: "plain loops" },
    { name: "cuda", available: false, detail: "no driver was found" },
  ],
  cuda: { library: "built for 80", driver: "none", devices: [], memory: null, planned: null, used: null, exact: false },
  cpuFeatures: [],
  instructionSet: null,
  physicalCores: 2,
};

describe("chooseBackend", () => {
  it("takes the cpu where nothing is asked", () => {
    expect(chooseBackend("auto", info)).toBe("cpu");
    expect(chooseBackend("reference-double", info)).toBe("reference-double");
  });

  it("takes a card only where it is there and proven", () => {
    const card = {
      ...info,
      backends: [...info.backends.slice(0, 2), { name: "cuda" as const, available: true, detail: "a card" }],
    };
    expect(chooseBackend("auto", card)).toBe("cpu");
    expect(chooseBackend("auto", card, "passed")).toBe("cuda");
    expect(chooseBackend("auto", info, "passed")).toBe("cpu");
    expect(chooseBackend("cpu", card, "passed")).toBe("cpu");
    expect(explainAuto(card, "passed")).toBe("--device auto takes cuda: its self-test has passed on a card.");
    expect(explainAuto(card, "unknown")).toMatch(/takes the cpu: no self-test has run.*sdft selftest --device cuda/);
    expect(explainAuto(info, "passed")).toBeNull();
    const old = { ...info, cuda: { ...info.cuda, devices: ["an old card"] } };
    expect(explainAuto(old, "passed")).toBe(
      "--device auto takes the cpu: the card can't be used (no driver was found).",
    );
  });

  it("takes no card that has failed its self-test, and names the case", () => {
    const card = {
      ...info,
      backends: [{ name: "cuda" as const, available: true, detail: "a card" }, ...info.backends],
    };
    const failed = { firstFailure: "linear, f32" };
    expect(chooseBackend("auto", card, failed)).toBe("cpu");
    expect(explainAuto(card, failed)).toBe(
      '--device auto takes the cpu: the card has failed its self-test, first at "linear, f32".',
    );
    expect(() => chooseBackend("cuda", card, failed)).toThrow(/failed its self-test here, first at "linear, f32"/);
    expect(chooseBackend("cpu", card, failed)).toBe("cpu");
    expect(() => chooseBackend("cuda", info, failed)).toThrow(/no driver was found/);
  });

  it("says why a backend is off, and what there is", () => {
    expect(() => chooseBackend("cuda", info)).toThrow(/cuda .*no driver was found.*Available: cpu, reference/);
    expect(() => chooseBackend("cuda", { ...info, backends: [] })).toThrow(/this build does not contain it/);
  });
});

describe("engineFingerprint", () => {
  const setting = { threads: 2, weightFormat: "bf16", compute: "f32", info } as const;
  const fingerprint = (backend: "cpu" | "cuda", batchInvariant: boolean) =>
    engineFingerprint({ fingerprint: "a model" }, { ...setting, backend, batchInvariant });

  it("has batch invariance where it changes bits, and there alone", () => {
    expect(fingerprint("cpu", true)).toEqual(fingerprint("cpu", false));
    expect(fingerprint("cuda", true)).not.toEqual(fingerprint("cuda", false));
    expect(fingerprint("cuda", true)).toMatchObject({ backend: "cuda", batch: "invariant" });
  });

  it("has products in float32 where they change bits, and there alone", () => {
    const exact = { ...setting, info: { ...info, cuda: { ...info.cuda, exact: true } }, batchInvariant: false };
    const of = (backend: "cpu" | "cuda") => engineFingerprint({ fingerprint: "a model" }, { ...exact, backend });
    expect(of("cpu")).toEqual(fingerprint("cpu", false));
    expect(of("cuda")).not.toEqual(fingerprint("cuda", false));
  });
});

describe("device", () => {
  const deviceOf = (instructionSet: string, change: Partial<EngineSetting> = {}): string | null => {
    const setting: EngineSetting = {
      ...{ backend: "cpu", threads: 1, weightFormat: "native", compute: "f32", batchInvariant: false },
      ...{ info: { ...info, instructionSet }, ...change },
    };
    return new Engine({} as ModelPackage, {} as NativeModel, setting).device;
  };

  it("is the instruction set whose bits come out", () => {
    expect(deviceOf("avx2")).toBe("avx2");
    expect(deviceOf("avx512amx")).toBe("avx512amx");
    expect(deviceOf("avx512amx", { weightFormat: "f32" })).toBe("avx512amx");
    expect(deviceOf("avx512amx", { compute: "int" })).toBe("avx512vnni");
    expect(deviceOf("avx512digits")).toBe("avx512digits");
    expect(deviceOf("avx512digits", { weightFormat: "q8" })).toBe("avx512digits");
    expect(deviceOf("avx512digits", { weightFormat: "bf16" })).toBe("avx512vnni");
    expect(deviceOf("avx512digits", { compute: "int" })).toBe("avx512vnni");
    expect(deviceOf("avx512digits", { backend: "reference" })).toBeNull();
  });
});
