// A control group (version 2) for one program: a bound on memory and processes that also holds for all of them together.
// Only where this process may make one below its own group; nobody else's groups are touched.
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Limits } from "./limits.js";

export interface ControlGroup {
  readonly folder: string;
  /** Whether the system ended a process of the group for its memory. */
  ranOutOfMemory(): Promise<boolean>;
  /** To be called when all its processes are gone. */
  remove(): Promise<void>;
}

/** The folder below which groups can be made, or null. */
export async function findControlGroups(
  mounts = "/proc/self/mountinfo",
  membership = "/proc/self/cgroup",
): Promise<string | null> {
  const own = ownGroup(
    await readFile(mounts, "utf8").catch(() => ""),
    await readFile(membership, "utf8").catch(() => ""),
  );
  if (own === null) return null;
  const controllers = await readFile(join(own, "cgroup.subtree_control"), "utf8").catch(() => "");
  const bounded = ["memory", "pids"].every((name) => controllers.trim().split(" ").includes(name));
  if (!bounded) return null;
  const probe = join(own, `sdft-probe-${process.pid}`);
  const made = await mkdir(probe).then(
    () => true,
    () => false,
  );
  if (made) await rmdir(probe);
  return made ? own : null;
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

/** From the kernel's own tables: where version 2 is mounted, and which group is ours in it. */
export function ownGroup(mounts: string, membership: string): string | null {
  const group = /^0::(\/.*)$/m.exec(membership)?.[1];
  const mount = mounts.split("\n").find((line) => / - cgroup2 /.test(line));
  const point = mount?.split(" ")[4];
  return group === undefined || point === undefined || group.includes("..") ? null : join(point, group);
}
