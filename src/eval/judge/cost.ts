// What judging will take, said before it starts.
import { answerTokens } from "./endpoint.js";
import type { JudgePrice } from "./settings.js";

export interface JudgeCost {
  readonly calls: number;
  /** Estimated: one token for four characters, as English texts have it. */
  readonly promptTokens: number;
  /** The most that answers may have. */
  readonly completionTokens: number;
  /** Dollars at most; null where no price is known. */
  readonly price: number | null;
}

const charactersPerToken = 4;

export function estimateCost(questions: readonly string[], price: JudgePrice | null): JudgeCost {
  const promptTokens = questions.reduce((sum, question) => sum + Math.ceil(question.length / charactersPerToken), 0);
  const completionTokens = questions.length * answerTokens;
  const dollars =
    price === null ? null : (promptTokens * price.prompt + completionTokens * price.completion) / 1_000_000;
  return { calls: questions.length, promptTokens, completionTokens, price: dollars };
}

/** `Judging by M: 20 calls, about 12,000 prompt tokens (4 characters each) and at most 10,240 completion tokens, at most $0.13.` */
export function costSentence(model: string, cost: JudgeCost): string {
  const number = (value: number): string => value.toLocaleString("en-US");
  const price = cost.price === null ? "price not told (--judge-price)" : `at most $${cost.price.toFixed(2)}`;
  return `Judging by ${model}: ${number(cost.calls)} calls, about ${number(cost.promptTokens)} prompt tokens (${charactersPerToken} characters each) and at most ${number(cost.completionTokens)} completion tokens, ${price}.`;
}
