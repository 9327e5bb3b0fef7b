import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { adapterScale, fromPeftConfig, toPeftConfig } from "../../src/engine/adapter-settings.js";
import { fixturesFolder } from "../shared-folder.js";

const settings = {
  rank: 4,
  alpha: 8,
  dropout: 0.1,
  targets: ["q_proj", "up_proj"],
  scaling: "rank-stabilised",
} as const;

describe("adapter settings", () => {
  it("survive peft's format", () => {
    const { targets: _, ...rest } = settings;
    expect(fromPeftConfig(toPeftConfig(settings, "base"), "x")).toEqual({ ...rest, baseModel: "base" });
  });

  it("read what peft itself writes", () => {
    const written: unknown = JSON.parse(readFileSync(join(fixturesFolder, "peft", "adapter_config.json"), "utf8"));
    expect(fromPeftConfig(written, "x").rank).toBeGreaterThan(0);
  });

  it("scale by alpha/r or alpha/√r", () => {
    expect(adapterScale({ ...settings, scaling: "standard" })).toBe(2);
    expect(adapterScale(settings)).toBe(4);
  });

  it.each([
    ["use_dora", true],
    ["bias", "all"],
    ["rank_pattern", { "layers.0.q_proj": 2 }],
    ["alpha_pattern", { q_proj: 2 }],
    ["modules_to_save", ["lm_head"]],
    ["layers_to_transform", [1]],
    ["lora_bias", true],
    ["fan_in_fan_out", true],
    ["init_lora_weights", "pissa_niter_4"],
  ])("refuse %s", (key, value) => {
    expect(() => fromPeftConfig({ ...toPeftConfig(settings, "base"), [key]: value }, "a/adapter_config.json")).toThrow(
      new RegExp(`a/adapter_config\\.json uses what this engine does not run \\(${key} = `),
    );
  });

  it("refuse another kind of adapter, and a rank out of range", () => {
    expect(() => fromPeftConfig({ ...toPeftConfig(settings, "b"), peft_type: "IA3" }, "x")).toThrow(/peft_type LORA/);
    expect(() => fromPeftConfig({ ...toPeftConfig(settings, "b"), r: 0 }, "x")).toThrow(
      /^A setting of x can't be used: r: expected a whole number from 1 to 256 but received 0\.$/,
    );
    expect(() => fromPeftConfig({ ...toPeftConfig(settings, "b"), lora_dropout: 1, lora_alpha: "8" }, "x")).toThrow(
      /lora_alpha: expected a number but received "8"; lora_dropout: expected a number from 0 to under 1 but received 1/,
    );
    expect(() => fromPeftConfig({}, "x")).toThrow(/does not describe a LoRA adapter/);
  });
});
