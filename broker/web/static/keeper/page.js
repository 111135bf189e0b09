// The keeper's page: each of their rooms with its lamp, the next truck, and one big button that says the bins are out.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { act, ask } from "../frame/deed.js";
import { Old, oldAt } from "../frame/old.js";
import { begin, Page, show } from "../frame/page.js";
import { may } from "../frame/visitor.js";
import { age, clocks, named, say } from "../frame/words.js";
import { ring, state, toggle, unlock } from "./attention.js";
import { isOut, lamps, LATE_FROM_S, later, over, owed, ringing, urgent } from "./calls.js";

const LOOK_MS = 2000, VEIL_AFTER_MS = 10000, DEED = "POST /api/v1/rooms/{room}/keeper";
let today = null, heardAt = performance.now(), said = "", busy = "", clock = clocks(undefined);
const heard = new Set(); // calls that somebody said "I have heard it" of, on this page

async function tell(room, event) {
  busy = `${room.room}/${event}`;
  draw();
  const done = await act(`/api/v1/rooms/${encodeURIComponent(room.room)}/keeper`, { event });
  said = done.ok ? say(event === "bins_out" ? "bins_out_said" : "lane_clear_said", { room: room.name }) : done.told;
  await look();
  busy = "";
  draw();
}

const late = (s) => (s === null ? null : s > LATE_FROM_S ? html`<b class="warn">${say("late_by", { minutes: Math.round(s / 60) })}</b>` : s < -LATE_FROM_S ? html`<b class="warn">${say("early_by", { minutes: Math.round(-s / 60) })}</b>` : html`<span class="quiet">${say("on_time")}</span>`);
const isOld = () => oldAt(today) !== null; // of then: what a lamp shows by now nobody knows
const minutes = (s) => (s < 60 ? say("now") : say("in_minutes", { minutes: Math.round(s / 60) }));

function Next({ room, call }) {
  const at = call.eta_at ?? call.planned_at;
  return html`<div class=${`next ${call.held ? "held" : call.state}`} data-testid=${`next-${room.room}`}>
    <p class="what"><b>${say(call.waste)}</b> <span>${say(call.held ? "held" : call.state)}</span>${call.visit_number > 1 ? html` <span>${say("second_visit")}</span>` : null}</p>
    <p class="when"><time>${clock.time(at)}</time> <span>${call.state === "at_stop" ? say("truck_is_here") : call.eta_at === null ? say("nobody_knows") : isOld() ? "" : minutes(call.eta_at - today.at)}</span></p>
    <p>${say("planned")} ${clock.time(call.planned_at)} · ${late(call.late_s) ?? say("none")}${call.due_at === null ? null : html` · ${say("lamp_on_at")} ${clock.time(call.due_at)}`}</p>
  </div>`;
}

function Room({ room }) {
  const past = over(room.calls), called = owed(room.calls).find((call) => call.state !== "pending"), next = called ?? owed(room.calls)[0], rest = later(room, next);
  const out = called && isOut(room, called), mine = may(DEED, { estate: room.estate });
  const rings = !isOld() && state() === "sound_on" && ringing(today, heard).some((one) => one.room === room);
  return html`<section class=${`room ${urgent(room, !isOld())}`} data-testid=${`room-${room.room}`}>
    <h2><span>${named(room.name)}</span> <small>${named(room.estate_name ?? "")}</small></h2>
    <ul class="lamps">${lamps(room, !isOld()).map((one) => html`<li key=${one.waste} class=${one.lamp}><i aria-hidden="true"></i> ${say(one.waste)}: <b>${say(`lamp_${one.lamp}`)}</b></li>`)}</ul>
    ${room.blocked.map((one) => html`<div class="card blocked" key=${one.incident_id}><b class="alarm">${say("lane_blocked")}</b> ${one.truck} · ${clock.time(one.raised_at)}
      ${mine ? html`<button class="big" data-testid=${`clear-${room.room}`} disabled=${busy !== ""} onClick=${() => tell(room, "lane_clear")}>${say("say_lane_clear")}</button>` : null}</div>`)}
    ${next ? html`<${Next} room=${room} call=${next} />` : html`<p class="next quiet">${say(rest.length ? "none_under_way" : "no_more_today")}</p>`}
    ${rings ? html`<button class="big quietly" data-testid=${`heard-${room.room}`} onClick=${() => (ringing(today, heard).forEach((one) => heard.add(one.call.id)), draw())}>${say("i_heard")}</button>` : null}
    ${mine ? html`<button class=${called && !out ? "big main" : "big"} data-testid=${`out-${room.room}`} aria-pressed=${Boolean(out)} disabled=${busy !== ""} onClick=${() => tell(room, "bins_out")}>${out ? say("bins_are_out", { at: clock.time(room.bins_out_at) }) : say("say_bins_out")}</button>` : null}
    <${Bins} room=${room} />
    ${rest.length ? html`<h3>${say("later_today")}</h3><table><tbody>${rest.map((call) => html`<tr key=${`${call.waste}${call.planned_at}`}><td class="number">${clock.time(call.eta_at ?? call.planned_at)}</td><td>${say(call.waste)}</td><td>${late(call.late_s ?? null) ?? html`<span class="quiet">${say("by_timetable")}</span>`}</td></tr>`)}</tbody></table>` : null}
    ${past.length ? html`<h3>${say("was_today")}</h3><table><thead><tr><th>${say("waste_kind")}</th><th>${say("planned")}</th><th>${say("lamp_on")}</th><th>${say("truck_came")}</th><th>${say("became")}</th></tr></thead>
      <tbody>${past.map((call) => html`<tr key=${call.id}><td>${say(call.waste)}</td><td class="number">${clock.time(call.planned_at)}</td><td class="number">${clock.time(call.due_at)}</td><td class="number">${clock.time(call.arrived_at)}</td><td>${say(call.state)}</td></tr>`)}</tbody></table>` : null}
  </section>`;
}

function Bins({ room }) {
  const rows = Object.entries(room.bins);
  if (!rows.length) return null;
  return html`<p class="bins">${say("waits")} ${rows.map(([waste, bins], at) => html`<span key=${waste}>${at ? " · " : ""}${say(waste)} <b>${bins.count ?? "?"}</b> ${say("bins")}${bins.grams === null ? "" : ` ${Math.round(bins.grams / 1000)} kg`}</span>`)} <small class="quiet">${age(today.at - Math.max(...rows.map(([, bins]) => bins.at)))} ${say("ago")}</small></p>`;
}

function draw() {
  const lost = today && performance.now() - heardAt > VEIL_AFTER_MS ? say("lost") + clock.exact(today.at) : "";
  show(html`<${Page} title="keeper_title" said=${said} lost=${lost}>
    <p class="row"><time data-testid="clock">${clock.exact(today?.at)}</time> <button data-testid="sound" onClick=${async () => (await toggle(), draw())}>${say(state())}</button>
      ${today?.estates.length > 1 ? html`<label>${say("estate")} <select data-testid="estate" onChange=${choose}>${today.shown ? null : html`<option value="" selected>${say("all_estates")}</option>`}${today.estates.map((one) => html`<option key=${one.estate} value=${one.estate} selected=${one.estate === today.shown}>${named(one.name ?? one.estate)}</option>`)}</select></label>` : null}
      ${today?.left_out || shows("all") ? html`<button data-testid="whose" onClick=${() => ask_for("all", shows("all") ? null : "true")}>${shows("all") ? say("only_my_rooms") : say("all_rooms", { count: today.left_out })}</button>` : null}</p>
    <${Old} of=${today} />
    <div class=${isOld() ? "rooms of-then" : "rooms"} data-testid="rooms">${today?.rooms.map((room) => html`<${Room} key=${room.room} room=${room} />`)}</div>
    ${today && !today.rooms.length ? html`<p class="quiet">${say("no_room_of_yours")}</p>` : null}
  <//>`);
  if (today && !lost && !isOld()) for (const { room, call } of ringing(today, heard)) ring(call.id, say("ring_title", { waste: say(call.waste) }), say("ring_text", { room: named(room.name), at: clock.time(call.eta_at) }));
}

const shows = (name) => new URLSearchParams(location.search).has(name);

function ask_for(name, value) {
  const asked = new URLSearchParams(location.search);
  if (value === null) asked.delete(name);
  else asked.set(name, value);
  history.replaceState(null, "", `?${asked}`); // the address can be shared
  void look();
}

const choose = (event) => ask_for("estate", event.target.value);

async function look() {
  const found = await ask(`/api/v1/rooms/calls${location.search}`, (why) => (said = why), 8000);
  if (found) [today, heardAt, clock] = [found, performance.now(), clocks(found.timezone)];
  draw();
}

document.addEventListener("click", unlock);
await begin(["", "keeper"], draw);
await look();
setInterval(look, LOOK_MS);
