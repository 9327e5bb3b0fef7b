// Plants faults in the CUDA kernels, one at a time, and shows that the emulator's tests catch each. Compiles one file anew for each fault and links it with the
// other objects of build/cuda_tests, so build that first (node scripts/setup.mjs --tests). With a word, only faults of files or names that contain it. Ends with
// "N caught, N missed"; exits non-zero when one was missed.
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
    name: "a swapped stride: stretches of k and products of one launch change places",
    file: "float_product.cu",
    from: "together.of[blockIdx.z / chunks]",
    to: "together.of[blockIdx.z % chunks]",
    test: "cuda.adapters that share their input have the bits that each has alone",
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
  {
    name: "a missing barrier: a class is looked for before all have been counted",
    file: "draw.cu",
    from: "  __syncthreads();\n  if (threadIdx.x == 0) find_bin(pad, 0, 1, kClasses, limit);",
    to: "  if (threadIdx.x == 0) find_bin(pad, 0, 1, kClasses, limit);",
    test: "cuda draw.has the host's tokens, first to last",
  },
  {
    name: "a wrong mask: a token does not count itself among its equals",
    file: "draw.cu",
    from: "((2u << threadIdx.x % 32) - 1u)",
    to: "((1u << threadIdx.x % 32) - 1u)",
    test: "cuda draw.has the host's tokens, first to last",
  },
  {
    name: "an off-by-one tail: the last token is never drawn",
    file: "draw.cu",
    from: "end = first + length < row.count ? first + length : row.count;",
    to: "end = first + length < row.count ? first + length : row.count - 1;",
    test: "cuda draw.has the host's tokens, first to last",
  },
  {
    name: "a swapped stride: digits are walked from the wrong end",
    file: "draw.cu",
    from: "pad.bins[from + i * step]",
    to: "pad.bins[from + i * (step < 0 ? -step : step) - (step < 0 ? count - 1 : 0)]",
    test: "cuda draw.has the host's tokens, first to last",
  },
  {
    name: "a lost accumulation: top-p is a share of the last warp's weight",
    file: "draw.cu",
    from: "for (int w = 0; w < kWarps; ++w) all += pad.sums[w];",
    to: "for (int w = 0; w < kWarps; ++w) all = pad.sums[w];",
    test: "cuda draw.has the host's tokens, first to last",
  },
  {
    name: "a missing barrier: tensors are added up before their sums are there",
    file: "adamw.cu",
    from: "  __syncthreads();\n  if (threadIdx.x != 0) return;",
    to: "  if (threadIdx.x != 0) return;",
    test: "cuda optimizer.has the bits of one tensor at a time",
  },
  {
    name: "an off-by-one tail: the last element is not trained",
    file: "adamw.cu",
    from: "first + kChunk : elements;",
    to: "first + kChunk : elements - 1;",
    test: "cuda.adamw",
  },
  {
    name: "a wrong mask: a tensor's first block goes to the one before",
    file: "adamw.cu",
    from: "entries[middle].first_block <= blockIdx.x",
    to: "entries[middle].first_block < blockIdx.x",
    test: "cuda optimizer.has the bits of one tensor at a time",
  },
  {
    name: "a swapped stride: a tensor's sums are read across",
    file: "adamw.cu",
    from: "own += partial[i * kSumBlocks + b];",
    to: "own += partial[b * tensors + i];",
    test: "cuda optimizer.has the bits of one tensor at a time",
  },
  {
    name: "a lost accumulation: of the gradient norm only the last tensor is left",
    file: "adamw.cu",
    from: "all += partial[i * kSumBlocks];",
    to: "all = partial[i * kSumBlocks];",
    test: "cuda optimizer.has the bits of one tensor at a time",
  },
  {
    name: "a lost accumulation: of a tensor's squares only the last block's are left",
    file: "adamw.cu",
    from: "own += partial[i * kSumBlocks + b];",
    to: "own = partial[i * kSumBlocks + b];",
    test: "cuda.adamw",
  },
  {
    name: "a recorded step is replayed though an address has changed",
    file: "replay.cu",
    from: "staging_.stop_watching() && dry.alike &&",
    to: "staging_.stop_watching() &&",
    test: "cuda replay.a step whose addresses have changed is recorded again",
  },
  {
    name: "a recorded step goes on with what the first one sent",
    file: "replay.cu",
    from: "  staging_.watch();\n  body();\n",
    to: "  staging_.watch();\n  staging_.pause(true);\n  body();\n  staging_.pause(false);\n",
    test: "cuda replay.a step's uploads are its own each time",
  },
  {
    name: "a step that sends twice to one place is recorded",
    file: "replay.cu",
    from: "return staging_.stop_watching() && dry.alike",
    to: "return (staging_.stop_watching(), dry.alike)",
    test: "cuda replay.a step that sends twice to one place is run as it is",
  },
  {
    name: "what follows a recording is launched where nobody waits",
    file: "replay.cu",
    from: "    set_stream_(stream_);\n",
    to: "",
    test: "cuda replay.a step whose addresses have changed is recorded again",
  },
  {
    name: "a missing barrier: the target's logit is overwritten before it is read",
    file: "cross_entropy.cu",
    from: "  __syncthreads();  // the target's logit has been read\n",
    to: "",
    test: "cuda.linear_cross_entropy, bf16, 3 rows",
  },
  {
    name: "a swapped stride: a second block of rows is held against the first one's targets",
    file: "cross_entropy.cu",
    from: "targets.data + first",
    to: "targets.data",
    test: "cuda loss.more rows than one block of logits",
  },
  {
    name: "a lost accumulation: cuBLASLt overwrites a gradient",
    file: "cublaslt.cu",
    from: "p.write == Write::add ? 1.0f : 0.0f",
    to: "0.0f",
    test: "cuda cublaslt.adds a bias and adds to what is there",
  },
  {
    name: "a product of cuBLASLt is left out of what a recorded step is known by",
    file: "cublaslt.cu",
    from: "  if (!note_launch(print_of(handle_, p))) return true;\n",
    to: "",
    test: "cuda cublaslt.is recorded with a step, and noticed where an address changes",
  },
  {
    name: "a product of cuBLASLt is made with an algorithm that it doesn't have",
    file: "cublaslt.cu",
    from: " && plan->heuristic.state == 0;",
    to: ";",
    test: "cuda cublaslt.has no algorithm for some shapes, which the own kernels take",
  },
  {
    name: "cuBLASLt has less memory for its work than it was promised",
    file: "cublaslt.cu",
    from: "arena_->take(static_cast<int64_t>(kWorkspace))",
    to: "arena_->take(static_cast<int64_t>(kWorkspace / 2))",
    test: "cuda cublaslt.adds a bias and adds to what is there",
  },
];

function objectsUnder(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(".o"))
    .map((name) => join(folder, name));
}

/** A fault can make a kernel run for ever, or crash: then the status is null. */
function run(command, parameters, timeout = 0) {
  const result = spawnSync(command, parameters, { encoding: "utf8", maxBuffer: 1 << 26, timeout });
  const ended = result.signal === null ? "" : `ended by ${result.signal}`;
  return { status: result.status, output: `${result.stdout}${result.stderr}${ended}` };
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
  const objects = ["cuda_test_cases", "cuda_emulated", "cuda_emulator"].flatMap((target) =>
    objectsUnder(join(build, "CMakeFiles", `${target}.dir`)),
  );
  const others = objects.filter((path) => !path.endsWith(`/emulated/${unit}.cc.o`));
  must("c++", ["-rdynamic", "-o", program, ...others, object, join(build, "libengine.a"), "-ldl", "-lpthread"]);
  return program;
}

const [word = ""] = process.argv.slice(2);
const planted = faults.filter(({ name, file }) => name.includes(word) || file.includes(word));
let missed = 0;
for (const fault of planted) {
  const folder = mkdtempSync(join(tmpdir(), "sdft-fault-"));
  try {
    const { status, output } = run(programWith(fault, folder), [fault.test], 60_000);
    if (status === 2 || status === 77) throw new Error(`"${fault.test}" did not run: ${output}`);
    const caught = status !== 0;
    if (!caught) missed += 1;
    process.stdout.write(`${caught ? "caught" : "MISSED"}: ${fault.name}\n`);
    process.stdout.write(`        ${output.trim().split("\n").slice(-1)[0]?.trim().slice(0, 200)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
process.stdout.write(`${planted.length - missed} caught, ${missed} missed\n`);
process.exitCode = missed > 0 ? 1 : 0;
