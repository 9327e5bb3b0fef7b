import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findControlGroups, ownGroup } from "../../../src/eval/sandbox/control-group.js";
import { temporaryFolder } from "../../temporary-folder.js";

const folder = temporaryFolder();
const mount = (point: string): string => `25 30 0:24 / ${point} rw,nosuid shared:4 - cgroup2 cgroup2 rw`;

describe("control groups", () => {
  it("are looked for below our own group of version 2", () => {
    expect(ownGroup(mount("/sys/fs/cgroup"), "0::/user.slice/session\n")).toBe("/sys/fs/cgroup/user.slice/session");
    expect(ownGroup("", "0::/\n")).toBeNull();
    expect(ownGroup(mount("/sys/fs/cgroup"), "4:memory:/x\n")).toBeNull();
    // A group outside our own namespace can't be named from here.
    expect(ownGroup(mount("/sys/fs/cgroup"), "0::/../other\n")).toBeNull();
  });

  it("count only where memory and processes are bounded", async () => {
    const [mounts, membership] = [join(folder, "mounts"), join(folder, "membership")];
    mkdirSync(join(folder, "own"));
    writeFileSync(mounts, mount(folder));
    writeFileSync(membership, "0::/own\n");
    expect(await findControlGroups(mounts, membership)).toBeNull();
    writeFileSync(join(folder, "own", "cgroup.subtree_control"), "cpu pids\n");
    expect(await findControlGroups(mounts, membership)).toBeNull();
    writeFileSync(join(folder, "own", "cgroup.subtree_control"), "cpu memory pids\n");
    expect(await findControlGroups(mounts, membership)).toBe(join(folder, "own"));
  });
});
