// The kernel's files are imitated by a folder of ours: what is written where, and by whom, is the same.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findControlGroups, ownGroup } from "../../../src/eval/sandbox/control-group.js";
import { runProgram } from "../../../src/eval/sandbox/run-program.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { workingSandboxes } from "./sandboxes.js";

const folder = temporaryFolder();
const sandboxes = await workingSandboxes();
const mount = (point: string): string => `25 30 0:24 / ${point} rw,nosuid shared:4 - cgroup2 cgroup2 rw`;

describe("control groups", () => {
  it("are looked for at our own group of version 2", () => {
    const at = "/sys/fs/cgroup";
    expect(ownGroup(mount(at), "0::/user.slice/session\n")).toEqual({ folder: `${at}/user.slice/session`, mount: at });
    expect(ownGroup(mount(at), "0::/\n")).toEqual({ folder: at, mount: at });
    expect(ownGroup("", "0::/\n")).toBeNull();
    expect(ownGroup(mount(at), "4:memory:/x\n")).toBeNull();
    // A group outside our own namespace can't be named from here.
    expect(ownGroup(mount(at), "0::/../other\n")).toBeNull();
  });

  it("count only where memory and processes are bounded, in our group or the nearest above", async () => {
    const [mounts, membership] = [join(folder, "mounts"), join(folder, "membership")];
    const find = () => findControlGroups(mounts, membership);
    const top = join(folder, "mount");
    const control = (...parts: string[]) => join(top, ...parts, "cgroup.subtree_control");
    mkdirSync(join(top, "slice", "scope"), { recursive: true });
    writeFileSync(mounts, mount(top));
    writeFileSync(membership, "0::/slice/scope\n");
    expect(await find()).toBeNull();
    writeFileSync(control("slice", "scope"), "cpu pids\n");
    expect(await find()).toBeNull();
    writeFileSync(control("slice"), "cpu memory pids\n");
    expect(await find()).toBe(join(top, "slice"));
    writeFileSync(control("slice", "scope"), "cpu memory pids\n");
    expect(await find()).toBe(join(top, "slice", "scope"));
    // What stands above the mount is nobody's group.
    writeFileSync(control("slice", "scope"), "");
    writeFileSync(control("slice"), "");
    writeFileSync(join(folder, "cgroup.subtree_control"), "cpu memory pids\n");
    expect(await find()).toBeNull();
  });

  it.skipIf(sandboxes.length === 0)("get their bounds and then the program", async () => {
    for (const sandbox of sandboxes) {
      const groups = join(folder, `groups-${sandbox.method}`);
      mkdirSync(groups);
      expect(await runProgram({ ...sandbox, groups }, "assert True")).toEqual({ outcome: "passed", detail: null });
      const [name = ""] = readdirSync(groups);
      const read = (file: string): string => readFileSync(join(groups, name, file), "utf8");
      expect(Number(read("memory.max"))).toBe(sandbox.limits.memoryBytes + sandbox.limits.temporaryBytes);
      expect(Number(read("pids.max"))).toBeGreaterThan(sandbox.limits.processes);
      // 0 is whoever writes: the launcher, before it confines itself.
      expect(read("cgroup.procs")).toBe("0");
    }
  });

  it.skipIf(sandboxes.length === 0)("name memory where the system ended a program for it", async () => {
    const [sandbox] = sandboxes;
    if (sandbox === undefined) return;
    const groups = join(folder, "out-of-memory");
    mkdirSync(groups);
    const running = runProgram({ ...sandbox, groups }, "import time\ntime.sleep(2)\nimport os\nos._exit(9)");
    const [name = ""] = await new Promise<string[]>((resolve) => {
      const look = (): void => {
        const found = readdirSync(groups);
        if (found.length > 0) resolve(found);
        else setImmediate(look);
      };
      look();
    });
    writeFileSync(join(groups, name, "memory.events"), "low 0\noom 1\noom_kill 1\n");
    expect(await running).toMatchObject({ outcome: "memory" });
  });
});
