// What a program may not do. Each attempt is made in every sandbox that works here, where it must fail, and without one, where the same
// program must succeed: else the test would show nothing.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unconfined } from "../../../src/eval/sandbox/find-sandbox.js";
import { findPython } from "../../../src/eval/sandbox/python.js";
import { runProgram } from "../../../src/eval/sandbox/run-program.js";
import { quickLimits, workingSandboxes } from "./sandboxes.js";

const sandboxes = await workingSandboxes();
const open = unconfined(await findPython(), quickLimits);
const passed = { outcome: "passed", detail: null };

/** A folder in the home folder, and one that everybody may write. */
const homely = mkdtempSync(join(homedir(), ".sdft-test-"));
const shared = mkdtempSync(join(tmpdir(), "sdft-test-"));
const server = createServer((_, response) => response.end("hello"));
let port = 0;

beforeAll(async () => {
  writeFileSync(join(homely, "secret"), "secret");
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});

afterAll(() => {
  rmSync(homely, { recursive: true });
  rmSync(shared, { recursive: true });
  server.close();
});

const program = (lines: string): string => `import ctypes, errno, os, signal, socket, sys, time\n${lines}\n`;
const quoted = (...parts: string[]): string => JSON.stringify(join(...parts));

// A file without a test fails.
if (sandboxes.length === 0) it.skip("no sandbox works here, for the reasons printed", () => {});

describe.each(sandboxes.map((sandbox) => ({ name: sandbox.method, sandbox })))("in $name a program", ({ sandbox }) => {
  const inside = (lines: string) => runProgram(sandbox, program(lines));
  const outside = (lines: string) => runProgram(open, program(lines));

  it("runs, and its end is told", async () => {
    expect(await inside("assert 1 + 1 == 2")).toEqual(passed);
    const verdict = async (lines: string) => {
      const { outcome, detail } = await inside(lines);
      return `${outcome}: ${detail}`;
    };
    expect(await verdict("assert 1 + 1 == 3, 'no'")).toBe("failed: AssertionError: no (line 2)");
    expect(await verdict("x = (")).toMatch(/^failed: SyntaxError/);
    expect(await verdict("raise SystemExit(0)")).toMatch(/^failed: SystemExit/);
    expect(await verdict("os._exit(0)")).toMatch(/^failed: ended by itself before its tests were done/);
    expect(await verdict("os.kill(os.getpid(), 9)")).toMatch(/^failed: ended by itself/);
    expect(await verdict(`os.write(3, b'{"event":"end","outcome":"passed"}\\n'); assert False`)).toMatch(
      /^failed: Asser/,
    );
    expect(await verdict("if os.fork() == 0: raise ValueError('in a child')\nos.wait()")).toBe("passed: null");
  });

  it("does not read the home folder or the project", async () => {
    const read = `assert open(${quoted(homely, "secret")}).read() == "secret"`;
    expect(await outside(read)).toEqual(passed);
    expect(await inside(read)).toMatchObject({ detail: expect.stringMatching(/^FileNotFoundError/) });
    const project = `assert open(${quoted(process.cwd(), "package.json")}).read()`;
    expect(await outside(project)).toEqual(passed);
    expect(await inside(project)).toMatchObject({ detail: expect.stringMatching(/^FileNotFoundError/) });
  });

  it("writes nowhere but in a folder of its own, which is empty and goes with it", async () => {
    expect(
      await inside(`assert os.listdir(".") == []; open("mine", "w").write("x"); assert os.getcwd() == "/tmp"`),
    ).toEqual(passed);
    const everywhere = `
written = []
for path in ("/x", "/usr/x", "/etc/x", "/dev/x", "/root/x", "/home/x", "/var/tmp/x", ${quoted(shared, "x")}):
    try:
        open(path, "w").close()
        written.append(path)
    except OSError:
        pass
assert written == [], written`;
    expect(await inside(everywhere)).toEqual(passed);
    expect(existsSync(join(shared, "x"))).toBe(false);
    const one = `open(${quoted(shared, "y")}, "w").write("x")`;
    expect(await outside(one)).toEqual(passed);
    expect(readFileSync(join(shared, "y"), "utf8")).toBe("x");
    rmSync(join(shared, "y"));
    expect(await inside(one)).toMatchObject({ outcome: expect.stringMatching(/failed|refused/) });
    expect(existsSync(join(shared, "y"))).toBe(false);
  });

  it("fills its folder only so far", async () => {
    const fill = `
for name in range(8):
    with open(str(name), "wb") as file:
        file.write(bytes(1 << 20))`;
    expect(await outside(fill)).toEqual(passed);
    expect(await inside(fill)).toEqual({
      outcome: "refused",
      detail: expect.stringMatching(/No space left on device/),
    });
  });

  it("reaches no network", async () => {
    const call = `assert socket.create_connection(("127.0.0.1", ${port}), 2).send(b"GET / HTTP/1.0\\r\\n\\r\\n") > 0`;
    expect(await outside(call)).toEqual(passed);
    expect(await inside(call)).toEqual({
      outcome: "refused",
      detail: expect.stringMatching(/Network is unreachable|Connection refused/),
    });
    expect(await inside(`socket.getaddrinfo("example.com", 80)`)).toMatchObject({ outcome: "refused" });
  });

  it("can't end other processes", async () => {
    // A bystander with the id that programs have, so that only the namespace stands between them.
    const bystander = spawn("sleep", ["60"], process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {});
    const ended = new Promise<string | null>((resolve) => bystander.on("exit", (_, signal) => resolve(signal)));
    const kill = `
if os.getuid() == 0: os.setuid(65534)
os.kill(${bystander.pid}, signal.SIGTERM)`;
    expect(await inside(kill)).toMatchObject({
      outcome: "failed",
      detail: expect.stringMatching(/^ProcessLookupError/),
    });
    const all = `
try:
    os.kill(-1, signal.SIGKILL)
except OSError:
    pass
for pid in range(2, 400):
    try:
        if pid != os.getpid(): os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
`;
    expect(await inside(all)).toEqual(passed);
    expect(bystander.exitCode ?? bystander.signalCode).toBe(null);
    expect(await outside(kill)).toEqual(passed);
    expect(await ended).toBe("SIGTERM");
  });

  it("forks only so often, and nothing of it is left", async () => {
    const mark = `sdft-fork-${process.pid}-${sandbox.method.length}`;
    const bomb = `
open("/dev/null").close()
while True:
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(15, b"${mark.slice(-15)}", 0, 0, 0)
        os.setsid()
        while True: time.sleep(1)`;
    expect(await inside(bomb)).toEqual({
      outcome: "refused",
      detail: expect.stringMatching(/Resource temporarily unavailable/),
    });
    expect(processesNamed(mark.slice(-15))).toBe(0);
    const many = `
children = []
for _ in range(64):
    child = os.fork()
    if child == 0: time.sleep(60)
    children.append(child)
for child in children: os.kill(child, 9)`;
    expect(await outside(many)).toEqual(passed);
    expect(await inside(many)).toMatchObject({ outcome: "refused" });
  });

  it("ends after its time, whatever it does", async () => {
    const within = (seconds: number, lines: string) =>
      runProgram({ ...sandbox, limits: { ...sandbox.limits, seconds } }, program(lines));
    const loop = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass";
    expect(await within(1, loop)).toEqual({ outcome: "timed out", detail: "no end after 1 s" });
    const sleep = "if os.fork() == 0: os.setsid()\ntime.sleep(2)";
    expect(await within(1, sleep)).toEqual({ outcome: "timed out", detail: "no end after 1 s" });
    expect(await within(20, sleep)).toEqual(passed);
  });

  it("takes only so much memory", async () => {
    const take = "data = bytearray(3 << 29)\ndata[::4096] = bytes(len(data[::4096]))";
    expect(await inside(take)).toEqual({ outcome: "memory", detail: "MemoryError" });
    const roomy = { ...sandbox, limits: { ...sandbox.limits, memoryBytes: 2 ** 32, seconds: 20 } };
    expect(await runProgram(roomy, program("data = bytearray(3 << 29)"))).toEqual(passed);
  });

  it("writes only so much output", async () => {
    const flood = "for _ in range(64): sys.stdout.write('x' * 65536)\nsys.stdout.flush()";
    expect(await inside(flood)).toEqual({ outcome: "refused", detail: "wrote more than 1048576 bytes" });
    expect(await inside("while True: sys.stderr.write('x' * 65536)")).toMatchObject({ outcome: "refused" });
    expect(await inside("while True: os.write(3, b'x' * 65536)")).toMatchObject({ outcome: "refused" });
    const roomy = { ...sandbox, limits: { ...sandbox.limits, outputBytes: 2 ** 26 } };
    expect(await runProgram(roomy, program(flood))).toEqual(passed);
  });

  it("gains no rights by namespaces of its own", async () => {
    const unshare = "assert ctypes.CDLL(None).unshare(0x10000000) == 0";
    expect(await outside(unshare)).toEqual(passed);
    expect(await inside(unshare)).toMatchObject({ outcome: "failed" });
    expect(await inside("assert os.getuid() != 0; os.setuid(0)")).toMatchObject({
      outcome: expect.stringMatching(/refused|failed/),
    });
  });

  it("finds no word of ours in its environment", async () => {
    process.env.SDFT_TEST_SECRET = "secret";
    const look = `assert "SDFT_TEST_SECRET" not in os.environ and not os.path.exists("/proc/1/environ")`;
    expect(await inside(look)).toEqual(passed);
    delete process.env.SDFT_TEST_SECRET;
  });
});

/** Living ones, by the name that a process gives itself; one that has given back its memory lives no more. */
function processesNamed(name: string): number {
  return pids().filter((pid) => {
    try {
      const read = (file: string): string => readFileSync(`/proc/${pid}/${file}`, "utf8");
      return read("comm").trim() === name && read("cmdline") !== "";
    } catch {
      return false;
    }
  }).length;
}

function pids(): string[] {
  return readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
}
