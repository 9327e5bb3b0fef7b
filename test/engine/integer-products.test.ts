import { describe, expect, it } from "vitest";
import { engineSetting, openEngine } from "../../src/engine/engine.js";
import { expectIntegerProducts } from "../../src/engine/integer-products.js";
import { openModel } from "../../src/models/resolve.js";
import { tinyChat } from "../tiny-chat.js";

const rows = [{ id: "a", tokens: [5, 6, 7], from: 1 }];

describe("expectIntegerProducts", () => {
  it.each(["native", "f32", "bf16", "q8", "q4"] as const)(
    "says of %s weights what the engine would say once they are loaded",
    async (weights) => {
      const model = await openModel(tinyChat);
      const options = { device: "cpu", weights, compute: "int" } as const;
      const before = await messageOf(async () => expectIntegerProducts(model, engineSetting(options)));
      using engine = await openEngine(model, options);
      expect(before).toBe(await messageOf(() => engine.score(rows)));
      expect(before === "").toBe(weights.startsWith("q"));
    },
  );

  it("asks nothing of weights that are multiplied in floats", async () => {
    const model = await openModel(tinyChat);
    expectIntegerProducts(model, engineSetting({ device: "cpu", weights: "f32", compute: "f32" }));
  });
});

async function messageOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "";
  } catch (error) {
    // Which of the weights is named first depends on the order in which they are looked at.
    return error instanceof Error ? error.message.replace(/model\.\S+/, "…") : String(error);
  }
}
