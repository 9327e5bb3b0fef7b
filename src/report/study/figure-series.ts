// What a study's figures are made of: their kinds and files, and series with titles by what sets trainings apart.
import { type ColourName, furtherColours } from "../charts/palette.js";
import type { Figure } from "../figure-files.js";
import type { VariantName } from "../run-summary.js";
import type { Study } from "./read-study.js";
import { type TrainingKey, trainingTitle, type VaryingKey, varyingKeys } from "./score-groups.js";
import { labelled } from "./study-summary.js";

/** A figure's place in the study's folder. */
export interface FigureFile {
  readonly kind: FigureKind;
  readonly title: string;
  /** `figures/performance-by-samples-gsm8k.svg`. */
  readonly file: string;
}

export type FigureKind =
  | "knowledge"
  | "performance by sample size"
  | "shift by sample size"
  | "performance by mix ratio"
  | "shift by mix ratio"
  | "similarity histogram"
  | "trade-off"
  | "loss"
  | "yield";

/** A figure before it is drawn. */
export interface StudyFigure extends Figure {
  readonly kind: FigureKind;
}

/** `figures/NAME.svg` for each. */
export function figureFile(figure: StudyFigure): FigureFile {
  return { kind: figure.kind, title: figure.chart.title, file: `figures/${figure.name}.svg` };
}

/** Lower-case letters, digits and dashes. */
export function fileName(...parts: readonly string[]): string {
  return parts
    .join("-")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}

/** The label of the study and what whiskers mean. */
export function subtitle(study: Pick<Study, "label" | "model">, ...parts: readonly string[]): string {
  return labelled(study, [study.model, ...parts].join(", "));
}

/** Each variant its own colour; where a variant has several series, further ones. */
export function seriesColours(variants: readonly VariantName[]): ColourName[] {
  const used = new Set<VariantName>();
  let next = 0;
  return variants.map((variant) => {
    if (!used.has(variant)) {
      used.add(variant);
      return variant;
    }
    next += 1;
    return furtherColours[(next - 1) % furtherColours.length] ?? variant;
  });
}

/** Series with titles by what varies among them and colours by their method. */
export function named<One extends { readonly key: TrainingKey }>(
  shown: readonly One[],
  without: readonly VaryingKey[] = [],
): { title: string; colour: ColourName; one: One }[] {
  const varying = varyingKeys(shown.map(({ key }) => key)).filter((name) => !without.includes(name));
  const colours = seriesColours(shown.map(({ key }) => key.variant));
  return shown.map((one, index) => ({
    title: trainingTitle(one.key, varying),
    colour: colours[index] ?? one.key.variant,
    one,
  }));
}

export function datasetsOf(all: readonly { readonly key: TrainingKey }[]): string[] {
  return [...new Set(all.flatMap(({ key }) => key.dataset ?? []))];
}
