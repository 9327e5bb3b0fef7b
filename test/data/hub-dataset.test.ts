// Data sets of the hub: which files are taken, and loading them from a hub on the loopback.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { chooseFiles } from "../../src/data/hub-dataset.js";
import { loadDataset } from "../../src/data/load-dataset.js";
import { fileFolder } from "../formats/file-folder.js";
import { type HubContent, type LoopbackHub, startLoopbackHub } from "../loopback-hub.js";
import { fixturesFolder } from "../shared-folder.js";

describe("chooseFiles", () => {
  const choose = (names: string[], subset: string | null = null, split: string | null = null) =>
    chooseFiles(names, { subset, split });

  it("takes the split's files of the best format, shards in order", () => {
    const names = [
      "README.md",
      "data/train-00001-of-00002.parquet",
      "data/train-00000-of-00002.parquet",
      "data/test-00000-of-00001.parquet",
      "train.csv",
    ];
    expect(choose(names)).toEqual(["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]);
    expect(choose(names, null, "test")).toEqual(["data/test-00000-of-00001.parquet"]);
    expect(choose(names, null, "validation")).toEqual([]);
  });

  it("keeps to a subset's folder", () => {
    const names = ["main/train-00000-of-00001.parquet", "socratic/train-00000-of-00001.parquet", "dataset_infos.json"];
    expect(choose(names, "main")).toEqual(["main/train-00000-of-00001.parquet"]);
    expect(choose(names, "other")).toEqual([]);
  });

  it("takes a lone file without a split's name as the train split only", () => {
    expect(choose(["alpaca_data.json"])).toEqual(["alpaca_data.json"]);
    expect(choose(["alpaca_data.json"], null, "test")).toEqual([]);
    expect(choose(["train.jsonl", "extra.jsonl"])).toEqual(["train.jsonl"]);
  });
});

describe("a data set of the hub", () => {
  const folder = fileFolder();
  let hub: LoopbackHub | null = null;
  beforeEach(() => {
    vi.stubEnv("HF_HOME", join(folder.path, "huggingface"));
    for (const name of ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "HF_TOKEN"])
      vi.stubEnv(name, undefined);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await hub?.close();
    hub = null;
  });

  async function serve(files: HubContent): Promise<void> {
    hub = await startLoopbackHub(files);
    vi.stubEnv("HF_ENDPOINT", hub.url);
  }

  it("is fetched, read and found in the cache", async () => {
    const parquet = readFileSync(join(fixturesFolder, "parquet", "rows.parquet"));
    await serve({
      "datasets/owner/rows": { "main/train-00000-of-00001.parquet": parquet, "main/test-00000-of-00001.parquet": "x" },
    });
    const { examples, source } = await loadDataset({ data: "owner/rows", subset: "main" });
    expect(examples).toMatchObject([{ id: "10", instruction: "Add.\n1 2" }, { id: "11" }, { id: "12" }]);
    expect(source.name).toBe("owner/rows");
    const before = hub?.requests.length;
    await loadDataset({ data: "owner/rows", subset: "main" });
    expect(hub?.requests.length).toBe(before);
  });

  it("can be named by a dataset_info.json, and a row be converted", async () => {
    await serve({ "datasets/owner/talks": { "talks.jsonl": '{"pair":["q","r"]}\n' } });
    folder.write(
      "dataset_info.json",
      JSON.stringify({ talks: { hf_hub_url: "owner/talks", columns: { prompt: "a", response: "b" } } }),
    );
    const convert = ({ pair }: Readonly<Record<string, unknown>>) =>
      Array.isArray(pair) ? { a: pair[0], b: pair[1] } : {};
    const { examples } = await loadDataset({ data: "talks", datasetDir: folder.path, convert });
    expect(examples).toMatchObject([{ instruction: "q", response: "r" }]);
  });

  it("says which files there are where the split is missing, and where to put them without a hub", async () => {
    await serve({ "datasets/owner/other": { "test.csv": "a\n1\n" } });
    await expect(loadDataset({ data: "owner/other" })).rejects.toThrow(
      /no data file for split train; its data files are test\.csv/,
    );
    vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:9");
    await expect(loadDataset({ data: "owner/gone" })).rejects.toThrow(
      /Fetch it elsewhere \(.*\/datasets\/owner\/gone, split train\) and give the file's path, or put it under its name there into .*datasets--owner--gone/,
    );
  });
});
