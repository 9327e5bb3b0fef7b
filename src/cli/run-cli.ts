// The command line as a whole: strict, both --learning-rate and --learning_rate, usage errors with exit status 2.
import { SdftError } from "../base/error.js";
import { suggestion } from "../base/suggestion.js";
import { sdftVersion } from "../base/version.js";
import { commands } from "./commands.js";
import {
  commonOptions,
  dataOptions,
  distillOptions,
  filterOptions,
  profileOptions,
  samplingOptions,
  trainingOptions,
} from "./options.js";
import { asksForOverview, overview } from "./overview.js";

/** Parses and runs; sets process.exitCode. */
export async function runCli(args: readonly string[]): Promise<void> {
  if (asksForOverview(args)) {
    process.stdout.write(overview(process.stdout.columns ?? 120));
    return;
  }
  const { default: yargs } = await import("yargs");
  const parser = yargs(args.map(withDashes))
    .scriptName("sdft")
    .locale("en") // the messages that usageMessage reads
    .usage("$0 <command> [options]")
    .command([...commands])
    .demandCommand(1, "Name a command.")
    .recommendCommands()
    .strict()
    .parserConfiguration({ "greedy-arrays": false, "parse-positional-numbers": false })
    .version(sdftVersion())
    .help()
    .alias("help", "h")
    .wrap(Math.min(120, process.stderr.columns ?? 120))
    .exitProcess(false)
    .fail((message, error) => {
      throw error instanceof SdftError ? error : new UsageError(message ?? error.message);
    });
  try {
    refuseEmptyValues(args);
    await parser.parseAsync();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(
      `Error: ${asSentence(usageMessage(error.message, args))} See "sdft --help", or "sdft <command> --help".\n`,
    );
    process.exitCode = 2;
  }
}

class UsageError extends Error {}

/** A variable of the shell that is not set gives an empty value, and yargs would take it as the number 0. */
function refuseEmptyValues(args: readonly string[]): void {
  for (const [i, argument] of args.entries()) {
    const name = argument === "" ? args[i - 1] : argument.endsWith("=") ? argument.slice(0, -1) : undefined;
    if (name !== undefined && /^--[^=]+$/.test(name)) throw new UsageError(`Expected a value after ${name}.`);
  }
}

/** `--learning_rate=1` → `--learning-rate=1`; values are left alone. */
function withDashes(argument: string): string {
  if (!argument.startsWith("--")) return argument;
  const [name = "", ...rest] = argument.split("=");
  return [name.replaceAll("_", "-"), ...rest].join("=");
}

/** yargs only counts the words; we show the one that is missing. */
function missingWord(args: readonly string[]): string | null {
  const shapes = commands.map(({ command }) => String(command));
  const shape = shapes.find((candidate) => args.includes(candidate.split(" ")[0] ?? ""));
  const word = shape === undefined ? null : /<[^>]+>/.exec(shape)?.[0];
  return word === null || word === undefined ? null : `Expected "sdft ${shape}", but ${word} is missing.`;
}

/** yargs names an unknown option in both spellings; we name it once, with the nearest one that exists. */
function usageMessage(message: string, args: readonly string[]): string {
  if (message.startsWith("Not enough non-option arguments")) return missingWord(args) ?? message;
  const withoutValue = /^Not enough arguments following: (\S+)$/.exec(message)?.[1];
  if (withoutValue !== undefined) return `Expected a value after --${withDash(withoutValue)}.`;
  const choice = /^Invalid values:\s+Argument: (\S+), Given: (.*), Choices: (.*)/.exec(message); // the first of several
  if (choice !== null) {
    const [, name = "", given = "", choices = ""] = choice;
    return `Expected one of ${choices.trim().replaceAll('"', "")} after --${withDash(name)} but received ${given.replaceAll('"', "")}.`;
  }
  const unknown = /^Unknown arguments?: (.*)$/.exec(message)?.[1]?.split(", ");
  if (unknown === undefined) return message;
  const names = unknown.filter((name) => !(/[A-Z]/.test(name) && unknown.includes(withDash(name))));
  const known = [
    commonOptions,
    profileOptions,
    samplingOptions,
    dataOptions,
    distillOptions,
    filterOptions,
    trainingOptions,
  ].flatMap(Object.keys);
  const described = names.map((name) => {
    if (args.includes(name)) return args[0] === name ? `unknown command ${name}` : `unexpected word ${name}`;
    if (known.includes(name)) return `unknown option --${name} (an option of other commands)`;
    const nearest = suggestion(name, known).replace('"', '"--');
    return `unknown option --${name}${nearest.replaceAll('"', "")}`;
  });
  return `${described.join("; ").replace(/^u/, "U")}`;
}

/** `learningRate` → `learning-rate`. */
function withDash(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function asSentence(message: string): string {
  const line = message.split("\n").join(" ").trim();
  return /[.!?]$/.test(line) ? line : `${line}.`;
}
