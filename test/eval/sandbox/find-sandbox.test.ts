import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { expectSandbox, findSandbox, unconfined } from "../../../src/eval/sandbox/find-sandbox.js";
import { defaultLimits } from "../../../src/eval/sandbox/limits.js";
import { findPython, isWithin } from "../../../src/eval/sandbox/python.js";
import { runProgram } from "../../../src/eval/sandbox/run-program.js";
import { temporaryFolder } from "../../temporary-folder.js";

const folder = temporaryFolder();
const { PATH, SDFT_PYTHON } = process.env;

afterEach(() => {
  process.env.PATH = PATH;
  if (SDFT_PYTHON === undefined) delete process.env.SDFT_PYTHON;
  else process.env.SDFT_PYTHON = SDFT_PYTHON;
});

/** A command of that name before all others on the path. */
function command(name: string, lines: string): void {
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, name), `#!/bin/sh\n${lines}\n`);
  chmodSync(join(place, name), 0o755);
  process.env.PATH = `${place}${delimiter}${PATH}`;
}

describe("findSandbox", () => {
  it("trusts no method in which a program finds itself free", async () => {
    // A bwrap that confines nothing: it runs what follows the last option of ours.
    command(
      "bwrap",
      'if [ "$1" = --version ]; then echo bubblewrap 0.9.0; exit; fi\nwhile [ "$1" != -s ]; do last=$1; shift; done\nexec "$last" "$@"',
    );
    const { sandbox, refusals } = await findSandbox({ methods: ["bubblewrap"] });
    expect(sandbox).toBeNull();
    expect(refusals).toHaveLength(1);
    expect(refusals[0]?.reason).toMatch(/a program in it can|No module named|could not be started/);
  });

  it("says which bubblewrap is too old", async () => {
    command("bwrap", "echo bubblewrap 0.6.1");
    const { refusals } = await findSandbox({ methods: ["bubblewrap"] });
    expect(refusals).toEqual([{ method: "bubblewrap", reason: "bwrap 0.6 can't bound its temporary folder, 0.8 can" }]);
  });

  it("refuses where no method works, unless the user takes the risk", async () => {
    const nothing = { methods: [] };
    await expect(expectSandbox({ allowUnsafe: false, ...nothing })).rejects.toThrow(
      /--allow-unsafe-execution runs them/,
    );
    expect((await expectSandbox({ allowUnsafe: true, ...nothing })).method).toBe("none");
  });
});

describe("findPython", () => {
  it("says what to do where there is none, or a broken one", async () => {
    process.env.SDFT_PYTHON = join(folder, "no-python");
    await expect(findPython()).rejects.toThrow(
      /no-python is not there. Install python3, or name one in .* SDFT_PYTHON/,
    );
    command("broken", "echo 'some trouble' >&2; exit 3");
    process.env.SDFT_PYTHON = join(folder, "broken", "broken");
    await expect(findPython()).rejects.toThrow(/can't be used \(some trouble\)/);
    await expect(findSandbox()).rejects.toThrow(/SDFT_PYTHON/);
  });

  it("knows what lies within what", () => {
    expect([isWithin("/a/b", "/a"), isWithin("/ab", "/a"), isWithin("/a", "/a"), isWithin("/a", "/")]).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });
});

describe("without a sandbox", () => {
  it("time and memory are still bounded, and what a program starts ends with it", async () => {
    const sandbox = unconfined(await findPython(), { ...defaultLimits, seconds: 1 });
    expect(await runProgram(sandbox, "import time\ntime.sleep(30)")).toMatchObject({ outcome: "timed out" });
    expect(await runProgram(sandbox, "bytearray(2 << 30)")).toMatchObject({ outcome: "memory" });
    expect(await runProgram(sandbox, "import os, time\nif os.fork() == 0: time.sleep(30)")).toMatchObject({
      outcome: "passed",
    });
  });
});
