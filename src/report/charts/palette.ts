// The colours of charts. They are written into an SVG as plain light colours, which any program shows; a style sheet that knows these
// exact values turns them into the dark ones.

/** Light and dark. */
export interface Colour {
  readonly light: string;
  readonly dark: string;
}

/** The same as the page's (page-style.ts). */
export const palette = {
  ink: { light: "#1d2129", dark: "#e6e8ec" },
  soft: { light: "#5f6773", dark: "#9aa3b1" },
  line: { light: "#dfe1e6", dark: "#2c323b" },
  seed: { light: "#7b8494", dark: "#9aa3b0" },
  vanilla: { light: "#c8553d", dark: "#e8866f" },
  sdft: { light: "#1f7a6d", dark: "#5cc2b1" },
  ochre: { light: "#a8791f", dark: "#d9ac55" },
  violet: { light: "#7a5ea8", dark: "#b39ddb" },
  blue: { light: "#2f6db3", dark: "#7fb2ea" },
  rose: { light: "#a8446e", dark: "#df8db0" },
} as const satisfies Record<string, Colour>;

export type ColourName = keyof typeof palette;

/** For series that are neither seed nor vanilla nor SDFT, or of which there are several. */
export const furtherColours = ["ochre", "violet", "blue", "rose"] as const satisfies readonly ColourName[];

/** Turns the light colours of every chart into dark ones. */
export function darkRules(scope: string): string {
  return Object.values(palette)
    .map(
      ({ light, dark }) =>
        `${scope} [fill="${light}"] { fill: ${dark}; } ${scope} [stroke="${light}"] { stroke: ${dark}; }`,
    )
    .join("\n");
}
