// The supervisor's page: the figures of a day, a week or a month, each as a chart beside its table, and as files.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { ask } from "../frame/deed.js";
import { begin, Page, show } from "../frame/page.js";
import { Choice, Span, spanned, wanted } from "../frame/span.js";
import { language, named, say } from "../frame/words.js";
import { drawn } from "./charts.js";
import { Sheet } from "./sheet.js";
import { address, BY, filesOf, onlyOf } from "./view.js";

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

function draw() {
  if (spoken && spoken !== language) void look();
  show(html`<${Page} title="figures" said=${said}>${shown ? html`<p class="span" data-testid="span">${say(`view_${shown.view}`)} · <strong>${spanned(shown)}</strong> · ${say(`by_${shown.by}`)}${shown.estate ? ` · ${named(shown.estates[shown.estate] ?? shown.estate)}` : ""}${shown.truck ? ` · ${shown.truck}` : ""}</p><${Tools} />
    <div class="sheets">${shown.sheets.map((sheet) => html`<${Sheet} key=${sheet.key} sheet=${sheet} files=${filesOf(shown, language)} opened=${{ of: (day) => address({ view: "day", day, by: shown.by, ...onlyOf(location.search) }), go: (day) => go({ view: "day", day }) }} />`)}</div>` : html`<p class="quiet">${say("is_counted")}</p>`}<//>`);
  drawn();
}

addEventListener("popstate", () => void look());
await begin(["", "figures"], draw);
await look();
