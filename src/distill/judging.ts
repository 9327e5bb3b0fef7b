// Judging while attempts still come: which rows need another one, and which rewrites must be scored before the rules can speak.

import type { TextExample } from "../data/example.js";
import type { Task } from "../tasks/task.js";
import { type Choice, type Evidence, evidenceNeeds } from "./evidence.js";
import type { Answer, LogprobStore } from "./gather-logprobs.js";
import { bindRules, type RuleSetting, ruleSettings } from "./rules/registry.js";
import { createJudge, type Filter, type Judge, type Rewrite } from "./select.js";

export interface JudgingJob {
  readonly task: Task | null;
  readonly rules: readonly RuleSetting[];
  readonly choose?: Choice;
}

export class Judging {
  /** For select. */
  readonly filter: Filter;
  private readonly judge: Judge;
  /** By the rules that need no log-probability. */
  private readonly judgeText: Judge;
  private readonly needsOriginal: boolean;

  /** `store` is null where nothing goes by log-probabilities. */
  constructor(
    job: JudgingJob,
    evidence: Evidence,
    private readonly store: LogprobStore | null,
  ) {
    const { task, rules, choose = "first" } = job;
    const bound = bindRules(rules);
    const textRules = ruleSettings(bound.filter(({ needs }) => !needs.includes("logprob")));
    this.filter = { task, rules, choose, evidence };
    this.judge = createJudge(this.filter);
    this.judgeText = createJudge({ task, rules: textRules, evidence });
    this.needsOriginal = evidenceNeeds(bound, choose).has("original-logprob");
  }

  /** Scores what passes all other rules, and is not scored yet. */
  async gather(
    examples: readonly TextExample[],
    rewritesOf: (example: TextExample) => readonly Rewrite[],
  ): Promise<void> {
    if (this.store === null) return;
    const answers = examples.flatMap((example): Answer[] => {
      const passed = rewritesOf(example).filter((rewrite) => this.judgeText(example, rewrite) === null);
      if (passed.length === 0) return [];
      const original: Answer = { example, sample: "original", text: example.response ?? "" };
      const rewrites = passed.map(({ sample, text }): Answer => ({ example, sample, text }));
      return this.needsOriginal ? [original, ...rewrites] : rewrites;
    });
    await this.store.gather(answers);
  }

  hasAccepted(example: TextExample, rewrites: readonly Rewrite[]): boolean {
    return rewrites.some((rewrite) => this.judge(example, rewrite) === null);
  }
}
