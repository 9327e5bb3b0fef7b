// The Python environment that has peft: SDFT_PYTHON where set, else test/interop/.venv, made from requirements.txt when missing.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const here = import.meta.dirname;
const environment = join(here, ".venv");
const made = join(environment, ".made");

/** Runs peft_adapter.py; throws with its messages where it fails. */
export function runPeft(parameters: readonly string[]): void {
  run(interopPython(), [join(here, "peft_adapter.py"), ...parameters]);
}

/** Makes the environment where there is none yet (a gigabyte and more, once); returns its interpreter. */
export function interopPython(): string {
  const chosen = process.env.SDFT_PYTHON;
  if (chosen !== undefined && chosen !== "") return chosen;
  const python = join(environment, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  if (existsSync(made)) return python;
  process.stderr.write(`Making a Python environment with peft in ${environment} …\n`);
  rmSync(environment, { recursive: true, force: true });
  run("python3", ["-m", "venv", environment]);
  run(python, ["-m", "pip", "install", "--quiet", "-r", join(here, "requirements.txt")]);
  writeFileSync(made, "");
  return python;
}

function run(command: string, parameters: readonly string[]): void {
  const result = spawnSync(command, parameters, { encoding: "utf8" });
  if (result.status === 0) return;
  const reason = result.error?.message ?? `status ${result.status}`;
  throw new Error(`${command} ${parameters.join(" ")} failed (${reason}):\n${result.stderr ?? ""}`);
}
