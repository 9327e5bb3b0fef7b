// What every chart has in common, and its way to SVG: a vega-lite specification, drawn by vega without a browser. Both are loaded only here
// and only when something is drawn.
import type { TopLevelSpec } from "vega-lite";
import { escapeHtml } from "../html-text.js";
import { darkRules, palette } from "./palette.js";

export interface Chart {
  readonly title: string;
  readonly subtitle: string;
  /** What a reader who sees nothing is told. */
  readonly description: string;
  readonly spec: TopLevelSpec;
}

/** One SVG element that takes its place's width; its text is text. */
export async function drawChart(chart: Chart): Promise<string> {
  const [{ compile }, { parse, View }] = await Promise.all([import("vega-lite"), import("vega")]);
  const { spec } = compile(printable(titled(chart)), { config: style });
  const view = new View(parse(spec), { renderer: "none", loader: noLoader });
  try {
    const svg = await view.toSVG();
    const name = escapeHtml(`${chart.title}. ${chart.description}`);
    // Vega's own class goes: a second one would make a file of its own unreadable.
    return svg.replace(
      /^<svg ([^>]*?)>/,
      (_, attributes: string) =>
        `<svg class="chart" ${attributes.replace(/ ?\bclass="[^"]*"/, "")} role="img" aria-label="${name}"><title>${name}</title>`,
    );
  } finally {
    view.finalize();
  }
}

/** The same as a file of its own, with its dark colours. */
export function standaloneSvg(svg: string): string {
  const rules = `<style>@media (prefers-color-scheme: dark) {\n${darkRules("svg")}\n}</style>`;
  return `${svg.replace("</title>", `</title>${rules}`)}\n`;
}

/** A chart draws what it is given; nothing is fetched. */
const noLoader = {
  load: refuse,
  sanitize: refuse,
  http: refuse,
  file: refuse,
};

function refuse(): Promise<never> {
  return Promise.reject(new Error("Charts load nothing"));
}

/**
 * Control characters and line separators become `\ufffd`, wherever they stand: vega-lite writes titles into vega's expressions, which they
 * break, and an SVG may not hold them.
 */
function printable<Value>(value: Value): Value;
function printable(value: unknown): unknown {
  if (typeof value === "string")
    return value.replace(/[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
  if (Array.isArray(value)) return value.map((part) => printable(part));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, printable(part)]));
}

function titled(chart: Chart): TopLevelSpec {
  return {
    ...chart.spec,
    title: { text: wrapped(chart.title, 46), subtitle: wrapped(chart.subtitle, 56) },
  };
}

/** Lines of about so many characters, three at most, so that a long name doesn't make the chart small. */
export function wrapped(text: string, most: number): string[] {
  const lines: string[] = [""];
  for (const word of text.split(/\s+/).flatMap((part) => part.match(new RegExp(`.{1,${most}}`, "gu")) ?? [])) {
    const line = lines.at(-1) ?? "";
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= most) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.length <= 3 ? lines : [...lines.slice(0, 2), `${lines[2] ?? ""} …`];
}

const font = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";
const text = {
  labelFont: font,
  titleFont: font,
  labelFontSize: 12,
  titleFontSize: 12,
  titleFontWeight: "normal",
} as const;

const style = {
  font,
  background: "transparent",
  padding: 4,
  view: { stroke: null },
  axis: {
    ...text,
    labelColor: palette.soft.light,
    titleColor: palette.soft.light,
    gridColor: palette.line.light,
    domainColor: palette.line.light,
    tickColor: palette.line.light,
    titlePadding: 8,
  },
  axisX: { grid: false, labelAngle: 0 },
  axisY: { domain: false, ticks: false },
  legend: {
    ...text,
    labelColor: palette.ink.light,
    titleColor: palette.soft.light,
    orient: "bottom",
    direction: "horizontal",
    title: null,
    symbolStrokeWidth: 2,
    labelLimit: 330,
    columns: 1,
    offset: 10,
  },
  title: {
    anchor: "start",
    font,
    color: palette.ink.light,
    fontSize: 14,
    fontWeight: 600,
    subtitleFont: font,
    subtitleColor: palette.soft.light,
    subtitleFontSize: 12,
    offset: 12,
  },
} as const;
