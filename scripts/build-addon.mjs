// Builds the native addon in release mode through cmake-js, and with --tests the native test program too. npm runs it as the install step.
// Node built-ins only. Nothing is downloaded: the headers come with the node-api-headers package. Skips when nothing has changed since the last build.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const build = join(root, "build");
const stampFile = join(build, ".stamp");
const oldestCMake = [3, 18];

const packages = {
  debian: "apt-get install cmake g++ make",
  fedora: "dnf install cmake gcc-c++ make",
  macos: "xcode-select --install, then brew install cmake",
};

/**
 * Builds what is stale. Throws an Error whose message is one line for a person.
 * @param {{ tests: boolean, log: (line: string) => void }} options
 * @returns {"built" | "current"}
 */
export function buildAddon({ tests, log }) {
  const wanted = {
    addon: hashOf(["native", "CMakeLists.txt", "cmake"]),
    tests: tests ? hashOf(["test/native", "test/cuda"]) : null,
  };
  if (isCurrent(wanted)) return "current";
  checkTools();
  log(`Building the engine (C++${tests ? ", with its tests" : ""}) …`);
  forgetMovedBuild();
  const cmakeJs = locateCMakeJs();
  rmSync(stampFile, { force: true });
  const common = ["--directory", root, "--out", build, `--CDSDFT_BUILD_TESTS=${tests ? "ON" : "OFF"}`];
  const configured = runQuietly(process.execPath, [cmakeJs, "configure", ...common]);
  const cuda = /-- (CUDA is .*)/.exec(configured);
  if (cuda !== null) log(`${cuda[1]}.`);
  runQuietly(process.execPath, [cmakeJs, "build", ...common, "--parallel", String(availableParallelism())]);
  writeFileSync(stampFile, JSON.stringify(wanted));
  return "built";
}

/** @param {{ addon: string, tests: string | null }} wanted */
function isCurrent(wanted) {
  const outputs = [
    join(build, "Release", "sdft.node"),
    ...(wanted.tests === null ? [] : [join(build, "native_tests"), join(build, "cuda_tests")]),
  ];
  if (!existsSync(stampFile) || !outputs.every((path) => existsSync(path))) return false;
  const made = JSON.parse(readFileSync(stampFile, "utf8"));
  return made.addon === wanted.addon && (wanted.tests === null || made.tests === wanted.tests);
}

/** What the outputs depend on: the sources' bytes, the headers' versions, the platform and the compiler asked for. */
function hashOf(paths) {
  const hash = createHash("sha256");
  for (const path of paths.flatMap((path) => filesUnder(join(root, path)))) {
    hash
      .update(`${path.slice(root.length)}\0`)
      .update(readFileSync(path))
      .update("\0");
  }
  const require = createRequire(join(root, "package.json"));
  for (const name of ["node-addon-api", "node-api-headers"])
    hash.update(`${require(`${name}/package.json`).version}\0`);
  for (const name of [
    "CXX",
    "CXXFLAGS",
    "LDFLAGS",
    "CUDACXX",
    "SDFT_CUDA",
    "SDFT_CUDA_WHEELS",
    "SDFT_CUDA_ARCHS",
    "SDFT_CUDA_SANITIZERS",
  ])
    hash.update(`${process.env[name] ?? ""}\0`);
  return hash.update(`${process.platform} ${process.arch}`).digest("hex");
}

function filesUnder(path) {
  try {
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
      .filter((name) => !name.endsWith(".ts"))
      .sort();
  } catch (error) {
    if (error.code === "ENOTDIR") return [path];
    if (error.code === "ENOENT") return [];
    throw error;
  }
}

function checkTools() {
  const missing = [];
  const version = /version (\d+)\.(\d+)/.exec(output("cmake", ["--version"]) ?? "");
  if (version === null) missing.push("CMake");
  else if (Number(version[1]) * 1000 + Number(version[2]) < oldestCMake[0] * 1000 + oldestCMake[1]) {
    missing.push(`CMake ${oldestCMake.join(".")} or newer (found ${version[1]}.${version[2]})`);
  }
  const compilers = process.env.CXX ? [process.env.CXX] : ["c++", "g++", "clang++"];
  if (!compilers.some((name) => compilesCpp17(name))) missing.push("a C++17 compiler (g++ 9 or clang++ 10)");
  if (output("ninja", ["--version"]) === null && output("make", ["--version"]) === null)
    missing.push("make (or ninja)");
  if (missing.length === 0) return;
  const how = `Debian, Ubuntu: ${packages.debian}; Fedora: ${packages.fedora}; macOS: ${packages.macos}`;
  throw new Error(`sdft builds its engine from source and needs ${missing.join(" and ")}. ${how}.`);
}

function compilesCpp17(command) {
  const [name, ...options] = command.split(/\s+/);
  const program = "#include <filesystem>\n#include <optional>\nint main() { if constexpr (true) return 0; }\n";
  const result = spawnSync(name, [...options, "-std=c++17", "-fsyntax-only", "-x", "c++", "-"], { input: program });
  return result.status === 0;
}

function output(command, parameters) {
  const result = spawnSync(command, parameters, { encoding: "utf8" });
  return result.status === 0 ? result.stdout : null;
}

function locateCMakeJs() {
  const require = createRequire(join(root, "package.json"));
  try {
    return join(dirname(require.resolve("cmake-js/package.json")), "bin", "cmake-js");
  } catch {
    throw new Error("sdft cannot find cmake-js, which builds its engine: run npm install first.");
  }
}

/** CMake refuses a cache made in another place (a copied checkout) or by another generator. */
function forgetMovedBuild() {
  const cache = join(build, "CMakeCache.txt");
  mkdirSync(build, { recursive: true });
  if (!existsSync(cache)) return;
  const text = readFileSync(cache, "utf8");
  const generator = output("ninja", ["--version"]) === null ? "Unix Makefiles" : "Ninja";
  const fits =
    text.includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${root}\n`) &&
    text.includes(`CMAKE_GENERATOR:INTERNAL=${generator}\n`);
  if (!fits)
    for (const name of ["CMakeCache.txt", "CMakeFiles"]) rmSync(join(build, name), { recursive: true, force: true });
}

/** Shows what the command printed only when it fails; otherwise returns it. */
function runQuietly(command, parameters) {
  const result = spawnSync(command, parameters, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 });
  if (result.status === 0) return `${result.stdout}${result.stderr}`;
  process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? ""}\n`);
  throw new Error(
    `sdft could not build its engine: ${parameters[1]} failed (${result.error?.message ?? `status ${result.status}`}); the compiler's messages are above.`,
  );
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    buildAddon({ tests: process.argv.includes("--tests"), log: (line) => process.stderr.write(`${line}\n`) });
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
