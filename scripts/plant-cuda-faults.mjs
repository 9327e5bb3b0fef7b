// Plants faults in the CUDA kernels, one at a time, and shows that the emulator's tests catch each. Compiles one file anew for each fault and links it with the
// other objects of build/cuda_tests, so build that first (node scripts/setup.mjs --tests). Ends with "N caught, N missed"; exits non-zero when one was missed.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const build = join(root, "build");
const kernels = join(root, "native", "kernels", "cuda");

/** `from` stands once in `file`; `unit` is the .cu that is compiled, where the file is a header. */
const faults = [
  {
    name: "a missing barrier: a product's stage is read before all have filled it",
    file: "tiles.cu",
    from: "    __syncthreads();  // the stage is there for all, and all have done with the one before it\n",
    to: "",
    test: "cuda.linear, bf16, (40, 64) x 72",
  },
  {
    name: "a missing barrier: attention's stage is filled again while it is read",
    file: "flash.cu",
    from: "    __syncthreads();  // the stage may be filled again\n",
    to: "",
    test: "cuda.attention, 130 rows",
  },
  {
    name: "a missing barrier: sums of a block are added before they are there",
    file: "device.cuh",
    unit: "norm",
    from: "  __syncthreads();\n  Real sum = 0;",
    to: "  Real sum = 0;",
    test: "cuda.rms_norm, 2 x 1030",
  },
  {
    name: "a missing wait for asynchronous copies",
    file: "flash.cu",
    from: "    wait_copies<1>();\n",
    to: "",
    test: "cuda.attention, 65 rows",
  },
  {
    name: "a wrong mask: a row sees the key after it",
    file: "flash.cu",
    from: "at.valid && key <= position && key >= first",
    to: "at.valid && key <= position + 1 && key >= first",
    test: "cuda.attention, 32 rows",
  },
  {
    name: "a wrong mask: the window is one too wide in the gradient of keys",
    file: "flash_backward.cu",
    from: "const bool visible = row.valid && key <= position && key >= first;",
    to: "const bool visible = row.valid && key <= position && key >= first - 1;",
    test: "cuda.attention, window 24, heads of 64",
  },
  {
    name: "an off-by-one tail: the last of k is left out",
    file: "float_product.cu",
    from: "first_k + k < end_k;",
    to: "first_k + k < end_k - 1;",
    test: "cuda.lora, rank 3",
  },
  {
    name: "an off-by-one tail: a row past the end is written",
    file: "tiles.cu",
    from: "if (row >= p.m || col >= p.n) return;",
    to: "if (row > p.m || col >= p.n) return;",
    test: "cuda.linear, bf16, (9, 33) x 31",
  },
  {
    name: "a swapped stride: a weight is read across",
    file: "linear.cu",
    from: "{w.data, 1, w.stride}",
    to: "{w.data, w.stride, 1}",
    test: "cuda.linear, f32, (9, 33) x 31",
  },
  {
    name: "a lost accumulation: a gradient overwrites what was there",
    file: "tiles.cu",
    from: "*out = p.write == Write::add ? *out + value : value;",
    to: "*out = value;",
    test: "cuda.linear, bf16, (70, 100) x 90",
  },
  {
    name: "a lost accumulation: earlier keys are not scaled down",
    file: "flash.cu",
    from: "total[half] = total[half] * shrink + sum;",
    to: "total[half] = total[half] + sum;",
    test: "cuda.attention, 65 rows",
  },
];

function objectsUnder(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(".o"))
    .map((name) => join(folder, name));
}

function run(command, parameters) {
  const result = spawnSync(command, parameters, { encoding: "utf8", maxBuffer: 1 << 26 });
  return { status: result.status, output: `${result.stdout}${result.stderr}` };
}

function must(command, parameters) {
  const { status, output } = run(command, parameters);
  if (status !== 0) throw new Error(`${command} failed: ${output.slice(0, 2000)}`);
}

/** The test program with one file replaced. */
function programWith(fault, folder) {
  const text = readFileSync(join(kernels, fault.file), "utf8");
  if (text.split(fault.from).length !== 2)
    throw new Error(`"${fault.from.trim()}" does not stand once in ${fault.file}`);
  const unit = fault.unit ?? fault.file.replace(".cu", "");
  const place = join(folder, "kernels", "cuda");
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, fault.file), text.replace(fault.from, fault.to));
  const source = join(folder, `${unit}.cc`);
  writeFileSync(source, `#include "kernels/cuda/${unit}.cu"\n`);
  const object = join(folder, `${unit}.o`);
  const includes = [`-I${folder}`, `-I${join(root, "native")}`, `-I${join(root, "test", "cuda", "emulator")}`];
  must("c++", ["-std=c++17", "-O1", "-ffp-contract=off", ...includes, "-c", source, "-o", object]);
  const program = join(folder, "program");
  const objects = ["cuda_tests", "cuda_emulated", "cuda_emulator"].flatMap((target) =>
    objectsUnder(join(build, "CMakeFiles", `${target}.dir`)),
  );
  const others = objects.filter((path) => !path.endsWith(`/emulated/${unit}.cc.o`));
  must("c++", ["-rdynamic", "-o", program, ...others, object, join(build, "libengine.a"), "-ldl", "-lpthread"]);
  return program;
}

let missed = 0;
for (const fault of faults) {
  const folder = mkdtempSync(join(tmpdir(), "sdft-fault-"));
  try {
    const { status, output } = run(programWith(fault, folder), [fault.test]);
    const caught = status === 1;
    if (!caught) missed += 1;
    process.stdout.write(`${caught ? "caught" : "MISSED"}: ${fault.name}\n`);
    process.stdout.write(`        ${output.trim().split("\n").slice(-1)[0]?.trim().slice(0, 200)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
process.stdout.write(`${faults.length - missed} caught, ${missed} missed\n`);
process.exitCode = missed > 0 ? 1 : 0;
