// One figure of one run, and the row of bench/results that the runs of one figure become.

/** A figure; every peer's program prints a line of JSON for each. */
export interface Measurement {
  /** `sdft`, or the peer with its version and setting. */
  readonly system: string;
  readonly metric: string;
  readonly unit: string;
  readonly value: number;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface Row {
  /** ISO 8601, to the second. */
  readonly date: string;
  readonly commit: string;
  readonly machine: string;
  readonly case: string;
  readonly system: string;
  readonly metric: string;
  readonly unit: string;
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** Runs, each in a process of its own. */
  readonly n: number;
}

/** What all rows of one run have in common. */
export type RowOrigin = Pick<Row, "date" | "commit" | "machine" | "case">;

/** Of one run of one job. */
export interface JobResult {
  readonly measurements: readonly Measurement[];
  /** Lines for a person, such as the table of a profile. */
  readonly notes: readonly string[];
}

/** A row for each system and metric, in the order of their first measurement. */
export function summarise(origin: RowOrigin, measurements: readonly Measurement[]): Row[] {
  const groups = new Map<string, Measurement[]>();
  for (const measurement of measurements) {
    const key = JSON.stringify([measurement.system, measurement.metric, measurement.unit]);
    groups.set(key, [...(groups.get(key) ?? []), measurement]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const values = group.map(({ value }) => value).sort((a, b) => a - b);
    const { system, metric, unit } = first;
    return [{ ...origin, system, metric, unit, ...spread(values), n: values.length }];
  });
}

/** A line for a person each, by case, columns below each other. */
export function describeRows(rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  const width = (part: "system" | "metric"): number => Math.max(...rows.map((row) => row[part].length));
  const [systems, metrics] = [width("system"), width("metric")];
  let last = "";
  return rows.flatMap(({ case: name, system, metric, median, unit, low, high, n }) => {
    const spread = n > 1 ? ` (${low} to ${high}, n ${n})` : "";
    const line = `  ${system.padEnd(systems)}  ${metric.padEnd(metrics)}  ${String(median).padStart(8)} ${unit}${spread}`;
    const head = name === last ? [] : [name];
    last = name;
    return [...head, line];
  });
}

/** Row `a` over row `b`: of their medians, and the widest that their runs allow. */
export function ratioRow(a: Row, b: Row, metric: string): Row {
  const { date, commit, machine } = a;
  return {
    ...{ date, commit, machine, case: a.case, system: `${a.system} / ${b.system}`, metric, unit: "ratio" },
    ...{ median: round(a.median / b.median), low: round(a.low / b.high), high: round(a.high / b.low) },
    n: Math.min(a.n, b.n),
  };
}

function spread(sorted: readonly number[]): { median: number; low: number; high: number } {
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  const median = (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2;
  return { median: round(median), low: round(at(0)), high: round(at(sorted.length - 1)) };
}

/** Four significant digits: more than any of these figures repeats to. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}
