// Products at the shapes of real models against the measured multiply-add peak: builds native_bench once and runs it.
// node build/bench/kernels.js [--threads N]; the figures are native_bench's own lines.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { projectRoot } from "./machine.js";

const folder = join(projectRoot, "build", "native-bench");
run("cmake", ["-S", projectRoot, "-B", folder, "-DCMAKE_BUILD_TYPE=Release", "-DSDFT_BUILD_BENCH=ON"]);
run("cmake", ["--build", folder, "--target", "native_bench", "--parallel"]);
const result = spawnSync(join(folder, "native_bench"), process.argv.slice(2), { stdio: "inherit" });
process.exitCode = result.status ?? 1;

/** Shows what the command printed only when it fails. */
function run(command: string, parameters: readonly string[]): void {
  const { status, stdout, stderr, error } = spawnSync(command, parameters, { encoding: "utf8" });
  if (status === 0) return;
  const messages = `${stdout ?? ""}${stderr ?? ""}`;
  throw new Error(`${command} failed (${error?.message ?? `status ${status}`}):\n${messages}`);
}
