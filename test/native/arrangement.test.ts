// How a batch is arranged (company, threads, chunks, shared prefixes, drafts) changes no answer: through the binding, on the backend that ships.
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openModel } from "../../src/models/resolve.js";
import { loadAddon } from "../../src/native/addon.js";
import type {
  DraftMode,
  GenerateOptions,
  GenerateRequest,
  GenerateResult,
  NativeAdapter,
  NativeModel,
} from "../../src/native/types.js";
import { fixturesFolder } from "../shared-folder.js";
import { tinyChat } from "../tiny-chat.js";
import { options, wrong } from "./tiny-engine.js";

async function loadTiny(name: string, threads: number): Promise<NativeModel> {
  const { spec, files, weights } = await openModel(join(fixturesFolder, "tiny", name));
  return loadAddon().loadModel({ spec, files, weights, backend: "cpu", threads, weightFormat: "native" });
}

const trunk = Array.from({ length: 80 }, (_, i) => 3 + ((i * i + 7 * i) % 90));

/** Prompts that share beginnings of several lengths, and two samples of each. */
function relatives(longest: number): GenerateRequest[] {
  return [0, 1, 20, 32, 45, 64, 79].flatMap((common, row) =>
    [0, 1].map((sample) => {
      const tokens = Int32Array.of(...trunk.slice(0, common), 5 + row, 9 + row).slice(-longest);
      return { id: `row ${row}`, tokens, sample, maxNewTokens: 14 + row, minNewTokens: row };
    }),
  );
}

/** Draws from its seed alone, penalised, ended by some tokens. */
const drawn = (change: Partial<GenerateOptions>): GenerateOptions =>
  options({
    ...{ temperature: 0.9, topP: 0.95, repetitionPenalty: 1.2, endTokens: Int32Array.of(7, 11, 40), seed: 5 },
    ...{ maxSequences: 64, rowsPerStep: 256 },
    ...change,
  });

function attachAdapter(model: NativeModel): NativeAdapter {
  const adapter = model.createAdapter({ rank: 2, scale: 2, targets: ["q_proj", "v_proj", "down_proj"] });
  for (const [t, { name, rows, columns }] of adapter.tensors().entries())
    adapter.set(
      name,
      Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i + t) / 3),
    );
  return adapter;
}

describe.each(["qwen2-untied", "dynamic", "yarn"])("%s", (name) => {
  const requests = relatives(name === "dynamic" ? 40 : 80);

  it.each([false, true])("answers alike however it is arranged (adapter: %s)", async (adapted) => {
    using first = await loadTiny(name, 1);
    const alone = drawn({ adapter: adapted ? attachAdapter(first) : null, drafts: "off", prefixes: "apart" });
    const expected: GenerateResult[] = [];
    for (const one of requests) expected.push(...(await first.generate([one], alone, null)));
    const drafting = requests.map((one, row) => ({
      ...one,
      draft: row % 3 === 2 ? Int32Array.from(trunk.slice(row)) : (expected[row]?.tokens ?? new Int32Array()),
    }));
    for (const threads of [1, 2, 3]) {
      using model = await loadTiny(name, threads);
      const adapter = adapted ? attachAdapter(model) : null;
      for (const change of [
        {},
        { drafts: "off", prefixes: "apart" },
        { drafts: "on" },
        { drafts: "on", maxSequences: 3, rowsPerStep: 13, cacheBytes: 0 },
      ] as const) {
        let drafted = 0;
        const results = await model.generate(drafting, drawn({ adapter, ...change }), (progress) => {
          drafted = progress.drafted;
        });
        expect(results).toEqual(expected);
        if (change.drafts === "on") expect(drafted).toBeGreaterThan(0);
        if (change.drafts === "off") expect(drafted).toBe(0);
      }
    }
  });
});

it.each([1, 2, 3])("drafts beside integer products and answers alike (threads: %s)", async (threads) => {
  const { spec, files, weights } = await openModel(tinyChat);
  using model = await loadAddon().loadModel({
    ...{ spec, files, weights },
    ...{ backend: "cpu", threads, weightFormat: "q8" },
  });
  const requests = relatives(80).map((one) => ({ ...one, maxNewTokens: 40 }));
  const answers = async (drafts: DraftMode, penalty: number): Promise<[GenerateResult[], number]> => {
    let accepted = 0;
    const greedy = options({ compute: "int", drafts, repetitionPenalty: penalty, maxSequences: 4, rowsPerStep: 64 });
    const results = await model.generate(requests, greedy, (progress) => {
      accepted = progress.accepted;
    });
    return [results, accepted];
  };
  for (const penalty of [1, 1.2]) {
    const [plain] = await answers("off", penalty);
    for (const drafts of ["auto", "on"] as const) {
      const [drafted, accepted] = await answers(drafts, penalty);
      expect(drafted).toEqual(plain);
      if (penalty === 1) expect(accepted).toBeGreaterThan(10); // they go in circles
    }
  }
});

it("ends a drafted answer at a stop string, with nothing after it", async () => {
  using model = await loadTiny("qwen2-untied", 1);
  const letters = Uint8Array.from({ length: 96 }, (_, i) => 97 + (i % 26));
  model.setVocabulary(
    letters,
    Int32Array.from({ length: 97 }, (_, i) => i),
  );
  const request = { id: "a", tokens: Int32Array.of(5, 6, 7), sample: 0, maxNewTokens: 30, minNewTokens: 0 };
  const [free] = await model.generate([request], options(), null);
  const text = String.fromCharCode(...[...(free?.tokens ?? [])].map((token) => letters[token] ?? 0));
  const stop = options({ stopStrings: [text.slice(5, 9)], drafts: "on" });
  const [plain] = await model.generate([request], stop, null);
  expect(plain?.finish).toBe("stop");
  const streamed: number[] = [];
  const [drafted] = await model.generate([{ ...request, draft: free?.tokens ?? new Int32Array() }], stop, (progress) =>
    streamed.push(...progress.tokens),
  );
  expect(drafted).toEqual(plain);
  expect(streamed).toEqual([...(plain?.tokens ?? [])]);
});

it("refuses a draft of another vocabulary, and an unknown mode", async () => {
  using model = await loadTiny("qwen2-untied", 1);
  const request = { id: "a", tokens: Int32Array.of(5), sample: 0, maxNewTokens: 3, minNewTokens: 0 };
  await expect(model.generate([{ ...request, draft: Int32Array.of(96) }], options(), null)).rejects.toThrow(
    /the draft of row a/,
  );
  await expect(model.generate([request], options({ drafts: wrong("maybe") }), null)).rejects.toThrow(
    /one of auto off on for options.drafts but received "maybe"/,
  );
});
