// Writes the demo's data sets beside itself from the hand-written texts in texts/. Deterministic: the same texts give the same bytes.
// `node examples/demo/make.mjs` writes here; `node examples/demo/make.mjs FOLDER` writes into FOLDER.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const seed = 20240621;
const folder = fileURLToPath(new URL(".", import.meta.url));

/** The random numbers of one data set: mulberry32 started from the seed and the data set's name. */
function randomSource(name) {
  let state = seed;
  for (const character of name) state = (Math.imul(state, 31) + character.codePointAt(0)) >>> 0;
  return function below(limit) {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return Math.floor((((word ^ (word >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

function shuffled(values, below) {
  const result = [...values];
  for (let last = result.length - 1; last > 0; last--) {
    const other = below(last + 1);
    [result[last], result[other]] = [result[other], result[last]];
  }
  return result;
}

/** Deals a list's values in a shuffled order, and starts over when all were dealt: values are spread evenly. */
function dealer(values, below) {
  let cards = [];
  return function deal(taken) {
    if (cards.every((card) => taken.includes(card))) cards = shuffled(values, below);
    const position = cards.findIndex((card) => !taken.includes(card));
    if (position < 0) throw new Error(`Expected a value that is not among ${taken} but the list has only ${values}`);
    return cards.splice(position, 1)[0];
  };
}

function typeName(values) {
  if (values.every((value) => typeof value === "boolean")) return "boolean";
  if (values.every((value) => Number.isInteger(value))) return "integer";
  return values.every((value) => typeof value === "number") ? "number" : "string";
}

/** A value as it stands in a call: Python's way, strings in double quotes. */
function literal(value) {
  if (typeof value === "string") return `"${value}"`;
  if (typeof value === "boolean") return value ? "True" : "False";
  return String(value);
}

function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (mark, name) => {
    if (!(name in values)) throw new Error(`Expected a value for ${mark} in "${template}"`);
    return String(values[name]);
  });
}

/** One row for every question of every function: the question and the function in, the call out. */
function makeCalls(texts, idPrefix, below) {
  const sharedDealers = Object.fromEntries(
    Object.entries(texts.lists).map(([name, values]) => [name, dealer(values, below)]),
  );
  const rows = texts.functions.flatMap((entry) => {
    const parameters = Object.entries(entry.parameters).map(([name, values]) => ({
      name,
      type: typeName(typeof values === "string" ? texts.lists[values] : values),
      deal: typeof values === "string" ? sharedDealers[values] : dealer(values, below),
    }));
    const told = parameters.map(({ name, type }) => `${name} (${type})`).join(", ");
    return entry.questions.map((question) => {
      const [template, fixed] = typeof question === "string" ? [question, {}] : question;
      const values = { ...fixed };
      for (const { name, deal } of parameters) if (!(name in values)) values[name] = deal(Object.values(values));
      const call = `${entry.name}(${parameters.map(({ name }) => `${name}=${literal(values[name])}`).join(", ")})`;
      return {
        instruction: `Choose the arguments of the function call that answers the question.\n\nQuestion: ${fill(template, values)}\nFunction: ${entry.name} (${entry.does})\nArguments: ${told}`,
        output: call,
      };
    });
  });
  return numbered(shuffled(rows, below), idPrefix);
}

/** Applies a formula such as "a * b + c" from left to right. */
function evaluate(formula, values) {
  const [first, ...rest] = formula
    .split(" ")
    .map((word) => (/^\d+$/.test(word) ? Number(word) : (values[word] ?? word)));
  let result = first;
  for (let i = 0; i < rest.length; i += 2) {
    const operand = rest[i + 1];
    if (rest[i] === "+") result += operand;
    else if (rest[i] === "-") result -= operand;
    else if (rest[i] === "*") result *= operand;
    else throw new Error(`Expected +, - or * in the formula "${formula}" but found ${rest[i]}`);
  }
  return result;
}

/** Two rows for every problem, with different numbers. */
function makeArithmetic(texts, below) {
  const rows = texts.flatMap(({ question, answer, ...ranges }) => {
    const questions = new Map();
    while (questions.size < 2) {
      const values = {};
      for (const [name, [low, high]] of Object.entries(ranges)) values[name] = low + below(high - low + 1);
      questions.set(fill(question, values), evaluate(answer, values));
    }
    return [...questions].map(([instruction, result]) => ({ instruction, output: `The answer is ${result}.` }));
  });
  return numbered(shuffled(rows, below), "arithmetic");
}

function numbered(rows, prefix) {
  return rows.map((row, index) => ({ id: `${prefix}-${String(index + 1).padStart(4, "0")}`, ...row }));
}

function readTexts(name) {
  return JSON.parse(readFileSync(join(folder, "texts", `${name}.json`), "utf8"));
}

const dataSets = {
  calls_train: (below) => makeCalls(readTexts("functions_train"), "call", below),
  calls_test: (below) => makeCalls(readTexts("functions_test"), "call-test", below),
  arithmetic_test: (below) => makeArithmetic(readTexts("arithmetic"), below),
  refusals_test: () =>
    numbered(
      readTexts("refusals").map((instruction) => ({ instruction })),
      "refusal",
    ),
};

const outputFolder = process.argv[2] ?? folder;
mkdirSync(outputFolder, { recursive: true });
for (const [name, make] of Object.entries(dataSets)) {
  const rows = make(randomSource(name));
  writeFileSync(join(outputFolder, `${name}.json`), `${JSON.stringify(rows, null, 2)}\n`);
  console.log(`${name}.json: ${rows.length} rows`);
}
