// Whole data sets: files of every format, dataset_info.json, ids, samples and what is said of bad ones.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { TextExample } from "../../src/data/example.js";
import { loadDataset } from "../../src/data/load-dataset.js";
import { sharedPath } from "../shared-folder.js";

const folder = mkdtempSync(join(tmpdir(), "sdft-data-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function texts(data: string): Promise<TextExample[]> {
  const { examples } = await loadDataset({ data });
  return examples.filter((example): example is TextExample => example.kind === "text");
}

describe("shapes told from the columns", () => {
  it("reads alpaca rows and appends the input after a line feed", async () => {
    const path = file(
      "alpaca.json",
      JSON.stringify([
        { instruction: "Add.", input: "1 2", output: "3", history: [["a", "b"]], system: "S" },
        { instruction: "Hi", input: "", output: "Ho", history: [], system: "" },
      ]),
    );
    expect(await texts(path)).toMatchObject([
      { id: "0", instruction: "Add.\n1 2", response: "3", history: [{ user: "a", assistant: "b" }], system: "S" },
      { id: "1", instruction: "Hi", response: "Ho", history: [], system: null },
    ]);
  });

  it("reads sharegpt and role/content messages alike", async () => {
    const sharegpt = file(
      "sharegpt.jsonl",
      `${JSON.stringify({
        id: "x",
        conversations: [
          { from: "system", value: "S" },
          { from: "human", value: "a" },
          { from: "gpt", value: "b" },
          { from: "human", value: "c" },
          { from: "gpt", value: "d" },
        ],
      })}\n`,
    );
    const messages = file(
      "messages.jsonl",
      `${JSON.stringify({
        id: "x",
        messages: [
          { role: "system", content: "S" },
          { role: "user", content: "a" },
          { role: "assistant", content: "b" },
          { role: "user", content: "c" },
          { role: "assistant", content: "d" },
        ],
      })}\n`,
    );
    const expected = {
      id: "x",
      instruction: "c",
      response: "d",
      history: [{ user: "a", assistant: "b" }],
      system: "S",
    };
    expect(await texts(sharegpt)).toMatchObject([expected]);
    expect(await texts(messages)).toMatchObject([expected]);
  });

  it("reads prompt and completion out of CSV with a byte order mark", async () => {
    const path = file("pairs.csv", '\uFEFFprompt,completion\n"a, b","c\nd"\ne,f\n');
    expect(await texts(path)).toMatchObject([
      { id: "0", instruction: "a, b", response: "c\nd" },
      { id: "1", instruction: "e", response: "f" },
    ]);
  });

  it("reads rows tokenised elsewhere", async () => {
    const path = file(
      "tokens.jsonl",
      '{"input_ids":[1,2,3],"labels":[-100,2,3]}\n{"id":7,"input_ids":[4],"labels":[4]}\n',
    );
    const { examples } = await loadDataset({ data: path });
    expect(examples).toEqual([
      { kind: "tokens", id: "0", tokens: [1, 2, 3], labels: [-100, 2, 3] },
      { kind: "tokens", id: "7", tokens: [4], labels: [4] },
    ]);
  });

  it("reads a .json file of one object a line", async () => {
    expect(await texts(file("lines.json", '{"prompt":"a"}\n{"prompt":"b"}\n'))).toMatchObject([
      { response: null },
      { instruction: "b" },
    ]);
  });
});

describe("bad rows", () => {
  it.each<[string, string, RegExp]>([
    [
      "missing.json",
      '[\n {"instruction":"a","output":"b"},\n {"instruction":"a"}\n]',
      /missing\.json, row 2, line 3: expected the column "output", but it has only instruction/,
    ],
    [
      "null.jsonl",
      '{"prompt":"a","completion":"b"}\n\n{"prompt":null,"completion":"b"}\n',
      /null\.jsonl, row 2, line 3: expected the column "prompt", but it is null/,
    ],
    [
      "kind.jsonl",
      '{"prompt":["a"],"completion":"b"}\n',
      /row 1, line 1: expected a string in the column "prompt" but found an array/,
    ],
    [
      "syntax.jsonl",
      '{"prompt":"a"}\n{"prompt":}\n',
      /syntax\.jsonl, line 2, column 11: not valid JSON: expected a value but found "}"/,
    ],
    ["syntax.json", '[\n {"prompt":"a"},\n {"prompt" "b"}\n]', /line 3, column 12: expected ":" but found "\\""/],
    ["empty.json", "[]", /empty\.json has no rows/],
    ["nothing.jsonl", "", /nothing\.jsonl is empty/],
    ["header.csv", "prompt,completion\n", /header\.csv has no rows/],
    [
      "ragged.csv",
      'prompt,completion\n"a\nb",c\nd\n',
      /ragged\.csv, line 4: expected 2 values \(prompt, completion\) but found 1/,
    ],
    ["quote.csv", 'prompt,completion\n"a,b\n', /quote\.csv, line \d: not valid CSV/],
    [
      "ids.jsonl",
      '{"id":"a","prompt":"x"}\n{"prompt":"y"}\n{"id":"a","prompt":"z"}\n',
      /The id "a" stands twice: at .*row 1, line 1 and at .*row 3, line 3/,
    ],
    ["index.jsonl", '{"id":1,"prompt":"x"}\n{"prompt":"y"}\n', /The id "1" stands twice/],
    ["columns.jsonl", '{"text":"x"}\n', /has the columns text; expected instruction and output/],
    [
      "roles.jsonl",
      '{"messages":[{"role":"user","content":"x"},{"role":"tool","content":"y"}]}\n',
      /message 2: the role "tool" belongs to calls of tools/,
    ],
    ["turns.jsonl", '{"messages":[{"role":"assistant","content":"x"}]}\n', /expected user and assistant to take turns/],
    ["tools.jsonl", '{"messages":[{"role":"user","content":"x"}],"tools":"[{}]"}\n', /describes tools/],
    ["labels.jsonl", '{"input_ids":[1,2],"labels":[1]}\n', /labels has 1 entries where input_ids has 2/],
    ["ids-kind.jsonl", '{"input_ids":[1,-2]}\n', /expected a list of token ids in the column "input_ids"/],
    ["data.txt", "x", /ends in \.txt; known endings are/],
  ])("%s", async (name, content, message) => {
    const loading = loadDataset({ data: file(name, content) });
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toMatchObject({ exitStatus: 2 });
  });

  it("names what it looked for where there is nothing", async () => {
    await expect(loadDataset({ data: "no-such-data" })).rejects.toThrow(/found nothing called no-such-data/);
  });

  it("refuses text that is not UTF-8 and names the line", async () => {
    const path = join(folder, "latin1.jsonl");
    writeFileSync(path, Buffer.from('{"prompt":"a"}\n{"prompt":"caf\xe9"}\n', "latin1"));
    await expect(loadDataset({ data: path })).rejects.toThrow(/latin1\.jsonl is not UTF-8 \(line 2\)/);
  });
});

describe("dataset_info.json", () => {
  it("maps columns, tags and sample sizes", async () => {
    file(
      "chat.json",
      JSON.stringify(
        [1, 2, 3].map((n) => ({
          talk: [
            { who: "u", what: `q${n}` },
            { who: "a", what: `r${n}` },
          ],
        })),
      ),
    );
    file(
      "dataset_info.json",
      JSON.stringify({
        chat: {
          file_name: "chat.json",
          formatting: "sharegpt",
          num_samples: 2,
          columns: { messages: "talk" },
          tags: { role_tag: "who", content_tag: "what", user_tag: "u", assistant_tag: "a" },
        },
        bare: { file_name: "bare.json", columns: { prompt: "q" } },
        preferences: { file_name: "chat.json", ranking: true },
        gone: { file_name: "gone.json" },
      }),
    );
    file("bare.json", '[{"q":"only a question"}]');
    const { examples, source } = await loadDataset({ data: "chat", datasetDir: folder });
    expect(examples.length).toBe(2);
    expect(source).toMatchObject({ name: "chat", file: join(folder, "chat.json") });
    expect(source.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect((await loadDataset({ data: "bare", datasetDir: folder })).examples).toMatchObject([
      { instruction: "only a question", response: null },
    ]);
    await expect(loadDataset({ data: "preferences", datasetDir: folder })).rejects.toThrow(/ranking/);
    await expect(loadDataset({ data: "gone", datasetDir: folder })).rejects.toThrow(/there is no such file/);
    await expect(loadDataset({ data: "other", datasetDir: folder })).rejects.toThrow(
      /names chat, bare, preferences, gone/,
    );
  });
});

describe("samples", () => {
  const path = () =>
    file("hundred.jsonl", Array.from({ length: 100 }, (_, i) => `${JSON.stringify({ prompt: `p${i}` })}\n`).join(""));

  it("are nested in one seeded order and differ between seeds", async () => {
    const ids = async (maxSamples: number, seed: number) =>
      (await loadDataset({ data: path(), maxSamples, seed })).examples.map(({ id }) => id);
    const ten = await ids(10, 1);
    expect((await ids(40, 1)).slice(0, 10)).toEqual(ten);
    expect(new Set(ten).size).toBe(10);
    expect(await ids(10, 2)).not.toEqual(ten);
  });

  it("are the first of the file without shuffle, and the whole file in its order without a limit", async () => {
    const first = await loadDataset({ data: path(), maxSamples: 3, shuffle: false });
    expect(first.examples.map(({ id }) => id)).toEqual(["0", "1", "2"]);
    const all = await loadDataset({ data: path() });
    expect(all.examples.map(({ id }) => Number(id))).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });
});

const shared = sharedPath("data");
describe.skipIf(shared === null)("the paper's data sets", () => {
  it.each([
    ["gsm8k_train", 7473],
    ["gsm8k_test", 1319],
    ["multiarith_test", 180],
    ["openfunction_train", 2211],
    ["openfunction_test", 112],
    ["alpaca_train", 2000],
    ["dolly_train", 2000],
    ["lima_train", 1029],
    ["advbench", 520],
    ["alpaca_eval", 805],
  ])("%s has %i examples", async (data, count) => {
    const { examples } = await loadDataset({ data, datasetDir: shared ?? "" });
    expect(examples.length).toBe(count);
    for (const example of examples) {
      if (example.kind !== "text") throw new Error("expected texts");
      expect(example.instruction).not.toBe("");
      expect(example.response).not.toBeNull();
    }
  });

  it("lima_train has conversations of several turns", async () => {
    const { examples } = await loadDataset({ data: "lima_train", datasetDir: shared ?? "" });
    const turns = examples.filter((example) => example.kind === "text" && example.history.length > 0);
    expect(turns.length).toBeGreaterThan(10);
  });
});
