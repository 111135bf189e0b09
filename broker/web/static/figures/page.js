// The supervisor's page: the figures of a day, a week or a month, each as a chart beside its table, and as files.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { ask } from "../frame/deed.js";
import { begin, Page, show } from "../frame/page.js";
import { Choice, isDay, Span, spanned, wanted } from "../frame/span.js";
import { language, named, say } from "../frame/words.js";
import { charted, COLOURS, drawn, holds } from "./charts.js";
import { address, BY, cell, filesOf, fractions, onlyOf } from "./view.js";

let shown = null, said = "", asking = 0, spoken = "";

async function look() {
  const mine = (asking += 1), view = wanted(location.search, { by: BY });
  spoken = language;
  const found = await ask(`/api/v1/stats/sheets?${new URLSearchParams({ ...view, ...onlyOf(location.search), language })}`, (why) => { said = why; });
  if (mine !== asking) return; // somebody has gone on meanwhile
  if (found) [shown, said] = [found, ""];
  draw();
}

function go(change) {
  history.pushState(null, "", address(Object.fromEntries(Object.entries({ ...wanted(location.search, { by: BY }), ...onlyOf(location.search), ...change }).filter(([, value]) => value))));
  void look();
}

// One estate's or one truck's figures alone.
const Only = ({ name, all }) => html`<label>${say(name)} <select data-testid=${name} onChange=${(event) => go({ [name]: event.target.value })}><option value="" selected=${!shown[name]}>${say("all_of_them")}</option>
  ${all.map(([id, label]) => html`<option key=${id} value=${id} selected=${id === shown[name]}>${label}</option>`)}</select></label>`;

function Tools() {
  const files = filesOf(shown, language);
  return html`<div class="tools">
    <${Span} shown=${shown} go=${go} /> <${Choice} word="by" name="by" values=${BY} chosen=${shown.by} go=${go} />
    <${Only} name="estate" all=${Object.entries(shown.estates).map(([id, name]) => [id, named(name)])} /> <${Only} name="truck" all=${shown.trucks.map((id) => [id, id])} />
    <span class="files"><a href=${files("xlsx")} data-testid="xlsx">${say("workbook")}</a>
      <a href=${`/report/${shown.day}?language=${language}`} data-testid="report">${say("day_report", { day: shown.day })}</a>
      <button onClick=${() => print()}>${say("print")}</button></span></div>`;
}

function Sheet({ sheet }) {
  const files = filesOf(shown, language), title = `${sheet.title} (${sheet.unit})`;
  return html`<section class="card sheet" data-testid=${`sheet-${sheet.key}`} aria-label=${title}>
    <h2>${sheet.title} <small>${sheet.unit}</small> <span class="files"><a href=${files("csv", sheet.key)} aria-label=${`CSV: ${sheet.title}`}>CSV</a> <a href=${files("xlsx", sheet.key)} aria-label=${`XLSX: ${sheet.title}`}>XLSX</a></span></h2>
    <div class=${sheet.heads.length > 7 ? "both many" : "both"}>${charted(sheet) ? html`<figure><div class="chart" role="img" aria-label=${say("chart_of", { title: sheet.title })} ref=${(box) => holds(box, sheet, say("others"))}></div><figcaption class="key"></figcaption>${sheet.chart === "lines" && sheet.drawn > COLOURS ? html`<p class="quiet">${say("only_largest", { count: COLOURS })}</p>` : null}</figure>` : html`<p class="quiet">${say("nothing_to_draw")}</p>`}
    <div class="scroll" tabindex="0" role="region" aria-label=${say("table_of", { title: sheet.title })}><table><thead><tr>${sheet.heads.map((head, place) => html`<th key=${place} scope="col" class=${place ? "number" : ""}>${head}</th>`)}</tr></thead>
      <tbody>${sheet.rows.map((row) => html`<${Row} key=${row[0]} row=${row} sheet=${sheet} />`)}</tbody>
      ${sheet.total ? html`<tfoot><${Row} row=${sheet.total} sheet=${sheet} /></tfoot>` : null}</table></div></div></section>`;
}

const MIXED = ["alarms", "alarm_hours", "bookings"]; // counts beside measures
const Row = ({ row, sheet }) => html`<tr>${row.map((value, place) => (place ? html`<td key=${place} class="number">${cell(value, language, MIXED.includes(sheet.key) ? 0 : fractions(sheet))}</td>` : html`<th key=${place} scope="row">${row === sheet.total || sheet.key === "bookings" || !isDay(value) ? value : html`<a href=${address({ view: "day", day: value, by: shown.by, ...onlyOf(location.search) })} onClick=${(event) => { event.preventDefault(); go({ view: "day", day: value }); }}>${value}</a>`}</th>`))}</tr>`;

function draw() {
  if (spoken && spoken !== language) void look();
  show(html`<${Page} title="figures" said=${said}>${shown ? html`<p class="span" data-testid="span">${say(`view_${shown.view}`)} · <strong>${spanned(shown)}</strong> · ${say(`by_${shown.by}`)}${shown.estate ? ` · ${named(shown.estates[shown.estate] ?? shown.estate)}` : ""}${shown.truck ? ` · ${shown.truck}` : ""}</p><${Tools} />
    <div class="sheets">${shown.sheets.map((sheet) => html`<${Sheet} key=${sheet.key} sheet=${sheet} />`)}</div>` : html`<p class="quiet">${say("is_counted")}</p>`}<//>`);
  drawn();
}

addEventListener("popstate", () => void look());
await begin(["", "figures"], draw);
await look();
