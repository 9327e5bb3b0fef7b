// The CUDA library as the addon opens it: the facts that doctor tells apart, the errors that a missing or unfit part makes, and the emulated library through the
// whole command line. Each in a process of its own, because a library stays as it was first opened.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { plannedSizes } from "../../src/engine/device-scratch.js";
import { temporaryFolder } from "../temporary-folder.js";

const root = resolve(import.meta.dirname, "..", "..");
const build = resolve(root, process.env.SDFT_CUDA_TESTS ?? "build");
const emulated = resolve(build, "libsdft_cuda_emulated.so");
const addon = resolve(root, "build", "Release", "sdft.node");
const folder = temporaryFolder();
const built = existsSync(resolve(root, "build", "Release", "libsdft_cuda.so"));

interface Facts {
  readonly cuda: {
    readonly library: string;
    readonly driver: string;
    readonly devices: readonly string[];
    readonly planned: unknown;
    readonly exact: boolean;
  };
  readonly backends: readonly { readonly name: string; readonly available: boolean; readonly detail: string }[];
}

function ask(script: string, environment: Record<string, string>): { status: number | null; text: string } {
  // What the caller's environment chooses is not what is tested.
  const { SDFT_CUDA_LIB: _library, SDFT_CUBLASLT: _cublaslt, SDFT_CUDA_EXACT: _exact, ...inherited } = process.env;
  const result = spawnSync(process.execPath, ["-e", script], {
    encoding: "utf8",
    env: { ...inherited, ...environment },
  });
  return { status: result.status, text: `${result.stdout}${result.stderr}` };
}

function factsWith(environment: Record<string, string>): Facts {
  const script = `process.stdout.write(JSON.stringify(require(${JSON.stringify(addon)}).info()))`;
  return JSON.parse(ask(script, environment).text);
}

const cudaOf = (facts: Facts) => facts.backends.find(({ name }) => name === "cuda");

describe.skipIf(!existsSync(emulated))("the CUDA library", () => {
  it("is told apart from driver and devices", () => {
    const facts = factsWith({ SDFT_CUDA_LIB: emulated });
    expect(facts.cuda.library).toBe("built for emulated with CUDA 13.0");
    expect(facts.cuda.driver).toBe("none (libcuda.so.1 not found)");
    expect(facts.cuda.devices).toHaveLength(1);
    expect(cudaOf(facts)?.available).toBe(true);
  });

  it.skipIf(built)("says why there is none", () => {
    const facts = factsWith({});
    // As the build found it.
    expect(facts.cuda.library).toMatch(/^not built \((no nvcc|SDFT_CUDA is OFF|\S+nvcc )/);
    expect(cudaOf(facts)?.available).toBe(false);
  });

  it.runIf(built)("is built and finds no driver", () => {
    const facts = factsWith({});
    expect(facts.cuda.library).toMatch(/^built for 80/);
    expect(cudaOf(facts)?.detail).toBe("no NVIDIA driver (libcuda.so.1 not found)");
  });

  it("says what is wrong with a file that is no library", () => {
    expect(factsWith({ SDFT_CUDA_LIB: addon }).cuda.library).toMatch(/is of another version of sdft/);
    const missing = factsWith({ SDFT_CUDA_LIB: "/nowhere/lib.so" });
    expect(missing.cuda.library).toMatch(/^cannot be opened: .*\/nowhere\/lib.so/);
    expect(cudaOf(missing)?.detail).toMatch(/^the CUDA library cannot be opened: .*\/nowhere\/lib.so/);
    expect(factsWith({ SDFT_CUDA_LIB: "" }).cuda).toEqual(factsWith({}).cuda);
  });

  it("names the version of a driver that is too old", () => {
    const facts = factsWith({
      SDFT_CUDA_LIB: emulated,
      SDFT_TEST_DRIVER: "11040",
      LD_LIBRARY_PATH: resolve(build, "stand-in-driver"),
    });
    expect(facts.cuda.driver).toBe("CUDA 11.4");
    expect(cudaOf(facts)?.detail).toBe(
      "the NVIDIA driver is too old: it supports CUDA 11.4, this library needs 13.0; install a newer driver",
    );
  });

  it.each([
    ["0", "libcuda.so.1 is of version 0"],
    ["-100", "libcuda.so.1 does not tell its version: error 100"],
  ])("does not say of a driver that answers %s that it was not found", (driver, said) => {
    const facts = factsWith({ SDFT_TEST_DRIVER: driver, LD_LIBRARY_PATH: resolve(build, "stand-in-driver") });
    expect(facts.cuda.driver).toBe(`none (${said})`);
  });

  it("says of a file that is cut off how much of it there is", () => {
    const whole = readFileSync(emulated);
    const file = join(folder, "libcut.so");
    for (const length of [0, 10, 100, whole.length >> 1, whole.length - 1]) {
      writeFileSync(file, whole.subarray(0, length));
      const { library } = factsWith({ SDFT_CUDA_LIB: file }).cuda;
      if (length < 64) expect(library).toMatch(/^cannot be opened: /);
      else expect(library).toBe(`${file} is cut off: ${length} bytes of ${whole.length}; name a whole one`);
    }
  });

  it.each([
    ["no device", undefined, ""],
    ["what CUDA_VISIBLE_DEVICES hides", "7", '; CUDA_VISIBLE_DEVICES is "7"'],
    ["an empty CUDA_VISIBLE_DEVICES", "", '; CUDA_VISIBLE_DEVICES is ""'],
  ])("names %s", (_, visible, said) => {
    const facts = factsWith({
      ...{ SDFT_CUDA_LIB: emulated, SDFT_TEST_NO_DEVICE: "1", SDFT_TEST_DRIVER: "13000" },
      LD_LIBRARY_PATH: resolve(build, "stand-in-driver"),
      ...(visible === undefined ? {} : { CUDA_VISIBLE_DEVICES: visible }),
    });
    expect(cudaOf(facts)?.available).toBe(false);
    expect(cudaOf(facts)?.detail).toBe(`no CUDA device (no CUDA-capable device is detected)${said}`);
  });

  it("is used without cuBLASLt, and says why it is without", () => {
    const facts = factsWith({ SDFT_CUDA_LIB: emulated, SDFT_CUBLASLT: "off" });
    expect(cudaOf(facts)?.available).toBe(true);
    expect(cudaOf(facts)?.detail).toMatch(/; cuBLASLt off \(SDFT_CUBLASLT\)$/);
  });

  it.each([
    ["1", true],
    ["0", false],
    ["", false],
  ])(
    "says whether SDFT_CUDA_EXACT, %j, makes it compute in float32: a self-test of one form proves nothing of the other",
    (value, exact) => {
      const facts = factsWith({ SDFT_CUDA_LIB: emulated, SDFT_CUDA_EXACT: value });
      expect(facts.cuda.exact).toBe(exact);
      expect(/; float32 throughout \(SDFT_CUDA_EXACT\)$/.test(cudaOf(facts)?.detail ?? "")).toBe(exact);
    },
  );

  it("is not used with a cuBLASLt that was named and cannot be opened", () => {
    const facts = factsWith({ SDFT_CUDA_LIB: emulated, SDFT_CUBLASLT: "/nowhere/libcublasLt.so" });
    expect(cudaOf(facts)?.available).toBe(false);
    expect(cudaOf(facts)?.detail).toBe(
      "SDFT_CUBLASLT names a library that cannot be used (cannot be opened: /nowhere/libcublasLt.so: cannot open shared object file: No such file or directory); leave it out to take the system's where there is one, or set it to off",
    );
  });

  it("has the sizes that memory is planned by", () => {
    expect(factsWith({ SDFT_CUDA_LIB: emulated }).cuda.planned).toEqual(plannedSizes);
  });

  it("asks for a card of compute capability 8.0", () => {
    const facts = factsWith({ SDFT_CUDA_LIB: emulated, SDFT_TEST_CAPABILITY: "75" });
    expect(cudaOf(facts)?.detail).toMatch(/has compute capability 7\.5; sdft needs 8\.0 \(Ampere\) or newer/);
  });

  it("passes its self-test through the binding", () => {
    const script = `require(${JSON.stringify(addon)}).selfTest("cuda").then((rows) => {
      const failed = rows.filter((row) => row.failure !== null);
      const invariant = rows.filter((row) => row.name.endsWith(", batch-invariant")).length;
      process.stdout.write(JSON.stringify({ count: rows.length, invariant, failed }));
    })`;
    const { text } = ask(script, { SDFT_CUDA_LIB: emulated });
    const result = JSON.parse(text) as { count: number; invariant: number; failed: unknown[] };
    expect(result.failed).toEqual([]);
    expect(result.invariant).toBeGreaterThan(20);
    expect(result.count).toBeGreaterThan(result.invariant + 80);
  });
});
