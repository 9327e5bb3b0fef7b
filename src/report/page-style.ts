// The report page's own style and its few lines of script; no request leaves the page.

export const pageStyle = `
:root { color-scheme: light dark; --paper: #fbfaf8; --ink: #1d2129; --soft: #5f6773; --line: #dfe1e6; --card: #ffffff; --seed: #7b8494; --vanilla: #c8553d; --sdft: #1f7a6d; --good: #1f7a6d; --bad: #b3402a; --mark: #eef3f1; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171c; --ink: #e6e8ec; --soft: #9aa3b0; --line: #2c323b; --card: #1b1f26; --seed: #9aa3b0; --vanilla: #e8866f; --sdft: #5cc2b1; --good: #5cc2b1; --bad: #e8866f; --mark: #20282a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 48px 24px 96px; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 1.15rem; margin: 44px 0 12px; }
.lead, .note { color: var(--soft); margin: 0 0 14px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px; margin: 14px 0; overflow-x: auto; }
.grid2 { display: grid; grid-template-columns: repeat(auto-fit, minmax(380px, 1fr)); gap: 14px; }
.grid2 .card { margin: 0; }
.card h3 { margin: 0 0 10px; font-size: 0.95rem; font-weight: 600; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 8px 14px 8px 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; font-size: 0.86rem; }
tbody tr:last-child > * { border-bottom: 0; }
td strong { font-weight: 650; }
td small { color: var(--soft); }
svg { display: block; width: 100%; height: auto; max-width: 720px; }
svg text { font: 12.5px system-ui, sans-serif; fill: var(--ink); }
svg .tick { fill: var(--soft); }
svg .grid { stroke: var(--line); }
.series.seed { --colour: var(--seed); } .series.vanilla { --colour: var(--vanilla); } .series.sdft { --colour: var(--sdft); }
.whisker { stroke: var(--colour); stroke-width: 3; opacity: 0.45; stroke-linecap: round; }
.dot { fill: var(--colour); }
.curve { fill: none; stroke: var(--colour); stroke-width: 2; stroke-linejoin: round; }
.bar.kept { fill: var(--sdft); } .bar.rejected { fill: var(--seed); opacity: 0.6; }
.yield td { border: 0; padding: 4px 14px 4px 0; white-space: nowrap; } .yield .amount { text-align: right; } .yield .track { width: 50%; } .yield svg { height: 14px; max-width: none; border-radius: 3px; }
.legend { margin: 6px 0 0; display: flex; gap: 18px; font-size: 0.88rem; color: var(--soft); }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; background: var(--colour); margin-right: 7px; vertical-align: -1px; }
.tools { display: flex; gap: 10px; flex-wrap: wrap; margin: 0 0 12px; align-items: center; }
.tools input, .tools select { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 7px; padding: 7px 11px; }
.tools input { flex: 1; min-width: 220px; }
.tools output { color: var(--soft); font-size: 0.9rem; }
.audit td { font-size: 0.88rem; max-width: 360px; }
.audit pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; font: inherit; max-height: 15em; overflow-y: auto; }
.tag { display: inline-block; font-size: 0.78rem; padding: 1px 8px; border-radius: 99px; background: var(--mark); white-space: nowrap; }
.tag.good { color: var(--good); } .tag.bad { color: var(--bad); }
details > summary { cursor: pointer; font-weight: 600; }
details[open] > summary { margin-bottom: 12px; }
pre.config { font: 0.85rem/1.5 ui-monospace, "SF Mono", Menlo, monospace; margin: 0; overflow-x: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; }
`;

/** Filters an audit table's rows by text and by the value of its list. */
export const pageScript = `
for (const section of document.querySelectorAll("[data-audit]")) {
  const search = section.querySelector("input");
  const choice = section.querySelector("select");
  const count = section.querySelector("output");
  const rows = [...section.querySelectorAll("tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const apply = () => {
    const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, index) => {
      const fits = (choice.value === "" || row.dataset.kind.split(" ").includes(choice.value)) && words.every((word) => texts[index].includes(word));
      row.hidden = !fits;
      if (fits) shown += 1;
    });
    count.textContent = shown + " of " + rows.length + " rows";
  };
  search.addEventListener("input", apply);
  choice.addEventListener("change", apply);
  apply();
}
`;
