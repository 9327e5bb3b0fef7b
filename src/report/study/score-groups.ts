// Scores put together: one row of a table for each training (whatever its seeds), one value for each of its tasks and metrics.
import type { ScoreKey, ScoreRow } from "../../eval/prediction.js";
import { variantTitles } from "../wording.js";
import { datasetTitle } from "./metric-wording.js";

/** What makes one training another, its random seed aside. */
export type TrainingKey = Pick<
  ScoreKey,
  "variant" | "dataset" | "template" | "distill_template" | "mix_ratio" | "samples" | "rank"
>;

/** All scores of one training. */
export interface ScoreGroup {
  readonly id: string;
  readonly key: TrainingKey;
  readonly scores: readonly ScoreRow[];
}

/** The same text for the same training under another seed. The seed model is one, whatever it was compared with. */
export function trainingId(key: TrainingKey): string {
  const { variant, dataset, template, distill_template, mix_ratio, samples, rank } = key;
  if (variant === "seed") return "seed";
  return JSON.stringify([variant, dataset, template, distill_template, mix_ratio, samples, rank]);
}

/**
 * Groups in the order of tables: the seed, then by data set, sample size, rank, method and template. A training in `expected` has a
 * group even if it has no score.
 */
export function groupScores(scores: readonly ScoreRow[], expected: readonly TrainingKey[] = []): ScoreGroup[] {
  const groups = new Map<string, { key: TrainingKey; scores: ScoreRow[] }>();
  for (const key of [...scores, ...expected]) {
    const id = trainingId(key);
    if (!groups.has(id)) groups.set(id, { key, scores: [] });
  }
  for (const score of scores) groups.get(trainingId(score))?.scores.push(score);
  const datasets = [...new Set([...scores, ...expected].map((key) => key.dataset ?? ""))];
  const place = ({ key }: { key: TrainingKey }) => [
    key.variant === "seed" ? 0 : 1,
    datasets.indexOf(key.dataset ?? ""),
    key.samples ?? 0,
    key.rank ?? 0,
    key.variant === "vanilla" ? 0 : 1,
    key.distill_template ?? "",
    key.mix_ratio ?? 1,
  ];
  return [...groups].map(([id, group]) => ({ id, ...group })).sort((a, b) => compareLists(place(a), place(b)));
}

/** The keys by which a table's trainings differ, in the order in which they are shown. */
export type VaryingKey = "dataset" | "samples" | "rank" | "template" | "distill_template" | "mix_ratio";

export const keyTitles: Readonly<Record<VaryingKey, string>> = {
  dataset: "Trained on",
  samples: "Samples",
  rank: "LoRA rank",
  template: "Template",
  distill_template: "Distilled with",
  mix_ratio: "Mix ratio",
};

/** What the data set alone decides (its template, its size) tells nothing that the data set's name doesn't. */
export function varyingKeys(keys: readonly TrainingKey[]): VaryingKey[] {
  const trained = keys.filter((key) => key.variant !== "seed");
  const all = Object.keys(keyTitles).filter((name): name is VaryingKey => Object.hasOwn(keyTitles, name));
  const several = (some: readonly TrainingKey[], name: VaryingKey): boolean =>
    new Set(some.map((key) => key[name]).filter((value) => value !== null)).size > 1;
  const datasets = [...new Set(trained.map((key) => key.dataset))];
  return all.filter((name) =>
    name === "dataset"
      ? several(trained, name)
      : datasets.some((dataset) =>
          several(
            trained.filter((key) => key.dataset === dataset),
            name,
          ),
        ),
  );
}

/** What stands in the column of a key; `–` where it does not apply. */
export function keyText(key: TrainingKey, name: VaryingKey): string {
  if (key.variant === "seed") return "–";
  if (name === "mix_ratio") return String(mixRatio(key));
  const value = key[name];
  if (value === null) return "–";
  return name === "dataset" ? datasetTitle(String(value)) : String(value);
}

/** Share of rewrites in the training data: none for vanilla fine-tuning. */
export function mixRatio(key: TrainingKey): number {
  return key.variant === "vanilla" ? 0 : (key.mix_ratio ?? 1);
}

/** `vanilla fine-tuning, GSM8K, samples 256`: the training by what sets it apart from the others. */
export function trainingTitle(key: TrainingKey, varying: readonly VaryingKey[]): string {
  return [variantTitles[key.variant], ...distinctions(key, varying)].join(", ");
}

/** `GSM8K`, `samples 256`: the keys that set a training apart, those that don't apply left out. */
export function distinctions(key: TrainingKey, varying: readonly VaryingKey[]): string[] {
  if (key.variant === "seed") return [];
  return varying
    .filter((name) => key[name] !== null)
    .map((name) => {
      const text = keyText(key, name);
      return name === "dataset" ? text : `${keyTitles[name].toLowerCase()} ${text}`;
    });
}

function compareLists(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? value;
    if (value !== other) return value < other ? -1 : 1;
  }
  return 0;
}
