// A control group (version 2) for one program: a bound on memory and processes that also holds for all of them together.
// Only where this process may make one beside or below its own; no group that is there is changed.
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Limits } from "./limits.js";
import { isWithin } from "./python.js";

export interface ControlGroup {
  readonly folder: string;
  /** Whether the system ended a process of the group for its memory. */
  ranOutOfMemory(): Promise<boolean>;
  /** To be called when all its processes are gone. */
  remove(): Promise<void>;
}

/** The folder below which groups can be made, or null: the nearest at or above our own group that bounds memory and processes of its children. */
export async function findControlGroups(
  mounts = "/proc/self/mountinfo",
  membership = "/proc/self/cgroup",
): Promise<string | null> {
  const own = ownGroup(
    await readFile(mounts, "utf8").catch(() => ""),
    await readFile(membership, "utf8").catch(() => ""),
  );
  if (own === null) return null;
  for (let folder = own.folder; isWithin(folder, own.mount); folder = dirname(folder)) {
    const controllers = await readFile(join(folder, "cgroup.subtree_control"), "utf8").catch(() => "");
    const bounds = ["memory", "pids"].every((name) => controllers.trim().split(" ").includes(name));
    if (bounds) return (await canMakeIn(folder)) ? folder : null;
    if (folder === own.mount) break;
  }
  return null;
}

async function canMakeIn(folder: string): Promise<boolean> {
  const probe = join(folder, `sdft-probe-${process.pid}`);
  try {
    await mkdir(probe);
    await rmdir(probe);
    return true;
  } catch {
    return false;
  }
}

export async function makeControlGroup(parent: string, name: string, limits: Limits): Promise<ControlGroup> {
  const folder = join(parent, name);
  await mkdir(folder);
  await writeFile(join(folder, "memory.max"), String(limits.memoryBytes + limits.temporaryBytes));
  // Absent where the system accounts no swap.
  await writeFile(join(folder, "memory.swap.max"), "0").catch(() => undefined);
  // The launcher and the first process of the namespace stand in the group too.
  await writeFile(join(folder, "pids.max"), String(limits.processes + 4));
  return {
    folder,
    ranOutOfMemory: async () =>
      /^oom_kill [1-9]/m.test(await readFile(join(folder, "memory.events"), "utf8").catch(() => "")),
    remove: () => rmdir(folder).catch(() => undefined),
  };
}

/** From the kernel's own tables: where version 2 is mounted, and the folder of our group there. */
export function ownGroup(mounts: string, membership: string): { folder: string; mount: string } | null {
  const group = /^0::(\/.*)$/m.exec(membership)?.[1];
  const line = mounts.split("\n").find((each) => / - cgroup2 /.test(each));
  const mount = line?.split(" ")[4];
  if (group === undefined || mount === undefined || group.includes("..")) return null;
  return { folder: join(mount, group).replace(/\/$/, ""), mount };
}
