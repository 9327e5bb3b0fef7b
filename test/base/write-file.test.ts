import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import {
  expectWritableFile,
  makeWritableFolder,
  writeError,
  writeJsonLines,
  writeWholeFile,
} from "../../src/base/write-file.js";
import { temporaryFolder } from "../temporary-folder.js";

const folder = temporaryFolder();

describe("writeWholeFile", () => {
  it("writes pieces one after the other and leaves nothing beside the file", async () => {
    await writeWholeFile(join(folder, "a", "b"), [Uint8Array.of(104, 105), Uint8Array.of(33)]);
    expect(readFileSync(join(folder, "a", "b"), "utf8")).toBe("hi!");
    await writeJsonLines(join(folder, "a", "c"), [{ x: 1 }, { x: 2 }]);
    expect(readFileSync(join(folder, "a", "c"), "utf8")).toBe('{"x":1}\n{"x":2}\n');
    expect(readdirSync(join(folder, "a")).sort()).toEqual(["b", "c"]);
  });

  it("leaves the old file when writing fails", async () => {
    writeFileSync(join(folder, "file"), "old");
    await expect(writeWholeFile(join(folder, "file", "below"), "new")).rejects.toThrow(/Could not write .*below/);
    expect(readFileSync(join(folder, "file"), "utf8")).toBe("old");
  });
});

describe("a place that is no plain file", () => {
  it("is refused, and stays what it is", async () => {
    await makeWritableFolder(join(folder, "taken"));
    await expect(writeWholeFile(join(folder, "taken"), "x")).rejects.toMatchObject({ exitStatus: 2 });
    await expect(expectWritableFile(join(folder, "taken"))).rejects.toThrow(/a folder stands there/);
    await promisify(execFile)("mkfifo", [join(folder, "pipe")]);
    await expect(writeWholeFile(join(folder, "pipe"), "x")).rejects.toThrow(/a device or pipe stands there/);
    expect(statSync(join(folder, "pipe")).isFIFO()).toBe(true);
  });

  it("is none where the file is there or can be made", async () => {
    writeFileSync(join(folder, "there"), "old");
    await expectWritableFile(join(folder, "there"));
    await expectWritableFile(join(folder, "new", "file"));
    expect(readFileSync(join(folder, "there"), "utf8")).toBe("old");
    expect(existsSync(join(folder, "new", "file"))).toBe(false);
  });
});

describe("makeWritableFolder", () => {
  it.skipIf(!existsSync("/proc/self"))("ends where no folder can be made", async () => {
    await expect(makeWritableFolder("/proc/no/such")).rejects.toMatchObject({ exitStatus: 2 });
  });

  it("makes the folder with its parents, and refuses where a file stands", async () => {
    await makeWritableFolder(join(folder, "x", "y"));
    expect(existsSync(join(folder, "x", "y"))).toBe(true);
    expect(readdirSync(join(folder, "x", "y"))).toEqual([]);
    writeFileSync(join(folder, "plain"), "");
    await expect(makeWritableFolder(join(folder, "plain"))).rejects.toMatchObject({ exitStatus: 2 });
  });
});

describe("writeError", () => {
  it("says what to do about a full disk", () => {
    const cause = Object.assign(new Error("no space"), { code: "ENOSPC" });
    expect(writeError("/x", cause)).toMatchObject({
      code: "write_failed",
      exitStatus: 1,
      message: expect.stringContaining("the disk is full"),
    });
  });
});
