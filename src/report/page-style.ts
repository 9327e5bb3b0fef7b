// The report page's own style; no request leaves the page.
import { darkRules, palette } from "./charts/palette.js";

/** The charts' colours as the page's variables: --ink, --seed and so on. */
function themeOf(scheme: "light" | "dark"): string {
  return Object.entries(palette)
    .map(([name, colour]) => `--${name}: ${colour[scheme]};`)
    .join(" ");
}

export const pageStyle = `
:root { color-scheme: light dark; ${themeOf("light")} --paper: #fbfaf8; --card: #ffffff; --good: #1f7a6d; --bad: #b3402a; --mark: #eef3f1; --added: #d5efe6; --removed: #fbdfd8; }
@media (prefers-color-scheme: dark) {
:root { ${themeOf("dark")} --paper: #14171c; --card: #1b1f26; --good: #5cc2b1; --bad: #e8866f; --mark: #20282a; --added: #1d443c; --removed: #54281f; }
${darkRules("svg.chart")}
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 48px 24px 96px; }
h1, h2 { overflow-wrap: anywhere; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 1.15rem; margin: 44px 0 12px; }
.lead, .note { color: var(--soft); margin: 0 0 14px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px; margin: 14px 0; overflow-x: auto; }
.grid2 { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(380px, 100%), 1fr)); gap: 14px; }
.grid2 .card { margin: 0; }
h3 { margin: 22px 0 10px; font-size: 0.95rem; font-weight: 600; color: var(--soft); }
.card h3 { color: var(--ink); margin: 0 0 10px; font-size: 0.95rem; font-weight: 600; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 8px 14px 8px 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; font-size: 0.86rem; }
tbody th { color: var(--ink); font-size: 1em; }
tbody tr:last-child > * { border-bottom: 0; }
td strong { font-weight: 650; }
td small { color: var(--soft); }
.scores td { min-width: 84px; }
.scores small { white-space: nowrap; }
svg.chart { display: block; width: auto; height: auto; max-width: 100%; }
.label { display: inline-block; font-size: 0.62em; font-weight: 600; letter-spacing: 0.04em; text-transform: uppercase; padding: 2px 9px; border-radius: 99px; background: var(--removed); color: var(--bad); vertical-align: 0.2em; margin-right: 6px; }
.scores .paper { display: block; } .gone { color: var(--soft); }
.tools { display: flex; gap: 10px; flex-wrap: wrap; margin: 0 0 12px; align-items: center; }
.tools input, .tools select { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 7px; padding: 7px 11px; }
.tools input { flex: 1; min-width: 220px; }
.tools output { color: var(--soft); font-size: 0.9rem; }
.tools label { display: inline-flex; gap: 6px; align-items: center; font-size: 0.9rem; } .tools label input { min-width: 0; flex: none; }
.scroll { overflow-x: auto; }
.audit-table { font-size: 0.88rem; }
.audit-table th button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; text-align: left; }
.audit-table th button::after { content: " ↕"; opacity: 0.45; } .audit-table th[aria-sort="ascending"] button::after { content: " ↑"; opacity: 1; } .audit-table th[aria-sort="descending"] button::after { content: " ↓"; opacity: 1; }
.audit-table .number { text-align: right; } .audit-table bdi { overflow-wrap: anywhere; }
.audit-table .facts:not(:last-child) > td { border-bottom: 0; }
.audit-table .texts > td { padding-top: 0; padding-right: 0; }
.panes { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(260px, 100%), 1fr)); gap: 10px; }
.pane { background: var(--paper); border: 1px solid var(--line); border-radius: 7px; padding: 8px 11px; min-width: 0; }
.pane h4 { margin: 0 0 4px; font-size: 0.78rem; font-weight: 500; color: var(--soft); }
.pane pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; font: inherit; max-height: 17em; overflow-y: auto; unicode-bidi: isolate; }
.pane ins { background: var(--added); text-decoration: none; border-radius: 3px; } .pane del { background: var(--removed); text-decoration: none; border-radius: 3px; }
.hidden-character { font: 0.75em ui-monospace, Menlo, monospace; border: 1px solid var(--bad); color: var(--bad); border-radius: 3px; padding: 0 3px; margin: 0 1px; unicode-bidi: isolate; }
.pages { display: flex; gap: 12px; align-items: center; margin-top: 12px; color: var(--soft); font-size: 0.9rem; }
.pages button { font: inherit; color: var(--ink); background: var(--paper); border: 1px solid var(--line); border-radius: 7px; padding: 5px 12px; cursor: pointer; } .pages button:disabled { opacity: 0.45; cursor: default; }
:focus-visible { outline: 2px solid var(--sdft); outline-offset: 2px; }
.tag { display: inline-block; font-size: 0.78rem; padding: 1px 8px; border-radius: 99px; background: var(--mark); white-space: nowrap; }
.tag.good { color: var(--good); } .tag.bad { color: var(--bad); }
details > summary { cursor: pointer; font-weight: 600; }
details[open] > summary { margin-bottom: 12px; }
pre.config { font: 0.85rem/1.5 ui-monospace, "SF Mono", Menlo, monospace; margin: 0; overflow-x: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; }
`;
