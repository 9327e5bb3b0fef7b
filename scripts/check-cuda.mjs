// Checks libsdft_cuda.so without a GPU: registers, shared memory and blocks of every kernel on every architecture against native/kernels/cuda/budget.json, no
// stack and no local memory, the instructions that are meant, and no link to a driver or to NVIDIA's libraries. Usage:
// check-cuda.mjs LIBRARY CUOBJDUMP [NVDISASM [ARCHITECTURES]], the last one the numbers that must be there, such as "80 90". It ends with the counts.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const budget = JSON.parse(readFileSync(join(root, "native", "kernels", "cuda", "budget.json"), "utf8"));
const [library, cuobjdump, nvdisasm, wanted = ""] = process.argv.slice(2);
if (library === undefined || cuobjdump === undefined)
  throw new Error("Usage: check-cuda.mjs LIBRARY CUOBJDUMP [NVDISASM [ARCHITECTURES]]");

/** By compute capability: threads, blocks and bytes of shared memory of a multiprocessor. */
const multiprocessors = {
  80: [2048, 32, 164],
  86: [1536, 16, 100],
  89: [1536, 24, 100],
  90: [2048, 32, 228],
  100: [2048, 32, 228],
  120: [1536, 32, 100],
};
const registersOfAll = 65536;

function output(command, parameters, environment = {}) {
  const result = spawnSync(command, parameters, {
    encoding: "utf8",
    maxBuffer: 1 << 30,
    env: { ...process.env, ...environment },
  });
  if (result.status !== 0) throw new Error(`${command} failed: ${result.stderr}${result.error?.message ?? ""}`);
  return result.stdout;
}

/** Of the longest name of the budget that the mangled name contains; undefined for a head size that it does not state. */
function budgetOf(name) {
  const keys = Object.keys(budget).filter((key) => key !== "_" && new RegExp(`(^|[^a-z_])${key}`).test(name));
  const entry = budget[keys.sort((a, b) => b.length - a.length)[0]];
  if (entry.head_sizes === undefined) return entry;
  const ofSize = entry.head_sizes[/ILi(\d+)E/.exec(name)?.[1]];
  return ofSize && { ...entry, ...ofSize };
}

const up = (value, step) => Math.ceil(value / step) * step;

function blocksThatFit(architecture, threads, registers, shared) {
  const [mostThreads, mostBlocks, kibibytes] = multiprocessors[architecture];
  const warps = Math.ceil(threads / 32);
  const byRegisters = Math.floor(Math.floor(registersOfAll / up(registers * 32, 256)) / warps);
  const byShared = Math.floor((kibibytes * 1024) / (up(shared, 128) + 1024));
  return Math.min(mostBlocks, Math.floor(mostThreads / (warps * 32)), byRegisters, byShared);
}

let architecture = 0;
let kernel = "";
const faults = [];
let checks = 0;
/** Of each architecture, 0 for the library as a whole: [passed, failed]. */
const counts = new Map();
const demand = (holds, text) => {
  checks += 1;
  if (!holds) faults.push(text);
  if (!counts.has(architecture)) counts.set(architecture, [0, 0]);
  counts.get(architecture)[holds ? 0 : 1] += 1;
};

/** By architecture, the kernels it was compiled for. */
const kernels = new Map();
for (const line of output(cuobjdump, ["--dump-resource-usage", library]).split("\n")) {
  architecture = Number(/^arch = sm_(\d+)/.exec(line)?.[1] ?? architecture);
  kernel = /^\s*Function (\S+):/.exec(line)?.[1] ?? kernel;
  const used = /REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)/.exec(line);
  if (used === null || !(architecture in multiprocessors)) continue;
  const [registers, stack, shared, local] = used.slice(1).map(Number);
  const allowed = budgetOf(kernel);
  kernels.set(architecture, (kernels.get(architecture) ?? new Set()).add(kernel));
  const where = `${kernel} on sm_${architecture}`;
  demand(allowed !== undefined, `${where}: the budget does not state its head size`);
  if (allowed === undefined) continue;
  // From sm_90 on the 1 KiB that the system keeps is counted too.
  const own = Math.max(0, shared - (architecture >= 90 ? 1024 : 0)) + (allowed.dynamic ?? 0);
  const blocks = blocksThatFit(architecture, allowed.threads, registers, own);
  demand(registers <= allowed.registers, `${where}: ${registers} registers, ${allowed.registers} allowed`);
  demand(allowed.stack !== undefined || stack === 0, `${where}: ${stack} bytes of stack (spilled registers?)`);
  demand(allowed.stack !== undefined || local === 0, `${where}: ${local} bytes of local memory`);
  const wantedBlocks = allowed.blocks[multiprocessors[architecture][2]] ?? allowed.blocks;
  demand(blocks >= wantedBlocks, `${where}: ${blocks} blocks fit, ${wantedBlocks} wanted`);
}
architecture = 0;
demand(checks > 0, `${library} holds no kernels`);
const everyKernel = new Set([...kernels.values()].flatMap((names) => [...names]));
for (const number of new Set([
  ...kernels.keys(),
  ...wanted
    .split(" ")
    .filter((text) => text !== "")
    .map(Number),
])) {
  const missing = [...everyKernel].filter((name) => !kernels.get(number)?.has(name));
  demand(missing.length === 0, `${missing.length} kernels are not compiled for sm_${number}: ${missing[0]}`);
}
demand(/\.ptx/.test(output(cuobjdump, ["-lptx", library])), "the library holds no PTX for cards that come later");

if (nvdisasm !== undefined) {
  const sass = output(cuobjdump, ["-sass", library], { PATH: `${dirname(resolve(nvdisasm))}:${process.env.PATH}` });
  for (const part of sass.split(/^(?=arch = sm_|\s*Function : )/m)) {
    architecture = Number(/^arch = sm_(\d+)/.exec(part)?.[1] ?? architecture);
    const name = /^\s*Function : (\S+)/.exec(part)?.[1];
    if (name === undefined || !(architecture in multiprocessors)) continue;
    for (const instruction of budgetOf(name)?.instructions ?? [])
      demand(part.includes(instruction), `${name} on sm_${architecture}: no ${instruction} in its machine code`);
  }
}

architecture = 0;
const needed = output("readelf", ["-d", library]).match(/\(NEEDED\).*/g) ?? [];
for (const line of needed) demand(!/cuda|cublas|cudnn|nvidia/i.test(line), `the library links ${line}`);
const undefinedNames = output("nm", ["-D", "--undefined-only", library]);
demand(!/ U cu[A-Z]/.test(undefinedNames), "the library wants a symbol of the driver");

for (const fault of faults) process.stdout.write(`FAILED ${fault}\n`);
for (const [number, [passed, failed]] of [...counts].sort(([a], [b]) => a - b))
  process.stdout.write(
    `${number === 0 ? "the library as a whole" : `sm_${number}`}: ${passed} passed, ${failed} failed\n`,
  );
process.stdout.write(`${checks - faults.length} passed, ${faults.length} failed\n`);
process.exitCode = faults.length > 0 ? 1 : 0;
