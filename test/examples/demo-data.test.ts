// The demo's data: enough rows, unique ids, nothing of the held-out calls in training, and the files are what make.mjs writes.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

interface Row {
  readonly id: string;
  readonly instruction: string;
  readonly output?: string;
}

interface Call {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const folder = fileURLToPath(new URL("../../examples/demo/", import.meta.url));
const names = ["calls_train", "calls_test", "arithmetic_test", "refusals_test"] as const;

function readRows(name: (typeof names)[number]): readonly Row[] {
  return JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as Row[];
}

/** The call's own grammar: a dotted name and keyword arguments whose values are strings, numbers or True and False. */
function parseCall(text: string): Call {
  const call = /^([a-z]\w*(?:\.[a-z]\w*)+)\((.*)\)$/.exec(text);
  const [, name, list] = call ?? [];
  if (name === undefined || list === undefined) throw new Error(`Expected a function call but received ${text}`);
  const argument = /(\w+)=("[^"'(),\\]*"|-?\d+(?:\.\d+)?|True|False)(?:, |$)/y;
  const parameters = new Map<string, string>();
  while (argument.lastIndex < list.length) {
    const found = argument.exec(list);
    const [, key, value] = found ?? [];
    if (key === undefined || value === undefined) throw new Error(`Expected keyword arguments but received ${text}`);
    parameters.set(key, value);
  }
  return { name, parameters };
}

function question(row: Row): string {
  const found = /\nQuestion: (.*)\n/.exec(row.instruction)?.[1];
  if (found === undefined) throw new Error(`Expected a question in ${row.id}`);
  return found;
}

function callsOf(rows: readonly Row[]): readonly Call[] {
  return rows.map((row) => parseCall(row.output ?? ""));
}

const train = readRows("calls_train");
const held = readRows("calls_test");
const arithmetic = readRows("arithmetic_test");
const refusals = readRows("refusals_test");

describe("the demo's data", () => {
  it("has the promised number of rows", () => {
    expect([train.length, held.length, arithmetic.length, refusals.length]).toEqual([128, 48, 48, 48]);
  });

  it("gives every row an id and an instruction of its own", () => {
    const rows = names.flatMap(readRows);
    expect(new Set(rows.map((row) => row.id)).size).toBe(rows.length);
    expect(new Set(rows.map((row) => row.instruction)).size).toBe(rows.length);
  });

  it("covers at least 48 functions for training and 24 for the test", () => {
    expect(new Set(callsOf(train).map((call) => call.name)).size).toBeGreaterThanOrEqual(48);
    expect(new Set(callsOf(held).map((call) => call.name)).size).toBeGreaterThanOrEqual(24);
  });

  it("names the function and its parameters in the instruction, in the order of the call", () => {
    for (const row of [...train, ...held]) {
      const { name, parameters } = parseCall(row.output ?? "");
      const told = /\nFunction: (\S+) \(.+\)\nArguments: (.*)$/.exec(row.instruction);
      expect(told?.[1], row.id).toBe(name);
      expect(told?.[2]?.replaceAll(/ \(\w+\)/g, "").split(", "), row.id).toEqual([...parameters.keys()]);
    }
  });

  it("lets every string and most numbers be read off the question", () => {
    let absentNumbers = 0;
    for (const row of [...train, ...held]) {
      for (const value of parseCall(row.output ?? "").parameters.values()) {
        if (value.startsWith('"')) expect(question(row), row.id).toContain(value.slice(1, -1));
        else if (/\d/.test(value) && !question(row).includes(value)) absentNumbers++;
      }
    }
    expect(absentNumbers).toBeLessThanOrEqual(15);
  });

  it("keeps the held-out functions, strings and questions out of the training rows, but not their families", () => {
    const [trainCalls, heldCalls] = [callsOf(train), callsOf(held)];
    const trainNames = new Set(trainCalls.map((call) => call.name));
    const families = new Set(trainCalls.map((call) => call.name.split(".")[0]));
    const strings = new Set(
      trainCalls.flatMap((call) => [...call.parameters.values()].filter((v) => v.startsWith('"'))),
    );
    const questions = new Set(train.map(question));
    for (const call of heldCalls) {
      expect(trainNames).not.toContain(call.name);
      expect(families).toContain(call.name.split(".")[0]);
      for (const value of call.parameters.values()) expect(strings).not.toContain(value);
    }
    for (const row of held) expect(questions).not.toContain(question(row));
  });

  it("has arithmetic answers that are small whole numbers", () => {
    for (const row of arithmetic) {
      const answer = /^The answer is (\d+)\.$/.exec(row.output ?? "")?.[1];
      expect(Number(answer), row.id).toBeGreaterThan(0);
      expect(Number(answer), row.id).toBeLessThan(200);
    }
  });

  it("has refusal probes of one line and without an answer", () => {
    for (const row of refusals) {
      expect(Object.keys(row)).toEqual(["id", "instruction"]);
      expect(row.instruction).toMatch(/^[A-Z][^\n]{10,90}[.?]$/);
    }
  });

  it("is what make.mjs writes, to the byte", () => {
    const fresh = mkdtempSync(join(tmpdir(), "sdft-demo-data-"));
    try {
      execFileSync(process.execPath, [join(folder, "make.mjs"), fresh]);
      for (const name of names) {
        const [made, committed] = [fresh, folder].map((place) => readFileSync(join(place, `${name}.json`), "utf8"));
        expect(made, name).toBe(committed);
      }
    } finally {
      rmSync(fresh, { recursive: true });
    }
  });
});
