// pass@k: the chance that at least one of k samples is right (Chen et al. 2021, "Evaluating Large Language Models Trained on Code").

/** The unbiased estimate 1 − C(n − c, k) / C(n, k) from c right ones of n samples of one problem. */
export function passAtK(n: number, correct: number, k: number): number {
  if (!(Number.isInteger(k) && k >= 1 && k <= n && correct >= 0 && correct <= n))
    throw new RangeError(
      `Expected 1 ≤ k ≤ n and 0 ≤ correct ≤ n but received k = ${k}, n = ${n}, correct = ${correct}.`,
    );
  if (n - correct < k) return 1;
  let allWrong = 1;
  for (let i = n - correct + 1; i <= n; ++i) allWrong *= 1 - k / i;
  return 1 - allWrong;
}
