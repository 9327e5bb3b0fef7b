// A report's figures: drawn once, for the page and as figures/*.svg beside it.
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeWholeFile } from "../base/write-file.js";
import { type Chart, drawChart, standaloneSvg } from "./charts/chart.js";

/** A figure before it is drawn; its name is its file's. */
export interface Figure {
  readonly name: string;
  readonly chart: Chart;
}

/** The same with its drawing, one SVG element. */
export type Drawn<Kind extends Figure> = Kind & { readonly svg: string };

export async function drawFigures<Kind extends Figure>(figures: readonly Kind[]): Promise<Drawn<Kind>[]> {
  const drawn = [];
  for (const figure of figures) drawn.push({ ...figure, svg: await drawChart(figure.chart) });
  return drawn;
}

/** Figures of an earlier report that this one doesn't have go away. */
export async function writeFigures(folder: string, figures: readonly Drawn<Figure>[]): Promise<void> {
  const files = new Map(figures.map(({ name, svg }) => [`${name}.svg`, svg]));
  const there = await readdir(join(folder, "figures")).catch(() => []);
  for (const name of there) if (name.endsWith(".svg") && !files.has(name)) await rm(join(folder, "figures", name));
  for (const [name, svg] of files) await writeWholeFile(join(folder, "figures", name), standaloneSvg(svg));
}
