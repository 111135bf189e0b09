// One measure as a chart beside its table, and its files.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { isDay } from "../frame/span.js";
import { language, say } from "../frame/words.js";
import { charted, COLOURS, holds } from "./charts.js";
import { cell, fractions } from "./view.js";

// `files(format, key)` is where its files are; a day in it leads to `opened.of(day)`, by `opened.go(day)`.
export function Sheet({ sheet, files, opened }) {
  const title = `${sheet.title} (${sheet.unit})`;
  return html`<section class="card sheet" data-testid=${`sheet-${sheet.key}`} aria-label=${title}>
    <h2>${sheet.title} <small>${sheet.unit}</small> <span class="files"><a href=${files("csv", sheet.key)} aria-label=${`CSV: ${sheet.title}`}>CSV</a> <a href=${files("xlsx", sheet.key)} aria-label=${`XLSX: ${sheet.title}`}>XLSX</a></span></h2>
    <div class=${sheet.heads.length > 7 ? "both many" : "both"}>${charted(sheet) ? html`<figure><div class="chart" role="img" aria-label=${say("chart_of", { title: sheet.title })} ref=${(box) => holds(box, sheet, say("others"))}></div><figcaption class="key"></figcaption>${sheet.chart === "lines" && sheet.drawn > COLOURS ? html`<p class="quiet">${say("only_largest", { count: COLOURS })}</p>` : null}</figure>` : html`<p class="quiet">${say("nothing_to_draw")}</p>`}
    <div class="scroll" tabindex="0" role="region" aria-label=${say("table_of", { title: sheet.title })}><table><thead><tr>${sheet.heads.map((head, place) => html`<th key=${place} scope="col" class=${place ? "number" : ""}>${head}</th>`)}</tr></thead>
      <tbody>${sheet.rows.map((row) => html`<${Row} key=${row[0]} row=${row} sheet=${sheet} opened=${opened} />`)}</tbody>
      ${sheet.total ? html`<tfoot><${Row} row=${sheet.total} sheet=${sheet} opened=${opened} /></tfoot>` : null}</table></div></div></section>`;
}

const MIXED = ["alarms", "alarm_hours", "bookings"]; // counts beside measures
const Row = ({ row, sheet, opened }) => html`<tr>${row.map((value, place) => (place ? html`<td key=${place} class="number">${cell(value, language, MIXED.includes(sheet.key) ? 0 : fractions(sheet))}</td>` : html`<th key=${place} scope="row">${row === sheet.total || sheet.key === "bookings" || !isDay(value) ? value : html`<a href=${opened.of(value)} onClick=${(event) => { event.preventDefault(); opened.go(value); }}>${value}</a>`}</th>`))}</tr>`;
