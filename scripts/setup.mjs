// Everything that a fresh clone needs before a command or the tests: packages, the engine, the compiled TypeScript; with --tests also the native test
// program and the model that the tests read. Each step is skipped when its result is newer than its inputs. Node built-ins only.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { buildAddon } from "./build-addon.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const tests = process.argv.includes("--tests");
const say = (line) => process.stderr.write(`${line}\n`);
const testModel = "smollm2-135m-instruct";

/** Runs a command and shows its output; a failure ends the set-up with its status. */
function run(what, command, parameters, options = {}) {
  say(what);
  const result = spawnSync(command, parameters, { cwd: root, stdio: ["ignore", 2, 2], ...options });
  if (result.status !== 0)
    throw new Error(`${what.replace(/ …$/, "")}: failed (${result.error?.message ?? `status ${result.status}`}).`);
}

function modified(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

function newest(folder, ending) {
  const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(ending));
  return Math.max(0, ...files.map((name) => modified(join(folder, name))));
}

function installPackages() {
  if (modified(join(root, "node_modules", ".package-lock.json")) >= modified(join(root, "package-lock.json"))) return;
  // The engine is built below, with its progress shown.
  run("Installing packages …", process.platform === "win32" ? "npm.cmd" : "npm", [
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
  ]);
}

function compileTypeScript() {
  const inputs = Math.max(
    newest(join(root, "src"), ".ts"),
    modified(join(root, "tsconfig.json")),
    modified(join(root, "tsconfig.build.json")),
  );
  if (modified(join(root, "dist", ".stamp")) >= inputs) return;
  run("Compiling TypeScript …", process.execPath, [
    join(root, "node_modules", "typescript", "bin", "tsc"),
    "-p",
    "tsconfig.build.json",
  ]);
  writeStamp(join(root, "dist", ".stamp"));
}

function writeStamp(path) {
  writeFileSync(path, "");
}

/** The tests that read it are skipped, with a message, where it cannot be had. */
function fetchTestModel() {
  if (process.env.SDFT_TEST_MODELS) return say(`Test models: those in ${process.env.SDFT_TEST_MODELS}.`);
  const result = spawnSync(process.execPath, [join(root, "dist", "cli", "main.js"), "pull", testModel], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", 2],
  });
  if (result.status !== 0)
    say(`The test model ${testModel} could not be fetched (the reason is above): tests that read it will be skipped.`);
}

try {
  installPackages();
  buildAddon({ tests, log: say });
  compileTypeScript();
  if (tests) fetchTestModel();
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}
