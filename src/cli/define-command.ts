// One shape for every command: its name, options and work, run inside the common frame (run-command.ts).
import type { ArgumentsCamelCase, Argv, CommandModule, InferredOptionTypes, Options } from "yargs";
import { commonOptions } from "./options.js";
import { type CommandContext, runCommand } from "./run-command.js";

type OptionTable = Record<string, Options>;
/** Options by their camel-case names. */
type Values<Table extends OptionTable> = ArgumentsCamelCase<
  InferredOptionTypes<typeof commonOptions> & InferredOptionTypes<Table>
>;

type OnInterrupt = "save" | "end";

export interface Positional {
  readonly describe: string;
  readonly array?: boolean;
}

export interface CommandDefinition<Table extends OptionTable> {
  /** `train`, `report <folder>`, `run <experiment> [overrides..]`. */
  readonly command: string;
  readonly describe: string;
  readonly positionals?: Readonly<Record<string, Positional>>;
  readonly options: Table;
  readonly examples?: readonly (readonly [string, string])[];
  /** `end`: there is no state to save, Ctrl-C ends it at once. `save` where left out. */
  readonly onInterrupt?: OnInterrupt | ((args: Values<Table>) => OnInterrupt);
  readonly run: (args: Values<Table> & { readonly positionals: Positionals }, context: CommandContext) => Promise<void>;
}

/** Values of the positional arguments by name. */
export interface Positionals {
  text(name: string): string | null;
  list(name: string): readonly string[];
}

export function defineCommand<const Table extends OptionTable>(definition: CommandDefinition<Table>): CommandModule {
  const builder = (parser: Argv): Argv => {
    let argv: Argv = parser.options(withValues(commonOptions)).options(withValues(definition.options));
    for (const [name, { describe, array }] of Object.entries(definition.positionals ?? {})) {
      argv = argv.positional(name, { type: "string", describe, ...(array === true ? { array: true } : {}) });
    }
    for (const [line, what] of definition.examples ?? []) argv = argv.example(`$0 ${line}`, what);
    return argv.check((args) => checkValues(args, { ...commonOptions, ...definition.options }));
  };
  return {
    command: definition.command,
    describe: definition.describe,
    builder,
    handler: async (args) => {
      const given = args as unknown as Values<Table>;
      const { json, verbose } = given;
      const { onInterrupt: wish = "save" } = definition;
      const onInterrupt = typeof wish === "function" ? wish(given) : wish;
      await runCommand({ json, verbose, onInterrupt }, (context) =>
        definition.run({ ...given, positionals: readPositionals(args) }, context),
      );
    },
  };
}

/** yargs would take an option that ends without its value as one that was not given. */
function withValues(table: OptionTable): OptionTable {
  return Object.fromEntries(
    Object.entries(table).map(([name, option]) => [
      name,
      option.type === "boolean" ? option : { ...option, requiresArg: true },
    ]),
  );
}

/** An option given twice, a number that is none, a seed that can't be one. */
function checkValues(args: Readonly<Record<string, unknown>>, table: OptionTable): true {
  for (const [name, option] of Object.entries(table)) {
    const value = args[name];
    if (Array.isArray(value) && option.array !== true)
      throw new Error(`--${name} was given ${value.length} times; give it once.`);
    if (option.type === "number" && value !== undefined && !Number.isFinite(value))
      throw new Error(`Expected a number after --${name}.`);
  }
  const { seed } = args;
  if (seed !== undefined && !(Number.isSafeInteger(seed) && Number(seed) >= 0))
    throw new Error(`Expected a whole number from 0 to 2^53 − 1 after --seed but received ${seed}.`);
  return true;
}

function readPositionals(args: Readonly<Record<string, unknown>>): Positionals {
  return {
    text: (name) => (typeof args[name] === "string" ? args[name] : null),
    list: (name) => {
      const value = args[name];
      return Array.isArray(value) ? value.map(String) : [];
    },
  };
}
