import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { runCommand } from "../../src/cli/run-command.js";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";
import { sdft } from "./run.js";

const folder = temporaryFolder();
const out = join(folder, "adapter");
const args = ["train", "--model", tinyChat, "--data", "demo_calls", "--max-steps", "400", "--out", out];

/** Presses Ctrl-C as soon as the log has a row. */
async function interruptWhenTraining(running: Promise<unknown>): Promise<void> {
  const log = join(out, "log.jsonl");
  let over = false;
  running.finally(() => {
    over = true;
  });
  while (!over && (!existsSync(log) || readFileSync(log, "utf8") === "")) await new Promise(setImmediate);
  if (!over) process.emit("SIGINT");
}

describe("Ctrl-C", () => {
  it("saves the state, ends with 130, and --resume goes on", async () => {
    const running = sdft(...args);
    await interruptWhenTraining(running);
    const result = await running;
    expect(result.status).toBe(130);
    expect(result.stderr).toMatch(/Stopping as soon as the state is saved/);
    const step = Number(/stopped after step (\d+) of 400/.exec(result.stderr)?.[1]);
    expect(step).toBeLessThan(400);
    expect(existsSync(join(out, `checkpoint-${step}`, "trainer_state.json"))).toBe(true);
    expect(existsSync(join(out, "adapter"))).toBe(false);
    const rows = readFileSync(join(out, "log.jsonl"), "utf8").trim().split("\n");
    expect(rows).toHaveLength(step);
    expect(process.listenerCount("SIGINT")).toBe(0);
  });

  it("ends at once what has no state to save", async () => {
    const exit = vi.spyOn(process, "exit").mockImplementation(() => {
      throw new Error("ended");
    });
    const work = async (): Promise<void> => {
      process.emit("SIGINT");
    };
    await runCommand({ json: false, verbose: false, onInterrupt: "end" }, work);
    expect(exit).toHaveBeenCalledExactlyOnceWith(130);
    process.exitCode = undefined;
    exit.mockRestore();
  });
});
