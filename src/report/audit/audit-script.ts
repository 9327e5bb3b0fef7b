// The audit view's script, for the page: unpacks a section's rows when it is opened; searches, chooses, sorts and draws a page of them.
// Texts only ever become text nodes. Characters that would change how a text reads (directions, controls) are shown by their numbers.
import { diffWords } from "./word-diff.js";

export const auditScript = `
const diffWords = ${diffWords.toString()};
const pageSize = 20;
const hiddenCharacters = /[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u061c\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff]/u;

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** The text's nodes, hidden characters shown as their code points. */
function visible(text) {
  const nodes = [];
  let rest = text;
  for (let found = rest.match(hiddenCharacters); found; found = rest.match(hiddenCharacters)) {
    if (found.index > 0) nodes.push(document.createTextNode(rest.slice(0, found.index)));
    nodes.push(element("span", "hidden-character", "U+" + found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0")));
    rest = rest.slice(found.index + found[0].length);
  }
  if (rest !== "") nodes.push(document.createTextNode(rest));
  return nodes;
}

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text.trim()), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

function cellNode(value, kind) {
  const cell = element("td", kind === "number" ? "number" : "");
  if (value === null) cell.append("–");
  else if (kind === "verdict") cell.append(element("span", value ? "tag good" : "tag bad", value ? "right" : "wrong"));
  else if (kind === "number") cell.append(Number.isInteger(value) ? String(value) : value.toPrecision(4));
  else cell.append(element("bdi", "", ...visible(value)));
  return cell;
}

function paneNodes(set, row) {
  const parts = row.panes.map((text) => (text === null ? null : [{ text, changed: false }]));
  if (set.compared !== null) {
    const [from, to] = set.compared;
    if (row.panes[from] !== null && row.panes[to] !== null) {
      const difference = diffWords(row.panes[from], row.panes[to]);
      parts[from] = difference.before;
      parts[to] = difference.after;
    }
  }
  return parts.flatMap((list, index) => {
    if (list === null) return [];
    const text = element("pre");
    text.dir = "auto";
    const mark = set.compared !== null && index === set.compared[0] ? "del" : "ins";
    for (const part of list) text.append(...(part.changed ? [element(mark, "", ...visible(part.text))] : visible(part.text)));
    return [element("section", "pane", element("h4", "", set.panes[index]), text)];
  });
}

function order(a, b, collator) {
  if (a === null || b === null) return (a === null ? 1 : 0) - (b === null ? 1 : 0);
  if (typeof a === "string") return collator.compare(a, b);
  return Number(a) - Number(b);
}

function startAudit(view, set) {
  const collator = new Intl.Collator("en", { numeric: true });
  const state = { column: null, descending: false, page: 0, found: set.rows };
  const texts = new Map();
  const textOf = (row) => {
    if (!texts.has(row)) texts.set(row, [...row.cells, ...row.panes].filter((part) => typeof part === "string").join("\\n").toLowerCase());
    return texts.get(row);
  };
  const search = element("input");
  search.type = "search";
  search.placeholder = "Search these rows";
  search.setAttribute("aria-label", "Search these rows");
  const choice = element("select");
  choice.setAttribute("aria-label", "Which rows");
  choice.append(new Option("all rows", ""), ...set.kinds.map(({ value, title }) => new Option(title, value)));
  const showTexts = element("input");
  showTexts.type = "checkbox";
  showTexts.checked = true;
  const count = element("output");
  const heads = set.columns.map((column, index) => {
    const button = element("button", "", column.title);
    button.type = "button";
    button.addEventListener("click", () => {
      if (state.column !== index) Object.assign(state, { column: index, descending: false });
      else if (!state.descending) state.descending = true;
      else Object.assign(state, { column: null, descending: false });
      apply();
    });
    const head = element("th", column.kind === "number" ? "number" : "", button);
    head.scope = "col";
    return head;
  });
  const body = element("tbody");
  const [back, on] = ["Previous", "Next"].map((name) => {
    const button = element("button", "", name);
    button.type = "button";
    return button;
  });
  const place = element("span");
  back.addEventListener("click", () => turn(-1));
  on.addEventListener("click", () => turn(1));

  function turn(by) {
    state.page += by;
    draw();
    view.scrollIntoView({ block: "start" });
  }

  function apply() {
    const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
    const rows = set.rows.filter((row) => (choice.value === "" || row.kinds.includes(choice.value)) && words.every((word) => textOf(row).includes(word)));
    if (state.column !== null) {
      const sign = state.descending ? -1 : 1;
      // Rows without a value stay at the end in both directions.
      rows.sort((a, b) => {
        const [left, right] = [a.cells[state.column], b.cells[state.column]];
        return left === null || right === null ? order(left, right, collator) : sign * order(left, right, collator);
      });
    }
    state.found = rows;
    state.page = 0;
    draw();
  }

  function draw() {
    const pages = Math.max(1, Math.ceil(state.found.length / pageSize));
    const shown = state.found.slice(state.page * pageSize, (state.page + 1) * pageSize);
    body.replaceChildren(
      ...shown.flatMap((row) => {
        const facts = element("tr", "facts", ...row.cells.map((value, index) => cellNode(value, set.columns[index].kind)));
        if (!showTexts.checked) return [facts];
        const cell = element("td", "", element("div", "panes", ...paneNodes(set, row)));
        cell.colSpan = set.columns.length;
        return [facts, element("tr", "texts", cell)];
      }),
    );
    heads.forEach((head, index) => {
      if (state.column === index) head.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    count.textContent = state.found.length + " of " + set.rows.length + " rows";
    place.textContent = "page " + (state.page + 1) + " of " + pages;
    back.disabled = state.page === 0;
    on.disabled = state.page >= pages - 1;
  }

  search.addEventListener("input", apply);
  choice.addEventListener("change", apply);
  showTexts.addEventListener("change", draw);
  const table = element("table", "audit-table", element("thead", "", element("tr", "", ...heads)), body);
  view.append(
    element("div", "tools", search, choice, element("label", "", showTexts, " texts"), count),
    element("div", "scroll", table),
    element("div", "pages", back, place, on),
  );
  apply();
}

for (const section of document.querySelectorAll("details[data-audit]")) {
  const view = section.querySelector(".audit-view");
  let begun = false;
  section.addEventListener("toggle", async () => {
    if (!section.open || begun) return;
    begun = true;
    try {
      startAudit(view, await unpack(section.querySelector(".audit-rows").textContent));
    } catch (error) {
      view.textContent = "These rows can't be shown: " + error.message + ". A current browser is needed.";
    }
  });
}
`;
