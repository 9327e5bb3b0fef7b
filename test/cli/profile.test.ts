// --profile: a table of kernels on stderr, nothing of it on stdout.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";
import { sdft } from "./run.js";

const folder = temporaryFolder();

it("generate shows what each kernel cost", async () => {
  const args = ["generate", "--model", tinyChat, "--prompt", "hi", "--max-new-tokens", "3", "--profile", "--json"];
  const { status, stdout, stderr } = await sdft(...args);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toHaveLength(1);
  expect(stderr).toMatch(/^kernel +calls +rows\/call +seconds +share +GFLOP\/s +GB\/s +of roof$/m);
  expect(stderr).toMatch(/^cached_attention /m);
  expect(stderr).toMatch(/^all .* 100\.0% /m);
  expect(stderr).not.toMatch(/^prepare_weight/m);
});

it("eval of another program's outputs has no kernels to show", async () => {
  const args = ["eval", "--predictions", "any.jsonl", "--task", "gsm8k", "--out", join(folder, "scores"), "--profile"];
  const { status, stderr } = await sdft(...args);
  expect(status).toBe(2);
  expect(stderr).toMatch(/scores without the engine/);
});

it("train shows the backward pass too", async () => {
  const data = join(folder, "rows.json");
  writeFileSync(data, JSON.stringify([{ instruction: "say hi", output: "hi" }]));
  const args = ["train", "--model", tinyChat, "--data", data, "--out", join(folder, "out"), "--max-steps", "1"];
  const { status, stderr } = await sdft(...args, "--template", "alpaca", "--profile");
  expect(stderr).toMatch(/^attention_backward /m);
  expect(status).toBe(0);
});
