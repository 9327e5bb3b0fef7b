import { defineConfig } from "vitest/config";

// The tests against peft, apart from the others because they need torch.
// biome-ignore lint/style/noDefaultExport: vitest reads the default export
export default defineConfig({
  test: { include: ["test/interop/**/*.test.ts"], testTimeout: 300_000, pool: "forks", maxWorkers: 1 },
});
