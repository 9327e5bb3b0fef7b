// From the judge's choices to a win rate: a tie is half a win, both orders of a pair are averaged, pairs without a readable answer don't count.
import { pairedBootstrap, wilsonInterval } from "../../metrics/statistics.js";
import type { MetricValue } from "../../tasks/score.js";
import type { Choice } from "./prompt.js";

export type Order = "model_first" | "baseline_first";

/** A question about one pair, and what came of it. */
export interface Judged {
  readonly order: Order;
  readonly choice: Choice;
}

/** 1 where the model wins, 0 where the baseline does, between them for ties and orders that disagree; null where nothing can be read. */
export function pairScore(judged: readonly Judged[]): number | null {
  const scores = judged.flatMap(({ order, choice }) => {
    if (choice === null) return [];
    if (choice === "tie") return [0.5];
    return [(choice === "first") === (order === "model_first") ? 1 : 0];
  });
  return scores.length === 0 ? null : scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/** The mean over pairs with its bootstrapped 95 % interval (10,000 draws of pairs, seed 0); none without a pair.
 * Draws of pairs that all went one way are all alike and would claim certainty: there it is Wilson's. */
export function winRate(scores: readonly (number | null)[]): MetricValue[] {
  const values = scores.filter((score) => score !== null);
  if (values.length === 0) return [];
  const { difference, low, high } = pairedBootstrap(
    values.map(() => 0),
    values,
    { seed: 0 },
  );
  const n = values.length;
  const interval = low < high ? { low, high } : wilsonInterval(difference * n, n);
  return [{ metric: "win_rate", value: difference, n, ...interval }];
}
