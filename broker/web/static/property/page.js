// A property's page: what is asked of it, one tap for the usual booking, its bookings, its rooms' next trucks, and what
// was before. Everything is done here by a thumb.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { asking } from "../frame/asking.js";
import { Asked, Before } from "../frame/board.js";
import { Old, oldAt } from "../frame/old.js";
import { begin, Page, show } from "../frame/page.js";
import { may } from "../frame/visitor.js";
import { clocks, named, say } from "../frame/words.js";
import { Bookings, Usual } from "./bookings.js";
import { nextTrucks } from "./trucks.js";

const CLEAR = "POST /api/v1/incidents/{incident_id}/clear";
let state = null;

function clear(row) {
  const of = { estate: row.answer.party };
  if (row.reason !== "lane_blocked" || row.condition !== "active" || !may(CLEAR, of)) return null;
  return html`<p class="more"><button class="main" data-testid=${`clear-${row.incident_id}`} onClick=${() => state.do(`/api/v1/incidents/${encodeURIComponent(row.incident_id)}/clear?truck=${encodeURIComponent(row.truck)}`, {})}>${say("clear")}</button></p>`;
}

function Rooms({ rooms, runs, asked }) {
  const { time } = clocks(asked.timezone);
  return html`<div data-testid="rooms" class=${oldAt(asked) === null ? "" : "of-then"}>${nextTrucks(rooms, runs, asked.at).map(({ room, trucks }) => html`<article class="card" key=${room.room} data-testid=${`room-${room.room}`}><h3>${named(room.name)}</h3>
    ${trucks.length ? html`<ul class="next">${trucks.map((one) => html`<li key=${`${one.run_id}/${one.number}`} class=${one.state}><b>${one.at === null ? say("not_known") : time(one.at)}</b> ${say(one.waste)} · ${one.truck}<span class="quiet"> · ${say(one.held ? "held" : one.state)}${one.is_planned ? ` · ${say("timetable")}` : ""}</span></li>`)}</ul>` : html`<p class="quiet">${say("no_truck_today")}</p>`}</article>`)}</div>`;
}

function draw() {
  const { asked, past, bookings, piles, rooms, runs } = state?.found ?? {};
  show(html`<${Page} title="property" said=${state?.said ?? ""} lost=${state?.lost ?? ""}>${!asked ? html`<p class="quiet">…</p>` : html`
    <div class="columns"><div>
      <section aria-label=${say("asked_title")} data-testid="asked"><h2>${say("asked_title")}</h2>${asked.rows.length ? asked.rows.map((row) => html`<${Asked} key=${`${row.truck}/${row.incident_id}/${row.answer.id}`} asked=${asked} row=${row} act=${state.do} more=${clear(row)} />`) : html`<p class="quiet">${say("asked_nothing")}</p>`}</section></div>
    <div><section aria-label=${say("bookings")}><h2>${say("bookings")}</h2>${piles ? html`<${Usual} piles=${piles} act=${state.do} />` : null}
      ${bookings ? html`<${Bookings} rows=${bookings} now=${asked.at} timezone=${asked.timezone} act=${state.do} />` : null}</section></div>
    <div><section aria-label=${say("my_rooms")}><h2>${say("my_rooms")}</h2><${Old} of=${asked} />${rooms && runs ? html`<${Rooms} rooms=${rooms} runs=${runs} asked=${asked} />` : null}</section>
    <section aria-label=${say("before")}><h2>${say("before")}</h2>${past ? html`<${Before} past=${past} />` : null}</section></div></div>`}<//>`);
}

await begin(["", "property"], draw);
state = asking({
  asked: ["/api/v1/answers", 2000], bookings: ["/api/v1/bookings", 5000], piles: ["/api/v1/bookings/piles", 30000],
  rooms: ["/api/v1/rooms", 15000], runs: ["/api/v1/runs", 5000], past: ["/api/v1/answers/past", 30000],
}, draw);
await state.look();
