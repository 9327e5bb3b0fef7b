// What `sdft --help` shows. Written out here and not by yargs, which takes longer to lay out a table than Node to start; the help of a single
// command is yargs' own.
import { commands } from "./commands.js";

/** Whether the arguments ask for nothing but the list of commands. */
export function asksForOverview(args: readonly string[]): boolean {
  return args.length === 1 && ["--help", "-h", "help"].includes(args[0] ?? "");
}

/** At most `columns` wide, where the commands' own names leave room. */
export function overview(columns: number): string {
  const names = commands.map(({ command }) => `  sdft ${command}`);
  const indent = Math.max(...names.map((name) => name.length)) + 2;
  const width = Math.max(30, Math.min(120, columns) - indent);
  const lines = commands.flatMap(({ describe }, index) =>
    wrapWords(String(describe), width).map(
      (text, line) => `${(line === 0 ? (names[index] ?? "") : "").padEnd(indent)}${text}`,
    ),
  );
  return [
    "sdft <command> [options]",
    "",
    "Fine-tunes a chat model on your data without making it forget: it first rewrites your answers in its own words.",
    "",
    "Commands:",
    ...lines,
    "",
    `Options of a command: sdft <command> --help. Version: sdft --version.`,
    "",
  ].join("\n");
}

function wrapWords(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
