// The district's page: every cell as it stands, what is open in all of them, their figures side by side, their cases.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { ask } from "../frame/deed.js";
import { begin, Page, show } from "../frame/page.js";
import { Choice, Span, spanned, wanted } from "../frame/span.js";
import { clocks, language, named, say } from "../frame/words.js";
import { me } from "../frame/visitor.js";
import { drawn } from "../figures/charts.js";
import { Sheet } from "../figures/sheet.js";
import { Cases, Cells, Kinds, Open, Whole } from "./parts.js";

const BY = ["area", "waste"], LOOK_MS = 5000, FIGURES_MS = 60_000, CASES_MS = 30_000, CASES = 20, MORE_CASES = 100, MOST_CASES = 1000, LOST_MS = 20_000;
let city = null, heardAt = 0, shown = null, kinds = null, cases = null, said = "", saidOfFigures = "", asking = 0, spoken = "", many = CASES;

// What is asked again and again waits for no older question of its kind.
function every(ms, look) {
  const again = () => look().catch(() => {}).then(() => setTimeout(again, ms));
  return again();
}

async function cells() {
  const found = await ask("/api/v1/city", (why) => { said = why; }, 10_000);
  if (found) [city, heardAt, said] = [found, performance.now(), ""];
  draw();
}

async function figures() {
  const mine = (asking += 1), view = { ...wanted(location.search, { by: BY }), ...(new URLSearchParams(location.search).has("view") ? {} : { view: "day" }) };
  spoken = language;
  const found = await ask(`/api/v1/city/sheets?${new URLSearchParams({ ...view, language })}`, (why) => { saidOfFigures = why; });
  if (mine !== asking) return;
  if (found && (shown?.from_day !== found.from_day || shown?.to_day !== found.to_day)) kinds = null;
  if (found) [shown, saidOfFigures] = [found, ""];
  draw();
  const rows = found && (await ask(`/api/v1/city/stats?${new URLSearchParams({ from_day: found.from_day, to_day: found.to_day, period: found.view, by: "waste" })}`));
  if (mine === asking && rows) kinds = rows;
  draw();
}

// The city's page has no /cases of its own, but the same people see them.
const SEES_CASES = ["dispatcher", "supervisor", "enforcement"], seesCases = () => me.roles.some((role) => SEES_CASES.includes(role));
async function handedOver() {
  cases = (await ask(`/api/v1/city/cases?limit=${many}`, () => {})) ?? cases;
  draw();
}
const older = () => (many = Math.min(MOST_CASES, many + MORE_CASES), handedOver());

const address = (view) => `/city?${new URLSearchParams(view)}`;
function go(change) {
  history.pushState(null, "", address({ view: shown.view, by: shown.by, day: shown.day, ...change }));
  void figures();
}
const filesOf = ({ view, day, by }) => (format, sheet) => `/api/v1/city/sheets?${new URLSearchParams({ view, day, by, language, format, ...(sheet ? { sheet } : {}) })}`;

function Figures() {
  const failed = saidOfFigures ? html`<p class="warn" role="status" data-testid="figures-failed">${saidOfFigures}</p>` : null;
  if (!shown) return failed ?? html`<p class="quiet">${say("is_counted")}</p>`;
  const opened = { of: (day) => address({ view: "day", day, by: shown.by }), go: (day) => go({ view: "day", day }) };
  return html`${failed}<p class="span" data-testid="span">${say(`view_${shown.view}`)} · <strong>${spanned(shown)}</strong> · ${say(`by_${shown.by}`)}</p>
    <div class="tools"><${Span} shown=${shown} go=${go} /> <${Choice} word="by" name="by" values=${BY} chosen=${shown.by} go=${go} />
      <span class="files"><a href=${filesOf(shown)("xlsx")} data-testid="xlsx">${say("workbook")}</a></span></div>
    <${Kinds} rows=${kinds} />
    <div class="sheets">${shown.sheets.map((sheet) => html`<${Sheet} key=${sheet.key} sheet=${sheet} files=${filesOf(shown)} opened=${opened} />`)}</div>`;
}

function draw() {
  if (spoken && spoken !== language) void figures();
  const passed = performance.now() - heardAt, lost = city && passed > LOST_MS ? say("city_lost", { at: clocks(city.timezone).exact(city.at) }) : "";
  const now = city ? city.at + Math.round(passed / 1000) : 0;
  show(html`<${Page} title=${city?.name ? named(city.name) : "city"} said=${said} lost=${lost}>${city ? html`
    <${Whole} city=${city} />
    <section aria-labelledby="cells"><h2 id="cells">${say("cells")}</h2><${Cells} city=${city} now=${now} /></section>
    <section aria-labelledby="open"><h2 id="open">${say("open_now")}</h2><${Open} city=${city} now=${now} /></section>
    <section aria-labelledby="figures"><h2 id="figures">${say("figures")}</h2><${Figures} /></section>
    ${seesCases() ? html`<section aria-labelledby="cases"><h2 id="cases">${say("cases")}</h2><${Cases} cases=${cases} timezone=${city.timezone} older=${cases?.length === many && many < MOST_CASES ? older : null} /></section>` : null}` : html`<p class="quiet">${say("is_looked")}</p>`}<//>`);
  drawn();
}

addEventListener("popstate", () => void figures());
await begin(["", "figures", "city"], draw);
setInterval(draw, 1000); // what is old is seen to be
void every(LOOK_MS, cells);
void every(FIGURES_MS, figures);
if (seesCases()) void every(CASES_MS, handedOver);
