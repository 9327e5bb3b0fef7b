import { describe, expect, it } from "vitest";
import { formatByteSize, parseByteSize } from "../../src/base/byte-size.js";

describe("byte sizes", () => {
  it("are read with decimal and binary units", () => {
    expect(parseByteSize("800MB", "x")).toBe(800_000_000);
    expect(parseByteSize("1.5 GiB", "x")).toBe(1.5 * 2 ** 30);
    expect(parseByteSize("2g", "x")).toBe(2 ** 31);
    expect(parseByteSize("4096", "x")).toBe(4096);
  });

  it.each(["", "MB", "-1GB", "1 parsec", "0", "1e3", "0.1B"])("refuse %j", (text) => {
    expect(() => parseByteSize(text, "--memory-budget")).toThrow(/for --memory-budget but received/);
  });

  it("are written so that they can be compared", () => {
    expect(formatByteSize(739 * 2 ** 20)).toBe("739 MiB");
    expect(formatByteSize(1.5 * 2 ** 30)).toBe("1.5 GiB");
    expect(formatByteSize(2 ** 19)).toBe("0.5 MiB");
  });
});
