import { expect, it } from "vitest";
import { machineNameOf } from "../../src/bench/machine.js";

const processorInfo = (family: number, model: number) =>
  `processor\t: 0\ncpu family\t: ${family}\nmodel\t\t: ${model}\nmodel name\t: some\n\nprocessor\t: 1\n`;

it("tells processors of two generations apart that a virtual machine names alike", () => {
  expect(machineNameOf("AMD EPYC", processorInfo(25, 1), 2)).toBe("amd-epyc-family-25-model-1-2-cores");
  expect(machineNameOf("AMD EPYC", processorInfo(25, 17), 2)).toBe("amd-epyc-family-25-model-17-2-cores");
});

it("leaves marks and the word CPU out of a name", () => {
  const model = "Intel(R) Xeon(R) CPU @ 2.50GHz";
  expect(machineNameOf(model, processorInfo(6, 85), 4)).toBe("intel-xeon-2.50ghz-family-6-model-85-4-cores");
});

it("names a processor without family numbers by its words alone", () => {
  expect(machineNameOf("Apple M2", "", 8)).toBe("apple-m2-8-cores");
});
