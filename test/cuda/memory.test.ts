// A card that another program has nearly filled, through the emulated library: what doctor prints, and the refusal before anything is read.
import { existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { sdft } from "../cli/run.js";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";

const build = resolve(import.meta.dirname, "..", "..", process.env.SDFT_CUDA_TESTS ?? "build");
const emulated = join(build, "libsdft_cuda_emulated.so");
Object.assign(process.env, { SDFT_CUDA_LIB: emulated, SDFT_TEST_TOTAL_MB: "1000", SDFT_TEST_USED_MB: "900" });

const folder = temporaryFolder();

describe.skipIf(!existsSync(emulated))("the memory of a card", () => {
  it("is planned by doctor, with what is free on it", async () => {
    const { status, stderr: text } = await sdft("doctor", "--model", tinyChat, "--device", "cuda", "--length", "64");
    expect(status, text).toBe(0);
    expect(text).toMatch(/, 8 × 64 tokens, --weights native/);
    for (const part of [
      "weights (native)",
      "kernels and libraries",
      "activations",
      "training scratch",
      "keys and values",
    ])
      expect(text).toContain(part);
    expect(text).not.toContain("Node and tokenizer");
    expect(text).toMatch(/May be used: 95 MiB \(device\)/);
  });

  it("refuses work that does not fit, with numbers", async () => {
    const input = join(folder, "rows.jsonl");
    writeFileSync(input, JSON.stringify({ id: "a", tokens: [5, 6, 7, 8] }));
    const options = ["--model", tinyChat, "--device", "cuda", "--input", input, "--out", join(folder, "out.jsonl")];
    const { status, stderr } = await sdft("score", ...options);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(
      /Expected .* to fit in 95 MiB, what is free on the card \(the driver and other processes hold 858 MiB\), but it needs \d+ MiB: kernels and libraries 256 MiB.*; end other programs on the card; .*\.$/m,
    );
  });
});
