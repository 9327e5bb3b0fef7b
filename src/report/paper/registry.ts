// What the paper publishes, by the names that `reproduce` takes. Figures 4 to 9 stand there as pictures only, without their numbers.
import type { Published, PublishedFigure } from "./published.js";
import { table1, table2, table3, table4 } from "./tables.js";

const figure = (
  number: number,
  shows: PublishedFigure["shows"],
  words: { readonly caption: string; readonly section: string },
): PublishedFigure => ({ kind: "figure", id: `fig${number}`, name: `Figure ${number}`, shows, ...words });

export const published = {
  table1,
  table2,
  table3,
  table4,
  fig4: figure(4, "knowledge", {
    caption: "Performance on general knowledge benchmarks after fine-tuning on each dataset",
    section: "section 4.5",
  }),
  fig5: figure(5, "performance by sample size", {
    caption: "As the number of samples increases, performance across various tasks decreases",
    section: "section 5.1",
  }),
  fig6: figure(6, "shift by sample size", {
    caption:
      "With more data for fine-tuning, BLEU-4, ROUGE-L and embedding similarity decrease and the parameter shift increases",
    section: "section 5.1",
  }),
  fig7: figure(7, "performance by mix ratio", {
    caption: "With an increasing mix ratio, performance is enhanced",
    section: "section 5.1",
  }),
  fig8: figure(8, "shift by mix ratio", {
    caption:
      "As the mix ratio grows, BLEU-4, ROUGE-L and embedding similarity increase and the parameter shift decreases",
    section: "section 5.1",
  }),
  fig9: figure(9, "similarity histogram", {
    caption: "The distribution of embedding similarities after fine-tuning",
    section: "section 5.1",
  }),
} as const satisfies Record<string, Published>;

export type PaperName = keyof typeof published;

export const paperNames = Object.keys(published) as readonly PaperName[];

/** Null for a study that is none of the paper's, and for a name that the paper hasn't. */
export function findPublished(name: string | null): Published | null {
  return Object.entries(published).find(([id]) => id === name)?.[1] ?? null;
}
