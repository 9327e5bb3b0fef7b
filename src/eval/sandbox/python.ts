// The Python that runs programs: SDFT_PYTHON or python3, asked once where it really lies and what it needs to be able to read.
import { execFile } from "node:child_process";
import { homedir } from "node:os";
import { z } from "zod";
import { InputError } from "../../base/error.js";

export interface Python {
  /** The interpreter itself, behind whatever launcher the name leads to. */
  readonly executable: string;
  readonly version: string;
  /** Folders outside the system's own that the interpreter is made of, symbolic links resolved in `from`. */
  readonly folders: readonly { readonly path: string; readonly from: string }[];
  /** NumPy's version; null where it is not installed. */
  readonly numpy: string | null;
}

/** Prints facts about the interpreter. `-s`, here as later, leaves out packages of the user's home. */
const question = `
import json, os, sys
from importlib import metadata
if sys.version_info < (3, 8): raise SystemExit("Python 3.8 or newer is needed, this is " + sys.version.split()[0])
try: numpy = metadata.version("numpy")
except metadata.PackageNotFoundError: numpy = None
folders = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
folders |= {os.path.dirname(os.path.dirname(os.path.realpath(sys.executable)))}
folders |= {path for path in sys.path if os.path.isdir(path)}
folders = [{"path": path, "from": os.path.realpath(path)} for path in sorted(folders)]
print(json.dumps({"executable": sys.executable, "version": sys.version.split()[0], "folders": folders, "numpy": numpy}))
`;

const answerSchema = z.object({
  executable: z.string().min(1),
  version: z.string(),
  folders: z.array(z.object({ path: z.string(), from: z.string() })),
  numpy: z.string().nullable(),
});

/** Throws where there is none, or where its own folder holds the home folder, which no program may read. */
export async function findPython(name = process.env.SDFT_PYTHON ?? "python3"): Promise<Python> {
  const { stdout, fault } = await ask(name);
  if (fault !== null) {
    throw new InputError(
      "no_python",
      `Expected a Python 3.8 or newer to run programs with, but ${name} ${fault}. Install python3, or name one in the environment variable SDFT_PYTHON.`,
    );
  }
  const python = answerSchema.parse(JSON.parse(stdout));
  const folders = outermost(python.folders.filter(({ path }) => !isSystem(path)));
  const open = folders.find(({ path, from }) => isWithin(homedir(), path) || isWithin(homedir(), from));
  if (open !== undefined) {
    throw new InputError(
      "no_python",
      `Expected a Python that does not need the home folder, but ${python.executable} belongs to ${open.path}, which holds it. Name another in SDFT_PYTHON.`,
    );
  }
  return { ...python, folders };
}

/** Whether `path` is `folder` or lies below it. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

/** Read in any case (file-system.ts). */
function isSystem(path: string): boolean {
  return ["/usr", "/lib", "/lib64", "/bin"].some((folder) => isWithin(path, folder));
}

/** Without those that lie in another. */
function outermost(folders: Python["folders"]): Python["folders"] {
  return folders.filter(({ path }) => !folders.some((other) => other.path !== path && isWithin(path, other.path)));
}

function ask(name: string): Promise<{ stdout: string; fault: string | null }> {
  return new Promise((resolve) => {
    execFile(name, ["-s", "-c", question], { timeout: 60_000 }, (error, stdout, stderr) => {
      if (error === null) resolve({ stdout, fault: null });
      else if (error.code === "ENOENT") resolve({ stdout, fault: "is not there" });
      else resolve({ stdout, fault: `can't be used (${stderr.trim().split("\n").at(-1) || error.message})` });
    });
  });
}
