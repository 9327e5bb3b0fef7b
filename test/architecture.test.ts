// The layers of the house as a test: an import may only point downwards, in TypeScript and in C++, and files import each other in no circle.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** Folder → folders it may import from, itself aside. */
const typescriptLayers: Record<string, readonly string[]> = {
  base: [],
  native: ["base"],
  formats: ["base"],
  data: ["base", "formats"],
  templates: ["base", "data", "formats"],
  metrics: ["base", "data"],
  models: ["base", "data", "formats", "native"],
  engine: ["base", "data", "formats", "native", "models", "templates", "metrics"],
  tasks: ["base", "data", "formats", "native", "models", "templates", "metrics"],
  distill: ["base", "data", "formats", "native", "models", "templates", "metrics", "engine", "tasks"],
  train: ["base", "data", "formats", "native", "models", "templates", "metrics", "engine", "tasks"],
  eval: ["base", "data", "formats", "native", "models", "templates", "metrics", "engine", "tasks"],
  report: ["base", "data", "formats", "metrics", "tasks", "templates", "distill", "train", "eval"],
  experiment: [
    "base",
    "data",
    "formats",
    "native",
    "models",
    "templates",
    "metrics",
    "engine",
    "tasks",
    "distill",
    "train",
    "eval",
    "report",
  ],
};
typescriptLayers.bench = ["base", "data", "formats", "native", "models", "templates", "engine", "train"];
typescriptLayers.cli = [...Object.keys(typescriptLayers)];

const nativeLayers: Record<string, readonly string[]> = {
  base: [],
  storage: ["base"],
  kernels: ["base"],
  model: ["base", "storage", "kernels"],
  training: ["base", "storage", "kernels", "model"],
  sampling: ["base", "storage", "kernels", "model"],
  measuring: ["base", "kernels"],
  checking: ["base", "kernels"],
  binding: ["base", "storage", "kernels", "model", "training", "sampling", "measuring", "checking"],
};

function filesUnder(folder: string, endings: readonly string[]): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return filesUnder(path, endings);
    return endings.some((ending) => name.endsWith(ending)) ? [path] : [];
  });
}

interface Import {
  readonly from: string;
  readonly to: string;
}

function typescriptImports(): Import[] {
  const source = join(root, "src");
  return filesUnder(source, [".ts"]).flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map((match) => ({
      from: relative(source, file),
      to: relative(source, resolve(dirname(file), (match[1] ?? "").replace(/\.js$/, ".ts"))),
    })),
  );
}

function nativeImports(): Import[] {
  const source = join(root, "native");
  return filesUnder(source, [".h", ".cc", ".cuh", ".cu", ".inl"]).flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/^#include "([^"]+)"/gm)].map((match) => ({
      from: relative(source, file),
      to: match[1] ?? "",
    })),
  );
}

const folderOf = (path: string): string => (path.includes("/") ? (path.split("/")[0] ?? "") : "");

function upward(imports: readonly Import[], layers: Record<string, readonly string[]>): string[] {
  return imports
    .filter(({ from, to }) => {
      const [above, below] = [folderOf(from), folderOf(to)];
      // src/index.ts stands above all; a plain name is a header beside the file.
      if (above === "" || below === "" || above === below) return false;
      return !(layers[above] ?? []).includes(below);
    })
    .map(({ from, to }) => `${from} imports ${to}`);
}

function circles(imports: readonly Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      found.push([...path.slice(path.indexOf(file)), file].join(" → "));
      return;
    }
    if (done.has(file)) return;
    for (const other of next.get(file) ?? []) visit(other, [...path, file]);
    done.add(file);
  };
  for (const file of next.keys()) visit(file, []);
  return found;
}

describe("the layers", () => {
  it("hold in src", () => {
    const imports = typescriptImports();
    expect(imports.length).toBeGreaterThan(10);
    expect(upward(imports, typescriptLayers)).toEqual([]);
  });

  it("hold in native", () => {
    const imports = nativeImports();
    expect(imports.length).toBeGreaterThan(10);
    expect(upward(imports, nativeLayers)).toEqual([]);
  });

  it("have no circle of files", () => {
    expect(circles(typescriptImports())).toEqual([]);
    expect(circles(nativeImports())).toEqual([]);
  });

  it("name every folder", () => {
    const folders = (path: string) => readdirSync(path).filter((name) => statSync(join(path, name)).isDirectory());
    expect(Object.keys(typescriptLayers)).toEqual(expect.arrayContaining(folders(join(root, "src"))));
    expect(Object.keys(nativeLayers)).toEqual(expect.arrayContaining(folders(join(root, "native"))));
  });
});

describe("only one place", () => {
  it("includes napi.h: native/binding", () => {
    const users = filesUnder(join(root, "native"), [".h", ".cc"]).filter((file) =>
      /#include <napi\.h>/.test(readFileSync(file, "utf8")),
    );
    expect(users.filter((file) => !relative(root, file).startsWith("native/binding/"))).toEqual([]);
  });

  it("reads arguments or writes to the terminal: src/cli", () => {
    const users = filesUnder(join(root, "src"), [".ts"]).filter((file) =>
      /process\.(argv|stdout|stderr)|console\./.test(readFileSync(file, "utf8")),
    );
    expect(users.map((file) => relative(root, file)).filter((file) => !file.startsWith("src/cli/"))).toEqual([]);
  });
});
