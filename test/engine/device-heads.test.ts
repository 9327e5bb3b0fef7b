import { describe, expect, it } from "vitest";
import { expectHeadsFit } from "../../src/engine/device-heads.js";

describe("expectHeadsFit", () => {
  it("takes the largest heads and groups that the kernels take", () => {
    expectHeadsFit({ headSize: 256, queryHeads: 64, kvHeads: 1 }, "cuda");
    expectHeadsFit({ headSize: 512, queryHeads: 256, kvHeads: 1 }, "cpu");
  });

  it.each([
    [{ headSize: 320, queryHeads: 8, kvHeads: 8 }, /heads of 320 and 1 query heads to one: use --device cpu/],
    [{ headSize: 64, queryHeads: 130, kvHeads: 2 }, /heads of 64 and 65 query heads to one: use --device cpu/],
  ])("refuses %o on cuda", (heads, message) => {
    expect(() => expectHeadsFit(heads, "cuda")).toThrow(message);
  });
});
