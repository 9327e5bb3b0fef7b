import { describe, expect, it } from "vitest";
import { type ShiftDocument, shiftText } from "../../../src/cli/work/shift-text.js";

const nothing = { reference: null, predictions: null, adapter: null, model: null, data: null } as const;
const document: ShiftDocument = {
  ...nothing,
  metrics: [{ task: "shift", metric: "kl", value: 5.4315e-6, n: 8, low: 2.975e-6, high: 0.0123456 }],
  ...{ verdicts: null, gap: null, matrices: null },
};

describe("shiftText", () => {
  it("never writes a small divergence as zero", () => {
    const text = shiftText(document);
    expect(text).toContain("0.00000543");
    expect(text).toContain("0.00000297 to 0.0123");
    expect(text).not.toContain("0.0000 ");
  });
});
