// What the benches make of their programs' lines: medians, spreads and ratios. The figures themselves are never asserted.
import { describe, expect, it } from "vitest";
import { parseMeasurements } from "../../bench/peer.js";
import { type Measurement, ratioRow, summarise } from "../../src/bench/measurement.js";

const origin = { date: "2026-01-01T00:00:00Z", commit: "abc", machine: "two-cores", case: "example" };

function measurement(system: string, value: number, metric = "training"): Measurement {
  return { system, metric, unit: "tokens/s", value, details: {} };
}

describe("parseMeasurements", () => {
  it("reads the lines that a program prints", () => {
    const lines = [measurement("sdft", 1), measurement("peer", 2)].map((line) => `${JSON.stringify(line)}\n`).join("");
    expect(parseMeasurements(lines).map(({ value }) => value)).toEqual([1, 2]);
  });

  it("refuses anything else", () => {
    expect(() => parseMeasurements("warming up\n")).toThrow();
    expect(() =>
      parseMeasurements('{"system":"sdft","metric":"training","unit":"tokens/s","value":null,"details":{}}'),
    ).toThrow();
  });
});

describe("summarise", () => {
  it("makes a row of each system and metric, in the order they came", () => {
    const runs = [measurement("sdft", 3), measurement("peer", 9), measurement("sdft", 1), measurement("sdft", 8)];
    const rows = summarise(origin, [...runs, measurement("sdft", 5, "peak memory")]);
    expect(rows.map(({ system, metric }) => [system, metric])).toEqual([
      ["sdft", "training"],
      ["peer", "training"],
      ["sdft", "peak memory"],
    ]);
    expect(rows[0]).toEqual({
      ...origin,
      system: "sdft",
      metric: "training",
      unit: "tokens/s",
      median: 3,
      low: 1,
      high: 8,
      n: 3,
    });
  });

  it("takes the mean of the middle two of an even number of runs", () => {
    const [row] = summarise(origin, [
      measurement("sdft", 1),
      measurement("sdft", 10),
      measurement("sdft", 2),
      measurement("sdft", 5),
    ]);
    expect(row).toMatchObject({ median: 3.5, low: 1, high: 10, n: 4 });
  });
});

describe("ratioRow", () => {
  it("divides the medians, and names the widest that the runs allow", () => {
    const rows = summarise(
      origin,
      [6, 8, 10].map((v) => measurement("sdft", v)).concat([2, 4].map((v) => measurement("peer", v))),
    );
    const [ours, theirs] = rows;
    if (ours === undefined || theirs === undefined) throw new Error("two rows expected");
    expect(ratioRow(ours, theirs, "training")).toEqual({
      ...{ ...origin, system: "sdft / peer", metric: "training", unit: "ratio" },
      ...{ median: 2.667, low: 1.5, high: 5, n: 2 },
    });
  });
});
