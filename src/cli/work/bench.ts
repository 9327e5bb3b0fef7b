// The work of `sdft bench`.
import { InputError } from "../../base/error.js";
import { sdftVersion } from "../../base/version.js";
import { type CaseName, cases } from "../../bench/cases.js";
import { measureInTurn } from "../../bench/contestant.js";
import { machineName } from "../../bench/machine.js";
import { describeRows, type Row, summarise } from "../../bench/measurement.js";
import { engineSetting } from "../../engine/engine.js";
import { expectIntegerProducts } from "../../engine/integer-products.js";
import { openPackage } from "../../experiment/session.js";
import { DEFAULT_MODEL } from "../../models/aliases.js";
import { checkMaxSamples } from "../arguments.js";
import type { CommandContext } from "../run-command.js";
import type { ModelArgs } from "./model.js";

export interface BenchArgs extends ModelArgs {
  readonly out?: string | undefined;
  readonly case?: readonly CaseName[] | undefined;
  readonly rounds: number;
  readonly data?: string | undefined;
  readonly maxSamples?: number | undefined;
  readonly profile: boolean;
}

/** Scaling takes many minutes, so that it has to be asked for. */
const defaultCases: readonly CaseName[] = ["kernels", "train", "generate", "decode-one", "start"];

export async function runBench(args: BenchArgs, { terminal, signal }: CommandContext): Promise<void> {
  expectWhole("rounds", args.rounds, 1);
  expectWhole("threads", args.threads ?? 0, 0);
  if (args.device !== "auto" && args.device !== "cpu")
    throw new InputError(
      "device",
      `This bench measures the cpu: leave out --device ${args.device}; npm run bench:cuda measures a card.`,
    );
  refuseUnused(args);
  const { weights, compute, threads = 0, profile } = args;
  // Here, and not by the first process that measures.
  const setting = engineSetting({ device: "cpu", threads, weights, compute });
  const model = await openPackage(args.model ?? DEFAULT_MODEL, terminal);
  expectIntegerProducts(model, setting);
  const context = {
    model,
    data: args.data ?? null,
    most: checkMaxSamples(args.maxSamples) ?? Number.POSITIVE_INFINITY,
    choice: { weights, compute, threads, profile },
    say: (line: string) => terminal.note(line),
  };
  const rows: Row[] = [];
  for (const name of args.case ?? defaultCases) {
    const contestants = await cases[name].contestants(context);
    const measured = await measureInTurn(contestants, { rounds: args.rounds, say: context.say, signal });
    const date = `${new Date().toISOString().slice(0, 19)}Z`;
    const origin = { date, commit: `sdft ${sdftVersion()}`, machine: machineName(), case: name };
    rows.push(...summarise(origin, measured));
  }
  terminal.result(rows, describeRows(rows).join("\n"));
}

/** What a person would expect to be heeded, but no measurement goes by. */
function refuseUnused({ out, adapter, memoryBudget }: BenchArgs): void {
  const given = Object.entries({ "--out": out, "--adapter": adapter, "--memory-budget": memoryBudget });
  const unused = given.flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (unused.length === 0) return;
  throw new InputError(
    "usage",
    `bench takes no ${unused.join(" and no ")}: it measures fixed work and prints what it found (--json for rows).`,
  );
}

function expectWhole(name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new InputError(name, `Expected --${name} to be a whole number from ${least} on but received ${value}.`);
}
