// sdft bench: what it refuses before anything is measured. The cases themselves: test/bench.
import { expect, it } from "vitest";
import { tinyChat } from "../tiny-chat.js";
import { sdft } from "./run.js";

it.each([
  [["--case", "speed"], /Choices: .*kernels.*train.*generate.*decode-one.*scaling.*start/],
  [["--rounds", "0"], /--rounds to be a whole number from 1 on but received 0/],
  [["--threads", "1.5"], /--threads to be a whole number from 0 on but received 1.5/],
  [["--device", "reference"], /measures the cpu/],
])("refuses %j", async (args, message) => {
  const { status, stderr } = await sdft("bench", "--model", tinyChat, ...args);
  expect(stderr).toMatch(message);
  expect(status).toBe(2);
});
