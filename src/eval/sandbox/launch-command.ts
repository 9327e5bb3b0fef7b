// How a sandbox's method becomes a command: the launcher with its settings as one JSON argument, or the runner alone where there is none.
import process from "node:process";
import { resourceLimits } from "./limits.js";
import { pythonSource } from "./python-source.js";
import type { Sandbox } from "./sandbox.js";

/** The id that a program has inside where the caller is root; launch.py's NOBODY. */
const nobody = 65534;

/** All that a program finds in its environment. The seed of Python's hashes is fixed so that a verdict can be had again. */
export const programEnvironment: Readonly<Record<string, string>> = {
  PATH: "/usr/bin:/bin",
  HOME: "/tmp",
  LANG: "C.UTF-8",
  PYTHONHASHSEED: "0",
  PYTHONDONTWRITEBYTECODE: "1",
  OPENBLAS_NUM_THREADS: "1",
  OMP_NUM_THREADS: "1",
};

export interface LaunchCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** `group`: the folder of the program's control group, or null. */
export function launchCommand(sandbox: Sandbox, group: string | null): LaunchCommand {
  const { method, python, readable, limits } = sandbox;
  const runner = [python.executable, "-s", "-c", pythonSource("runner.py")];
  if (method === "none") return { file: python.executable, args: runner.slice(1), environment: programEnvironment };
  const settings = {
    parent: process.pid,
    groups: group === null ? [] : [group],
    method,
    root: isRoot(),
    readable,
    temporaryBytes: limits.temporaryBytes,
    environment: programEnvironment,
    command: method === "bubblewrap" ? [...bubblewrapCommand(sandbox), ...runner] : runner,
  };
  return {
    file: python.executable,
    args: ["-I", "-S", "-c", pythonSource("launch.py"), JSON.stringify(settings)],
    environment: { PATH: process.env.PATH ?? "/usr/bin:/bin" },
  };
}

/** What the runner reads from its standard input. `folder` replaces the sandbox's own temporary folder where there is none. */
export function runnerRequest(sandbox: Sandbox, program: string, at: { token: string; folder: string | null }): string {
  const { RLIMIT_NPROC: processes, ...limits } = resourceLimits(sandbox.limits);
  return JSON.stringify({
    program,
    token: at.token,
    folder: at.folder ?? "/tmp",
    user: sandbox.method !== "none" && isRoot() ? nobody : null,
    // Without a namespace of ids the limit would count all that the user runs.
    limits: sandbox.method === "none" ? limits : { ...limits, RLIMIT_NPROC: processes },
  });
}

/** The same rooms as launch.py's: see build_file_system there. */
function bubblewrapCommand({ bubblewrap, readable, limits }: Sandbox): string[] {
  const users = isRoot()
    ? ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    : ["--unshare-user", "--disable-userns", "--uid", String(nobody), "--gid", String(nobody)];
  return [
    bubblewrap ?? "bwrap",
    "--die-with-parent",
    "--new-session",
    ...["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"],
    ...users,
    // Else bwrap makes them for the eyes of root alone.
    ...ancestors(["/dev/null", ...readable.map(({ path }) => path)]).flatMap((folder) => ["--dir", folder]),
    ...readable.flatMap(({ path, from, link }) =>
      link === null ? ["--ro-bind", from, path] : ["--symlink", link, path],
    ),
    ...["null", "zero", "full", "random", "urandom"].flatMap((name) => ["--dev-bind", `/dev/${name}`, `/dev/${name}`]),
    ...["--perms", "1777", "--size", String(limits.temporaryBytes), "--tmpfs", "/tmp"],
    ...["--remount-ro", "/", "--chdir", "/tmp", "--clearenv"],
    ...Object.entries(programEnvironment).flatMap(([name, value]) => ["--setenv", name, value]),
  ];
}

/** The folders above the paths, parents first, without the root. */
function ancestors(paths: readonly string[]): string[] {
  const all = paths.flatMap((path) => {
    const parts = path.split("/").slice(1, -1);
    return parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
  });
  return [...new Set(all)].sort();
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
