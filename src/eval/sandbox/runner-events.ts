// What comes by descriptor 3, one JSON object a line: launch.py's refusals and runner.py's start and end. The program can write there
// too, so lines of the runner carry a token, and the first end counts.
import { z } from "zod";
import { outcomes } from "./verdict.js";

const schema = z.discriminatedUnion("event", [
  z.object({ event: z.literal("unavailable"), reason: z.string() }),
  z.object({ event: z.literal("start"), token: z.string() }),
  z.object({ event: z.literal("end"), token: z.string(), outcome: z.enum(outcomes), detail: z.string().nullable() }),
]);

export type RunnerEvent = z.output<typeof schema>;

/** Whole lines that are events; whatever else stands there is left out. A refusal counts only as the first line. */
export function parseEvents(text: string, token: string): RunnerEvent[] {
  const lines = text.split("\n").slice(0, -1);
  return lines.flatMap((line, index) => parseEvent(line, { token, first: index === 0 }) ?? []);
}

function parseEvent(line: string, at: { token: string; first: boolean }): RunnerEvent | null {
  const event = schema.safeParse(parseJson(line)).data;
  if (event === undefined) return null;
  return (event.event === "unavailable" ? at.first : event.token === at.token) ? event : null;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
