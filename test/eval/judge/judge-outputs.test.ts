import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type JudgeRow, judgeOutputs } from "../../../src/eval/judge/judge-outputs.js";
import { type JudgeSettings, readJudgeSettings } from "../../../src/eval/judge/settings.js";
import { startStandInJudge } from "../../../src/eval/judge/stand-in.js";
import { pairScore } from "../../../src/eval/judge/win-rate.js";
import { type JudgeReply, type JudgeRequest, type JudgeServer, says, startJudgeServer } from "../../judge-server.js";
import { temporaryFolder } from "../../temporary-folder.js";

const folder = temporaryFolder();
const rows: JudgeRow[] = ["a", "b", "c", "d"].map((id) => ({
  id,
  instruction: `Question ${id}?`,
  output: `model's ${id}`,
  baseline: `baseline's ${id}`,
}));

let server: JudgeServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function serve(reply: (request: JudgeRequest, number: number) => JudgeReply | Promise<JudgeReply>) {
  server = await startJudgeServer(reply);
  return server;
}

async function settingsFor(endpoint: string, changes: Partial<JudgeSettings> = {}): Promise<JudgeSettings> {
  const settings = await readJudgeSettings({ endpoint, model: "judge-1", both_orders: true });
  return { ...settings, pauseSeconds: 0, ...changes };
}

/** The model's answer is better, wherever it stands. */
const fair = ({ question }: JudgeRequest): JudgeReply =>
  says(`I compared.\nVERDICT: ${question.indexOf("model's") < question.indexOf("baseline's") ? "FIRST" : "SECOND"}`);

describe("judgeOutputs", () => {
  it("asks in both orders and finds the same winner in both", async () => {
    const { endpoint, requests } = await serve(fair);
    const place = join(folder, "both");
    const { verdicts, unparsed } = await judgeOutputs(rows, { settings: await settingsFor(endpoint), folder: place });
    expect(verdicts.map((each) => each.map(({ order, choice }) => `${order} ${choice}`))).toEqual(
      rows.map(() => ["model_first first", "baseline_first second"]),
    );
    expect(verdicts.map(pairScore)).toEqual([1, 1, 1, 1]);
    expect(unparsed).toEqual([]);
    expect(requests).toHaveLength(8);
    expect(requests[0]).toMatchObject({ path: "/v1/chat/completions", model: "judge-1", authorization: undefined });
    expect(requests.every(({ question }) => /Question [a-d]\?/.test(question))).toBe(true);
    const lines = readFileSync(join(place, "judgements.jsonl"), "utf8").trim().split("\n");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ id: "a", choice: "first", prompt_tokens: 11 });
  });

  it("shows a judge that always prefers the first answer as a draw", async () => {
    const { endpoint } = await serve(() => says("VERDICT: FIRST"));
    const { verdicts } = await judgeOutputs(rows, { settings: await settingsFor(endpoint), folder: null });
    expect(verdicts.map(pairScore)).toEqual([0.5, 0.5, 0.5, 0.5]);
  });

  it("asks once for each pair in an order drawn by its id, where one order is enough", async () => {
    const { endpoint, requests } = await serve(fair);
    const settings = await settingsFor(endpoint, { bothOrders: false });
    const many = Array.from({ length: 40 }, (_, index) => ({ ...rows[0], id: `${index}`, instruction: `${index}?` }));
    const { verdicts } = await judgeOutputs(many as JudgeRow[], { settings, folder: null });
    expect(requests).toHaveLength(40);
    expect(verdicts.map(pairScore)).toEqual(many.map(() => 1));
    const first = verdicts.filter(([one]) => one?.order === "model_first").length;
    expect(first).toBeGreaterThan(10);
    expect(first).toBeLessThan(30);
  });

  it("asks nothing twice", async () => {
    const { endpoint, requests } = await serve(fair);
    const place = join(folder, "twice");
    const settings = await settingsFor(endpoint);
    const before = await judgeOutputs(rows.slice(0, 2), { settings, folder: place });
    expect(requests).toHaveLength(4);
    const after = await judgeOutputs(rows, { settings, folder: place });
    expect(requests).toHaveLength(8);
    expect(after.verdicts.slice(0, 2)).toEqual(before.verdicts);
    // Another judge, or another output, is another question.
    await judgeOutputs(rows, { settings: { ...settings, model: "judge-2" }, folder: place });
    expect(requests).toHaveLength(16);
    const changed = rows.map((row) => (row.id === "a" ? { ...row, output: "better" } : row));
    await judgeOutputs(changed, { settings: { ...settings, model: "judge-2" }, folder: place });
    expect(requests).toHaveLength(18);
  });

  it("comes back after 429, 503 and nonsense on the way, and keeps to the concurrency", async () => {
    const { endpoint, requests, mostAtOnce } = await serve((request, number) => {
      if (number === 0) return { status: 429, headers: { "retry-after": "0" }, body: "slow down" };
      if (number === 2) return { status: 503, body: "<html>gone</html>" };
      return fair(request);
    });
    const settings = await settingsFor(endpoint, { concurrency: 2 });
    const { verdicts } = await judgeOutputs(rows, { settings, folder: null });
    expect(verdicts.map(pairScore)).toEqual([1, 1, 1, 1]);
    expect(requests).toHaveLength(10);
    expect(mostAtOnce()).toBeLessThanOrEqual(2);
  });

  it("counts answers that state no verdict, names their rows, and goes on", async () => {
    const { endpoint } = await serve((request) => {
      if (request.question.includes("Question b?")) return says("I like both, hard to say.");
      if (request.question.includes("Question c?")) return { body: "<html>welcome</html>" };
      return fair(request);
    });
    const { verdicts, unparsed } = await judgeOutputs(rows, { settings: await settingsFor(endpoint), folder: null });
    expect(verdicts.map(pairScore)).toEqual([1, null, null, 1]);
    expect(unparsed).toEqual(["b (model_first)", "b (baseline_first)", "c (model_first)", "c (baseline_first)"]);
  });

  it("ends with the row's name after a judge that stays away, and loses nothing", async () => {
    let broken = true;
    const { endpoint, requests } = await serve((request) =>
      broken && request.question.includes("Question d?") ? { status: 500, body: "down" } : fair(request),
    );
    const place = join(folder, "resumed");
    const settings = await settingsFor(endpoint, { concurrency: 1, attempts: 3 });
    await expect(judgeOutputs(rows, { settings, folder: place })).rejects.toThrow(
      /judge-1 at http.* answered with status 500 \(down\), asked about row d\. Answers so far are kept/,
    );
    expect(requests).toHaveLength(9);
    broken = false;
    expect((await judgeOutputs(rows, { settings, folder: place })).verdicts.map(pairScore)).toEqual([1, 1, 1, 1]);
    expect(requests).toHaveLength(11);
  });

  it("says so where the judge gives no answer in time", async () => {
    const { endpoint } = await serve(() => ({ answer: "never" }));
    const settings = await settingsFor(endpoint, { attempts: 2, timeoutSeconds: 0.05, concurrency: 1 });
    await expect(judgeOutputs(rows, { settings, folder: null })).rejects.toThrow(/gave no answer in 0.05 s.* row a/);
  });

  it("asks again where the judge gave no answer in time", async () => {
    const { endpoint } = await serve((request, number) => (number === 0 ? { answer: "never" } : fair(request)));
    // However busy the machine is, one of so many attempts is answered in time.
    const settings = await settingsFor(endpoint, { attempts: 1000, timeoutSeconds: 0.2, concurrency: 1 });
    const { verdicts } = await judgeOutputs(rows.slice(0, 1), { settings, folder: null });
    expect(verdicts.map(pairScore)).toEqual([1]);
  });

  it("says so where nobody listens", async () => {
    const gone = await startJudgeServer(fair);
    await gone.close();
    const settings = await settingsFor(gone.endpoint, { attempts: 2 });
    await expect(judgeOutputs(rows, { settings, folder: null })).rejects.toThrow(/can't be reached .*row a/);
  });

  it("asks no second time where it is refused, and never shows the key", async () => {
    process.env.SDFT_TEST_JUDGE_KEY = "secret-key";
    const { endpoint, requests } = await serve((request, number) =>
      number === 0 ? fair(request) : { status: 401, body: `bad ${request.authorization}` },
    );
    const settings = await settingsFor(endpoint, { keyEnv: "SDFT_TEST_JUDGE_KEY", concurrency: 1 });
    const place = join(folder, "refused");
    const failure = await judgeOutputs(rows, { settings, folder: place }).catch((error: Error) => error.message);
    expect(failure).toMatch(/status 401 \(bad Bearer \*\*\*\)/);
    expect(requests.map(({ authorization }) => authorization)).toEqual(["Bearer secret-key", "Bearer secret-key"]);
    expect(readFileSync(join(place, "judgements.partial.jsonl"), "utf8")).not.toMatch(/secret-key/);
    delete process.env.SDFT_TEST_JUDGE_KEY;
  });

  it("neither follows the judge elsewhere with the key nor asks it again", async () => {
    const elsewhere = await startJudgeServer(fair);
    const location = `${elsewhere.endpoint}/chat/completions`;
    const { endpoint, requests } = await serve(() => ({ status: 307, headers: { location } }));
    const settings = await settingsFor(endpoint, { attempts: 6, concurrency: 1 });
    await expect(judgeOutputs(rows, { settings, folder: null })).rejects.toThrow(
      `sends questions on to ${location} (status 307), which is not followed: name the final address, asked about row a`,
    );
    expect([requests.length, elsewhere.requests.length]).toEqual([1, 0]);
    await elsewhere.close();
  });

  it("stops on request and goes on later", async () => {
    const stop = new AbortController();
    const { endpoint, requests } = await serve((request, number) => {
      if (number === 3) stop.abort();
      return fair(request);
    });
    const place = join(folder, "stopped");
    const settings = await settingsFor(endpoint, { concurrency: 1 });
    const cut = judgeOutputs(rows, { settings, folder: place, signal: stop.signal });
    await expect(cut).rejects.toMatchObject({ code: "interrupted" });
    expect(requests).toHaveLength(4);
    await judgeOutputs(rows, { settings, folder: place });
    expect(requests.length).toBeLessThanOrEqual(9);
  });

  it("says what it will take before it starts", async () => {
    const notes: string[] = [];
    const { endpoint, requests } = await serve(fair);
    const reporter = {
      progress: () => {},
      finish: () => {},
      warn: () => {},
      note: (sentence: string) => notes.push(`${requests.length} asked: ${sentence}`),
    };
    const price = { prompt: 2, completion: 8 };
    const settings = await settingsFor(endpoint, { price });
    const { cost } = await judgeOutputs(rows, { settings, folder: null, reporter });
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(
      /^0 asked: Judging by judge-1: 8 calls, about [\d,]+ prompt tokens \(4 characters each\) and at most 4,096 completion tokens, at most \$0\.0\d\.$/,
    );
    expect(cost.price).toBeCloseTo((cost.promptTokens * 2 + 8 * 512 * 8) / 1e6, 12);
  });
});

describe("the stand-in judge", () => {
  it("prefers the longer answer in both orders and is on loopback", async () => {
    const { endpoint, close } = await startStandInJudge();
    expect(new URL(endpoint).hostname).toBe("127.0.0.1");
    const three = [
      { ...rows[0], id: "long", output: "a long answer" },
      { ...rows[0], id: "short", output: "a" },
      { ...rows[0], id: "same", output: "baseline's b" },
    ] as JudgeRow[];
    const { verdicts } = await judgeOutputs(three, { settings: await settingsFor(endpoint), folder: null });
    expect(verdicts.map(pairScore)).toEqual([1, 0, 0.5]);
    await close();
  });
});

describe("readJudgeSettings", () => {
  const wish = { endpoint: "https://api.example.com/v1/", model: "m" };

  it("has defaults, and takes a prompt from a file", async () => {
    expect(await readJudgeSettings(wish)).toMatchObject({
      endpoint: "https://api.example.com/v1",
      bothOrders: false,
      concurrency: 4,
      price: null,
    });
    mkdirSync(join(folder, "prompts"));
    const path = join(folder, "prompts", "mine.txt");
    writeFileSync(path, "{instruction} {first} {second} VERDICT");
    expect((await readJudgeSettings({ ...wish, prompt: path, price: "2.5,10" })).price).toEqual({
      prompt: 2.5,
      completion: 10,
    });
    writeFileSync(path, "{instruction} {first}");
    await expect(readJudgeSettings({ ...wish, prompt: path })).rejects.toThrow(/\{second\}, VERDICT are missing/);
    await expect(readJudgeSettings({ ...wish, prompt: join(folder, "none") })).rejects.toThrow(
      /Expected a prompt for the judge at .*no such file/,
    );
  });

  it.each([
    [{ endpoint: "api.example.com" }, /such as https:\/\/api\.example\.com\/v1/],
    [{ endpoint: "ftp://x" }, /judge's address/],
    [{ price: "2.5" }, /such as 2\.5,10, but received 2\.5/],
    [{ price: "2.5," }, /such as 2\.5,10/],
    [{ key_env: "SDFT_TEST_NO_SUCH_KEY" }, /SDFT_TEST_NO_SUCH_KEY but it is not set/],
  ])("refuses %j", async (changes, message) => {
    await expect(readJudgeSettings({ ...wish, ...changes })).rejects.toThrow(message);
  });

  it("does not repeat a name or key that stands in the address", async () => {
    const failure = await readJudgeSettings({ ...wish, endpoint: "https://me:secret@x/v1" }).catch(String);
    expect(failure).not.toMatch(/secret/);
  });
});
