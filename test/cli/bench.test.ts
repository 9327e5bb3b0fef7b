// sdft bench: what it refuses before anything is measured. The cases themselves: test/bench.
import { afterEach, expect, it, vi } from "vitest";
import { tinyChat } from "../tiny-chat.js";
import { sdft } from "./run.js";

it.each([
  [["--case", "speed"], /Expected one of kernels.*train.*generate.*decode-one.*scaling.*start/],
  [["--rounds", "0"], /--rounds to be a whole number from 1 on but received 0/],
  [["--threads", "1.5"], /--threads to be a whole number from 0 on but received 1.5/],
  [["--threads", "9999"], /at most \d+ threads, the processors that this process may use, but received 9999/],
  [["--device", "reference"], /measures the cpu/],
  [["--compute", "int"], /Integer products \(--compute int\) need weights held as 4- or 8-bit integers/],
  [["--out", "rows.json"], /bench takes no --out: /],
  [["--adapter", "somewhere", "--memory-budget", "2GB"], /bench takes no --adapter and no --memory-budget: /],
])("refuses %j", async (args, message) => {
  const { status, stderr } = await sdft("bench", "--model", tinyChat, ...args);
  expect(stderr).toMatch(message);
  expect(status).toBe(2);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

it("refuses an instruction set that is none, and doctor takes none", async () => {
  vi.stubEnv("SDFT_CPU", "mmx");
  const { status, stderr } = await sdft("bench", "--model", tinyChat);
  expect(stderr).toMatch(
    /Expected SDFT_CPU to name an instruction set of this processor \(plain.*\) but received "mmx"/,
  );
  expect(status).toBe(2);
  const doctor = await sdft("doctor");
  // With a card that has passed its self-test there is another device.
  expect(doctor.stderr).toMatch(/--device auto (has nothing to take\. .*received "mmx"|takes cuda)/);
  expect(doctor.status).toBe(0);
});
