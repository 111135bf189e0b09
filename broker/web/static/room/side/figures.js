// What is asked for beside the picture, each where whoever looks may see it: who is on duty, today's bookings, the chain's
// totals of today by kind, the figures of the week and the month. Of a day that was kept, those of that day.

import { html } from "../../vendored/htm-preact-3.1.1.js";
import { language, named, say } from "../../frame/words.js";

const SELDOM = ["committee", "fire_brigade"]; // told of only where an area has them
const EVERY_MS = 60000, DUTIES = ["dispatcher", "second", "keeper", "crew", "committee", "fire_brigade"], DAY_S = 86400;
const BOOKED = ["held", "requested", "accepted", "en_route", "at_site", "loaded"];

async function read(path) {
  const answer = await fetch(path).catch(() => null);
  return answer?.ok ? answer.json() : null;
}

// Looks again each minute while the page is there; `changed` after each look. `seen()` is the picture.
export function figures(me, seen, dayOf, changed) {
  const known = { duty: null, bookings: null, chain: null, week: null, month: null, asked_at: null };
  async function look() {
    const picture = seen();
    if (!picture) return;
    const at = picture.at, day = dayOf(at), month = `${day.slice(0, 7)}-01`, monday = dayOf(at - ((new Date(`${day}T12:00Z`).getUTCDay() + 6) % 7) * DAY_S);
    const stats = (from, table, more) => read(`/api/v1/stats?from_day=${from}&to_day=${day}&table=${table}${more}`);
    const may = (page) => me.pages.includes(page);
    const [duties, bookings, chain, week, months] = await Promise.all([
      may("/people/rosters") ? Promise.all(DUTIES.map((duty) => read(`/api/v1/people/on-duty?duty=${duty}&at=${at}`))) : null,
      may("/bookings") ? read("/api/v1/bookings") : null,
      ...(may("/report/") ? [stats(day, "chain", "&by=waste"), stats(monday, "figures", "&period=week"), stats(month, "figures", "&period=month")] : [null, null, null]),
    ]);
    Object.assign(known, { duty: duties && DUTIES.map((duty, i) => [duty, duties[i]]).filter(([duty, ids]) => ids && (ids.length || !SELDOM.includes(duty))), chain, week: week?.at(-1) ?? null, month: months?.at(-1) ?? null, asked_at: at,
      bookings: bookings?.filter((row) => dayOf(row.from_at) === day) ?? null });
    changed();
  }
  setInterval(look, EVERY_MS);
  return { known, look };
}

const kg = (grams) => (grams === null ? say("none") : grams >= 1e7 ? `${(grams / 1e6).toFixed(1)} t` : `${Math.round(grams / 1000)} kg`);
const both = (row) => row.bins === null && row.grams === null ? say("none") : html`<span>${`${count(row.bins)} ${say(row.bins === 1 ? "bin" : "bins")}`}</span> <span>${kg(row.grams)}</span>`;
const share = (part) => (part === null ? say("none") : `${Math.round(part * 100)} %`);
const count = (value) => (value === null ? say("none") : String(value));
const people = (ids) => (ids.length ? ids.map((id, at) => html`<span key=${id}>${at ? ", " : ""}<span data-person=${id} title=${id}></span></span>`) : say("none")); // written in by names.js

function Chain({ rows }) {
  return html`<table><caption>${say("chain_today")}</caption><thead><tr><th scope="col">${say("kind")}</th><th scope="col">${say("visits")}</th><th scope="col">${say("collected")}</th><th scope="col">${say("weighed")}</th></tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${row.waste}><th scope="row">${say(row.waste)}</th><td class="number">${count(row.served)}/${count(row.visits)}</td><td class="number">${row.waste === "hazardous" ? kg(row.grams) : both(row)}</td><td class="number">${kg(row.weighed_grams)}</td></tr>`)}</tbody></table>`;
}

const FIGURES = [["served_share", "figure_served"], ["plan_on_time_share", "figure_on_time"], ["calls_13_to_19_share", "figure_calls"]];

function Periods({ week, month }) {
  const periods = [["week", week], ["month", month]].filter(([, row]) => row);
  return html`<table><caption>${say("figures_beside")}</caption><thead><tr><td></td>${periods.map(([name]) => html`<th scope="col" key=${name}>${say(`this_${name}`)}</th>`)}</tr></thead><tbody>
    ${FIGURES.map(([name, word]) => html`<tr key=${name}><th scope="row">${say(word)}</th>${periods.map(([period, row]) => html`<td key=${period} class="number">${row.gap ? say("none") : share(row[name])}</td>`)}</tr>`)}
    <tr><th scope="row">${say("collected")}</th>${periods.map(([period, row]) => html`<td key=${period} class="number">${row.gap ? say("none") : both(row)}</td>`)}</tr>
    <tr><th scope="row">${say("figure_presses")}</th>${periods.map(([period, row]) => html`<td key=${period} class="number">${row.gap ? say("none") : count(row.incidents)}</td>`)}</tr></tbody></table>`;
}

// What was done by kind until the second of a picture, counted on that picture.
function Until({ picture, tools }) {
  const visits = picture.runs.flatMap((run) => run.visits), kinds = [...new Set(visits.map((visit) => visit.waste))].sort();
  return html`<section class="card" data-testid="until"><table><caption>${say("until_then", { at: tools.exact(picture.at) })}</caption><thead><tr><th scope="col">${say("kind")}</th><th scope="col">${say("served")}</th><th scope="col">${say("skipped")}</th><th scope="col">${say("visits")}</th></tr></thead>
    <tbody>${kinds.map((waste) => { const own = visits.filter((visit) => visit.waste === waste), of = (state) => own.filter((visit) => visit.state === state).length;
      return html`<tr key=${waste}><th scope="row">${say(waste)}</th><td class="number">${of("served")}</td><td class="number">${of("skipped")}</td><td class="number">${own.length}</td></tr>`; })}</tbody></table>
    <p class="quiet small">${say("whole_day_figures")}${tools.me.pages.includes("/report/") ? html`: <a href=${`/report/${tools.day(picture.at)}?language=${language}`}>${say("report_of", { day: tools.day(picture.at) })}</a>` : null}</p></section>`;
}

export function Figures({ known, tools, live }) {
  const { duty, bookings, chain, week, month } = live ? known : { duty: known.duty };
  return html`${live ? null : html`<${Until} picture=${tools.picture()} tools=${tools} />`}${chain?.length ? html`<section class="card" data-testid="chain"><${Chain} rows=${chain.filter((row) => !row.gap)} /></section>` : null}
    ${week || month ? html`<section class="card" data-testid="periods"><${Periods} week=${week} month=${month} /></section>` : null}
    ${duty ? html`<section class="card" data-testid="duty"><h2>${say("on_duty")}</h2><dl>${duty.map(([name, names]) => html`<div key=${name}><dt>${say(`duty_${name}`)}</dt><dd>${people(names)}</dd></div>`)}</dl></section>` : null}
    ${bookings ? html`<section class="card" data-testid="bookings-today"><h2>${say("bookings_today")}</h2>${bookings.length ? html`<ul>${bookings.map((row) => html`<li key=${row.booking_id}>${`${tools.clock(row.from_at)}–${tools.clock(row.until_at)} ${named(row.pile_name)} · ${row.truck} · ${say(`booking_${row.state}`)}`}${BOOKED.includes(row.state) && row.eta_at ? ` · ${say("eta")} ${tools.clock(row.eta_at)}` : ""}</li>`)}</ul>` : html`<p class="quiet">${say("none_today")}</p>`}</section>` : null}
    ${live && known.asked_at ? html`<p class="quiet small">${say("figures_age")} <span data-since=${known.asked_at}></span> ${say("ago")}</p>` : null}`;
}
