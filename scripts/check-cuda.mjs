// Checks libsdft_cuda.so without a GPU: registers, shared memory and blocks of every kernel on every architecture against native/kernels/cuda/budget.json, no
// stack and no local memory, the instructions that are meant, and no link to a driver or to NVIDIA's libraries. Usage: check-cuda.mjs LIBRARY CUOBJDUMP [NVDISASM]
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const budget = JSON.parse(readFileSync(join(root, "native", "kernels", "cuda", "budget.json"), "utf8"));
const [library, cuobjdump, nvdisasm] = process.argv.slice(2);
if (library === undefined || cuobjdump === undefined)
  throw new Error("Usage: check-cuda.mjs LIBRARY CUOBJDUMP [NVDISASM]");

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

/** The longest name of the budget that the mangled name contains. */
function budgetOf(name) {
  const keys = Object.keys(budget).filter((key) => key !== "_" && new RegExp(`(^|[^a-z_])${key}`).test(name));
  return budget[keys.sort((a, b) => b.length - a.length)[0]];
}

const up = (value, step) => Math.ceil(value / step) * step;

function blocksThatFit(architecture, threads, registers, shared) {
  const [mostThreads, mostBlocks, kibibytes] = multiprocessors[architecture];
  const warps = Math.ceil(threads / 32);
  const byRegisters = Math.floor(Math.floor(registersOfAll / up(registers * 32, 256)) / warps);
  const byShared = Math.floor((kibibytes * 1024) / (up(shared, 128) + 1024));
  return Math.min(mostBlocks, Math.floor(mostThreads / (warps * 32)), byRegisters, byShared);
}

const faults = [];
let checks = 0;
const demand = (holds, text) => {
  checks += 1;
  if (!holds) faults.push(text);
};

let architecture = 0;
let kernel = "";
for (const line of output(cuobjdump, ["--dump-resource-usage", library]).split("\n")) {
  architecture = Number(/^arch = sm_(\d+)/.exec(line)?.[1] ?? architecture);
  kernel = /^\s*Function (\S+):/.exec(line)?.[1] ?? kernel;
  const used = /REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)/.exec(line);
  if (used === null || !(architecture in multiprocessors)) continue;
  const [registers, stack, shared, local] = used.slice(1).map(Number);
  const allowed = budgetOf(kernel);
  const where = `${kernel} on sm_${architecture}`;
  // From sm_90 on the 1 KiB that the system keeps is counted too.
  const own = Math.max(0, shared - (architecture >= 90 ? 1024 : 0)) + (allowed.dynamic ?? 0);
  const blocks = blocksThatFit(architecture, allowed.threads, registers, own);
  demand(registers <= allowed.registers, `${where}: ${registers} registers, ${allowed.registers} allowed`);
  demand(allowed.stack !== undefined || stack === 0, `${where}: ${stack} bytes of stack (spilled registers?)`);
  demand(allowed.stack !== undefined || local === 0, `${where}: ${local} bytes of local memory`);
  demand(blocks >= allowed.blocks, `${where}: ${blocks} blocks fit, ${allowed.blocks} wanted`);
}
demand(checks > 0, `${library} holds no kernels`);

if (nvdisasm !== undefined) {
  const sass = output(cuobjdump, ["-sass", library], { PATH: `${dirname(resolve(nvdisasm))}:${process.env.PATH}` });
  for (const part of sass.split(/^\s*Function : /m).slice(1)) {
    const name = part.slice(0, part.indexOf("\n")).trim();
    for (const instruction of budgetOf(name).instructions ?? [])
      demand(part.includes(instruction), `${name}: no ${instruction} in its machine code`);
  }
}

const needed = output("readelf", ["-d", library]).match(/\(NEEDED\).*/g) ?? [];
for (const line of needed) demand(!/cuda|cublas|cudnn|nvidia/i.test(line), `the library links ${line}`);
const undefinedNames = output("nm", ["-D", "--undefined-only", library]);
demand(!/ U cu[A-Z]/.test(undefinedNames), "the library wants a symbol of the driver");

for (const fault of faults) process.stdout.write(`FAILED ${fault}\n`);
process.stdout.write(`${checks - faults.length} passed, ${faults.length} failed\n`);
process.exitCode = faults.length > 0 ? 1 : 0;
