import { describe, expect, it } from "vitest";
import { readCardOptions } from "../../bench/card-options.js";

describe("the options of bench:cuda", () => {
  it("are all there without any", () => {
    expect(readCardOptions([])).toMatchObject({ device: "cuda", rounds: 3, weights: "bf16", quick: false });
  });

  it.each([
    [["--part", "training", "--part", "foo"], /--part to be one of training, decoding, kernels but received foo/],
    [["--shape", "9B"], /--shape to be one of 135M, 1B, 7B but received 9B/],
    [["--rounds", "abc"], /--rounds to be a whole number of at least 1 but received abc/],
    [["--rounds", "0"], /--rounds to be a whole number/],
    [["--teraflops=-1"], /--teraflops to be a number over 0 but received -1/],
    [["--nope"], /--nope/],
  ])("%j are refused as bad input", (args, message) => {
    expect(() => readCardOptions(args)).toThrow(
      expect.objectContaining({ exitStatus: 2, message: expect.stringMatching(message) }),
    );
  });
});
