// Commands with --device cuda through the emulated library, in this file's own process: a library stays as it was first opened.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { sdft } from "../cli/run.js";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";

const build = resolve(import.meta.dirname, "..", "..", process.env.SDFT_CUDA_TESTS ?? "build");
const emulated = join(build, "libsdft_cuda_emulated.so");
process.env.SDFT_CUDA_LIB = emulated;

const folder = temporaryFolder();
const onCuda = ["--model", tinyChat, "--device", "cuda", "--weights", "bf16"];

async function scores(name: string, rows: readonly object[], ...options: string[]): Promise<string[]> {
  const [input, out] = [join(folder, `${name}.jsonl`), join(folder, `${name}.out.jsonl`)];
  writeFileSync(input, rows.map((row) => JSON.stringify(row)).join("\n"));
  const { status, stderr } = await sdft("score", ...onCuda, ...options, "--input", input, "--out", out);
  expect(status, stderr).toBe(0);
  return readFileSync(out, "utf8").trim().split("\n");
}

describe.skipIf(!existsSync(emulated))("commands with --device cuda", () => {
  const row = (id: string, length: number) => ({ id, tokens: Array.from({ length }, (_, i) => 5 + ((7 * i) % 40)) });

  it("score a row to the same bits alone and in company with --batch-invariant", async () => {
    const alone = await scores("alone", [row("a", 4)], "--batch-invariant");
    const company = [row("a", 4), row("b", 30), row("c", 9)];
    expect((await scores("company", company, "--batch-invariant"))[0]).toBe(alone[0]);
    expect((await scores("default", company))[0]).not.toBe((await scores("default-alone", [row("a", 4)]))[0]);
  });

  it("take no card that has failed its self-test, until it passes", async () => {
    const before = process.env.SDFT_CACHE;
    process.env.SDFT_CACHE = join(folder, "cache");
    const answer = (device: string) =>
      sdft("generate", "--model", tinyChat, "--device", device, "--max-new-tokens", "2", "--prompt", "hi");
    try {
      expect((await answer("auto")).stderr).toMatch(/takes the cpu: no self-test has run on the card/);
      process.env.SDFT_TEST_LOSE_DEVICE_AFTER = "3";
      expect(await sdft("selftest", "--device", "cuda")).toMatchObject({ status: 1 });
      // Where the outcome cannot be kept, the failure is told all the same.
      const taken = join(folder, "taken");
      writeFileSync(taken, "");
      process.env.SDFT_CACHE = join(taken, "cache");
      expect(await sdft("selftest", "--device", "cuda")).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/cases failed, first ".+"\. .* It was not kept, .*taken/),
      });
      process.env.SDFT_CACHE = join(folder, "cache");
      delete process.env.SDFT_TEST_LOSE_DEVICE_AFTER;
      expect(await answer("cuda")).toMatchObject({
        status: 2,
        stderr: expect.stringMatching(/has failed its self-test here, first at ".+", so .*--device cpu/),
      });
      expect(await answer("auto")).toMatchObject({
        status: 0,
        stderr: expect.stringMatching(
          /^--device auto takes the cpu: the card has failed its self-test, first at ".+"\.$/m,
        ),
      });
      expect(await sdft("selftest", "--device", "cuda")).toMatchObject({ status: 0 });
      expect((await answer("auto")).stderr).toMatch(/^--device auto takes cuda: its self-test has passed on /m);
    } finally {
      delete process.env.SDFT_TEST_LOSE_DEVICE_AFTER;
      if (before === undefined) delete process.env.SDFT_CACHE;
      else process.env.SDFT_CACHE = before;
    }
  });

  it("promise nothing to go on with when the device is lost in a command that keeps nothing", async () => {
    process.env.SDFT_TEST_LOSE_DEVICE_AFTER = "10";
    const lost = await sdft("score", ...onCuda, "--prompt", "hi there");
    delete process.env.SDFT_TEST_LOSE_DEVICE_AFTER;
    expect(lost).toMatchObject({ status: 1 });
    expect(lost.stderr).toMatch(/reported: unspecified launch failure.*\. Run the same command again\.\n$/);
  });

  it("save a training's state when the device is lost, and go on from it to the same bits", async () => {
    const data = join(folder, "rows.json");
    const examples = Array.from({ length: 4 }, (_, i) => ({ instruction: `Say ${i}.`, output: `It is ${i}.` }));
    writeFileSync(data, JSON.stringify(examples));
    const training = ["--per-device-train-batch-size", "1", "--gradient-accumulation-steps", "1", "--max-steps", "4"];
    const train = (out: string, ...more: string[]) =>
      sdft(
        "train",
        ...onCuda,
        "--data",
        data,
        "--lora-dropout",
        "0.1",
        ...training,
        "--out",
        join(folder, out),
        ...more,
      );
    process.env.SDFT_TEST_LOSE_DEVICE_AFTER = "10";
    const early = await train("early");
    expect(early).toMatchObject({ status: 1 });
    expect(early.stderr).toMatch(/reported: unspecified launch failure.*stays saved\. Run the same command again\.\n$/);

    process.env.SDFT_TEST_LOSE_DEVICE_AFTER = "400";
    const { status, stderr } = await train("lost");
    delete process.env.SDFT_TEST_LOSE_DEVICE_AFTER;
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /stays saved\. The training's state after step [123] of 4 is in .*checkpoint-[123]\. Go on with --resume\./,
    );

    expect(await train("lost", "--resume")).toMatchObject({ status: 0 });
    expect(await train("whole")).toMatchObject({ status: 0 });
    for (const name of ["adapter_model.safetensors", "adapter_config.json"])
      expect(readFileSync(join(folder, "lost", "adapter", name)), name).toEqual(
        readFileSync(join(folder, "whole", "adapter", name)),
      );
    const log = (out: string) =>
      readFileSync(join(folder, out, "log.jsonl"), "utf8")
        .trim()
        .split("\n")
        .map((line) => {
          const { step, loss, grad_norm, learning_rate } = JSON.parse(line);
          return { step, loss, grad_norm, learning_rate };
        });
    expect(log("lost")).toEqual(log("whole"));
  });
});
