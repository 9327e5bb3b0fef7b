// The sandboxes that work on this machine, with limits that let a test be quick. Where none does, the tests skip and say why.
import { findSandbox, sandboxMethods } from "../../../src/eval/sandbox/find-sandbox.js";
import { defaultLimits, type Limits } from "../../../src/eval/sandbox/limits.js";
import type { Sandbox } from "../../../src/eval/sandbox/sandbox.js";

export const quickLimits: Limits = { ...defaultLimits, seconds: 3, temporaryBytes: 4 * 2 ** 20 };

export async function workingSandboxes(limits: Limits = quickLimits): Promise<Sandbox[]> {
  const found: Sandbox[] = [];
  for (const method of sandboxMethods) {
    const { sandbox, refusals } = await findSandbox({ limits, methods: [method] });
    if (sandbox !== null) found.push(sandbox);
    for (const { reason } of refusals) console.warn(`skipped: no sandbox by ${method} here: ${reason}`);
  }
  return found;
}
