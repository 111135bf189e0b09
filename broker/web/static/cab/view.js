// The parts of the cab's page, each drawn from `it` (page.js, scene).

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { me } from "/static/frame/visitor.js";
import { known, named, say } from "/static/frame/words.js";
import { is_owed } from "./itinerary.js";
import { left_ms } from "./outbox.js";

const DONE_SHOWN = 4, BOOKED_OLD_MS = 120_000;
const minutes = (at, it) => Math.max(0, Math.round((at * 1000 - it.now_ms) / 60_000));
const path_of = (visit) => `/api/v1/runs/${visit.run_id}/visits/${visit.room}/${visit.visit_number}`;

// Whether there is a network, how old what is shown is, and whose truck it is.
export function Way({ it }) {
  const { heard } = it, old = heard.parts.about.old_since_at?.is; // the system itself cannot make a newer picture
  const told = heard.signed_out ? html`${say("signed_out")} <a class="big" href="/sign-in?next=/cab">${say("sign_in")}</a>`
    : heard.fresh ? (old ? say("picture_old", { at: it.time(old) }) : null) : heard.at === null ? say("never_heard") : say("no_network", { at: it.time(heard.at), count: it.waiting.length });
  return html`<div class="way">
    ${it.trucks.length > 1 ? html`<label>${say("truck")} <select data-testid="truck" value=${it.truck} onChange=${(event) => it.choose(event.target.value)}>${it.trucks.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select></label>` : html`<b data-testid="truck">${it.truck ?? ""}</b>`}
    ${it.run ? html`<span>${named(it.run.route_name)} · ${say(it.run.waste)}</span>` : null}
    <p class=${`network ${told ? "away" : ""}`} role="status" data-testid="network">${told ?? say("connected")}</p></div>`;
}

// The button and its light as the system has them, and who has answered until when.
export function Alarm({ it }) {
  const mine = Object.values(it.parts.incidents).filter((row) => row.truck === it.truck && row.open).sort((one, other) => other.raised_at - one.raised_at);
  if (mine.length === 0) return html`<p class="light-row quiet" data-testid="light"><i class="light off" /> ${say("light_off")}</p>`;
  return mine.map((row) => html`<section key=${row.incident_id} class="card alarm-card" data-testid=${`alarm-${row.incident_id}`}>
    <h2><i class=${`light ${row.stage}`} /> ${say(row.reason)}${row.room_name ? ` · ${named(row.room_name)}` : ""} · ${it.time(row.raised_at)}</h2>
    <p class="large">${say(`stage_${row.stage}`)}${row.decision ? ` ${say(`decided_${row.decision}`)}` : ""}</p>
    <ul class="answers">${row.answers.map((one) => html`<li key=${one.id}>${known(`addressee_${one.addressee}`) ? say(`addressee_${one.addressee}`) : one.addressee}${one.truck ? ` (${one.truck})` : ""}: <b>${say(`answer_${one.state}`)}${one.until_at ? ` ${say("until")} ${it.time(one.until_at)}` : ""}</b></li>`)}</ul>
  </section>`);
}

// What became otherwise since the driver looked last.
export function Changed({ it }) {
  if (it.changed.length === 0) return null;
  const row = (one) => `${say(`change_${one.what}${one.after === null && ["later", "moved", "new"].includes(one.what) ? "_first" : ""}`, { name: one.name, after: one.after ?? "", at: it.time(one.eta_at) })}${one.reason && known(`reason_${one.reason}`) ? ` (${say(`reason_${one.reason}`)})` : ""}`;
  return html`<section class="card changed" role="status" data-testid="changed"><h2>${say("changed")}</h2><ul>${it.changed.map((one, index) => html`<li key=${index}>${row(one)}</li>`)}</ul>
    <button class="big" data-testid="looked" onClick=${it.look}>${say("understood")}</button></section>`;
}

function Bins({ it, visit }) {
  const loads = new Set([visit.waste, ...(it.parts.trucks[it.truck]?.loads ?? [])]), bins = it.parts.rooms[visit.room]?.bins ?? {};
  const waits = Object.entries(bins).filter(([waste, row]) => loads.has(waste) && row.count !== null);
  if (waits.length === 0) return html`<span class="bins quiet">${say("bins_not_known")}</span>`;
  return html`<span class="bins">${waits.map(([waste, row]) => html`<span key=${waste}><b>${row.count}</b> ${say(row.count === 1 ? "bin" : "bins")} ${say(waste)}${row.grams === null ? "" : ` · ${Math.round(row.grams / 1000)} kg`}</span>`)}</span>`;
}

const When = ({ it, visit }) => html`<span class="when"><b>${it.time(visit.eta_at)}</b>${visit.eta_at === null || !it.heard.fresh ? null : ` ${say("in_minutes", { minutes: minutes(visit.eta_at, it) })}`}${visit.label && visit.label !== "live" && known(visit.label) ? html` <small>${say(visit.label)}</small>` : null}</span>`;

const owed_of = (it) => (it.run?.visits ?? []).map((id) => it.parts.visits[id]).filter((visit) => visit && is_owed(visit));
const next_of = (it) => owed_of(it).find((visit) => !it.pressed[visit.id]);
const booking_of = (it, visit) => it.bookings.find((row) => row.visit?.join("/") === visit.id);

function note(it, visit) {
  const send = (body) => it.press({ deed: "note", path: `${path_of(visit)}/note`, body, about: { visit: visit.id, name: visit.name } });
  it.sheet({ kind: "note", title: visit.name, send });
}

// The visit that comes next, with what can be done about it.
export function Next({ it }) {
  const visit = next_of(it);
  if (!visit) return html`<section class="card next" data-testid="next"><p class="name">${say(it.run ? "all_done" : "no_run")}</p></section>`;
  const about = { visit: visit.id, name: visit.name }, here = visit.state === "at_stop", booking = booking_of(it, visit);
  const serve = () => it.press({ deed: "serve", path: `${path_of(visit)}/serve`, body: {}, about });
  const skip = () => it.sheet({ kind: "skip", title: visit.name, send: (body) => it.press({ deed: "skip", path: `${path_of(visit)}/skip`, body, about }) });
  return html`<section class="card next" data-testid="next">
    <p class="state">${say(here ? "you_are_here" : "next_stop")}${visit.visit_number > 1 ? ` · ${say("second_visit")}` : ""}${visit.not_before_at ? ` · ${say("not_before", { at: it.time(visit.not_before_at) })}` : ""}</p>
    <p class="name" data-testid="next-name">${named(visit.name)}</p>
    <p><${When} it=${it} visit=${visit} /></p><p><${Bins} it=${it} visit=${visit} /></p>
    ${!it.may ? null : booking ? html`<div class="deeds"><${Fetched} it=${it} row=${booking} /></div>` : html`<div class="deeds">
      <button class="big main" data-testid="serve" onClick=${serve}>${say("did_serve")}</button>
      <button class="big" data-testid="skip" onClick=${skip}>${say("skip")}</button>
      ${here ? html`<button class="big" data-testid="note" onClick=${() => note(it, visit)}>${say("note")}</button>` : null}</div>`}
  </section>`;
}

// Full, and emptied at the transfer station.
export function Load({ it }) {
  if (!it.run || !it.may) return null;
  const full = it.load ? it.load.deed === "full" : it.run.full_at !== null, deed = full ? "emptied" : "full";
  const press = () => it.press({ deed, path: `/api/v1/runs/${it.run.run_id}/${deed}`, body: {}, about: { run: it.run.run_id, name: it.truck } });
  return html`<section class="load">${full ? html`<p class="large">${say("to_the_station")}${it.run.away_until ? ` ${say("back_about", { at: it.time(it.run.away_until) })}` : ""}</p>` : null}
    <button class="big" data-testid=${deed} onClick=${press}>${say(deed)}</button></section>`;
}

const did = (act) => `${say(`did_${act.deed}`)} · ${named(act.about.name)}${act.body?.reason ? ` · ${say(`reason_${act.body.reason}`)}` : ""}${act.body?.litres !== undefined ? ` · ${(act.body.litres / 1000).toFixed(1)} m³` : ""}`;

function Act({ it, act }) {
  const left = Math.ceil(left_ms(act, Date.now()) / 1000);
  return html`<p class="card act" data-testid="act"><span>${did(act)}<br/><small>${it.time((act.made_ms + (act.off_ms ?? 0)) / 1000)} · ${left > 0 ? say("goes_in", { seconds: left }) : say(it.heard.fresh ? "is_sent" : "waits_for_network")}</small></span>
    ${act.state === "kept" ? html`<button class="big" data-testid="take-back" onClick=${() => it.take_back(act.n)}>${say("take_back")}</button>` : null}</p>`;
}

// What was pressed and is not done yet, the last one within reach of the thumb while it can be taken back; and what could
// not be done, until it was read.
export function Outbox({ it }) {
  const last = it.waiting.at(-1), near = last && left_ms(last, Date.now()) > 0 ? last : null;
  return html`<section class="outbox" aria-label=${say("outbox")} data-testid="outbox">
    ${near ? html`<div class="near"><${Act} it=${it} act=${near} /></div>` : null}
    ${it.waiting.filter((act) => act !== near).map((act) => html`<${Act} key=${act.n} it=${it} act=${act} />`)}
    ${it.refused.map((act) => html`<div key=${act.n} class="card act refused" role="alert" data-testid="refused"><span><b>${say("was_refused")}</b> ${did(act)} · ${it.time((act.made_ms + (act.off_ms ?? 0)) / 1000)}<br/>${why(it, act)}</span>
      <button class="big" data-testid="understood" onClick=${() => it.understood(act.n)}>${say("understood")}</button></div>`)}
    ${it.others.length ? html`<p class="card warn" data-testid="others">${say("of_others", { count: it.others.length })}</p>` : null}
  </section>`;
}

function why(it, act) {
  const visit = it.parts.visits[act.about.visit], so = visit && ["serve", "skip"].includes(act.deed) && known(`is_${visit.state}`) ? `${say(`is_${visit.state}`)} ` : "";
  return `${so}${act.told || say(known(`said_${act.status}`) ? `said_${act.status}` : "said_other")}`;
}

// An answer to what may be over by now would surprise somebody: it waits for a network.
const booked_old = (it) => it.now_ms - it.heard.booked_ms > BOOKED_OLD_MS;

// The buttons of a booking that the truck is to fetch.
function Fetched({ it, row }) {
  const about = { booking: row.booking_id, name: row.pile_name }, path = `/api/v1/bookings/${row.booking_id}`;
  const press = (deed, body) => it.press({ deed, path: `${path}/${deed}`, body, about });
  const ask = (kind, more = {}) => it.sheet({ kind, title: row.pile_name, send: (body) => press(kind, body), ...more });
  const loaded = () => ask("loaded", { litres: row.measured_litres ?? row.litres, announced: row.litres });
  if (it.asked[row.booking_id]) return html`<p class="quiet">${say("pressed")}</p>`;
  if (row.state === "requested" && booked_old(it)) return html`<p class="quiet">${say("answer_later")}</p>`;
  if (row.state === "requested") {
    const { version, run_version } = row;
    return html`<button class="big main" data-testid=${`accept-${row.booking_id}`} onClick=${() => press("accept", { version, run_version })}>${say("accept")}</button>
      <button class="big" data-testid=${`decline-${row.booking_id}`} onClick=${() => ask("decline")}>${say("decline")}</button>`;
  }
  return html`<button class="big main" data-testid=${`loaded-${row.booking_id}`} onClick=${loaded}>${say(row.state === "loaded" ? "measured_again" : "loaded")}</button>
    ${row.state === "loaded" ? null : html`<button class="big" data-testid=${`fail-${row.booking_id}`} onClick=${() => ask("fail")}>${say("in_vain")}</button>`}`;
}

// What is booked of this truck, what nobody has said yes to first.
export function Bookings({ it }) {
  if (it.bookings.length === 0) return null;
  const rows = [...it.bookings].sort((one, other) => (other.state === "requested") - (one.state === "requested") || one.from_at - other.from_at);
  const next = next_of(it), shown = next && booking_of(it, next)?.booking_id; // its buttons stand there
  const mayFetch = "POST /api/v1/bookings/{booking}/accept" in me.deeds;
  return html`<section data-testid="bookings"><h2>${say("bookings")}</h2>${booked_old(it) ? html`<p class="warn" role="status" data-testid="booked-at">${say("booked_at", { at: Number.isFinite(it.heard.booked_ms) ? `${it.day(it.heard.booked_ms / 1000)} ${it.time(it.heard.booked_ms / 1000)}` : "?" })}</p>` : null}${rows.map((row) => html`<div key=${row.booking_id} class=${`card booking ${row.state}`} data-testid=${`booking-${row.booking_id}`}>
    <p class="large">${it.day(row.from_at) === it.day(it.now_ms / 1000) ? "" : `${it.day(row.from_at)} `}${it.time(row.from_at)}–${it.time(row.until_at)} · ${(row.litres / 1000).toFixed(1)} m³ · <b>${say(`booking_${row.state}`)}</b></p>
    <p>${named(row.pile_name)} · ${named(row.estate_name)}${row.note ? html`<br/><q>${row.note}</q>` : null}</p>
    ${mayFetch && row.booking_id !== shown ? html`<div class="deeds"><${Fetched} it=${it} row=${row} /></div>` : null}</div>`)}</section>`;
}

// All that is owed, in driving order.
export function Round({ it }) {
  const owed = owed_of(it);
  return html`<section data-testid="round"><h2>${say("round", { count: owed.length })}</h2><ol class="round">${owed.map((visit) => html`<li key=${visit.id} class=${it.pressed[visit.id] ? "quiet" : ""} data-testid=${`visit-${visit.id}`}>
    <span class="name">${named(visit.name)}${visit.visit_number > 1 ? html` <small>${say("second_visit")}</small>` : null}${it.pressed[visit.id] ? html` <small>${say(`did_${it.pressed[visit.id].deed}`)}${it.pressed[visit.id].state === "done" ? "" : ` · ${say("not_sent")}`}</small>` : null}</span>
    <${When} it=${it} visit=${visit} /><${Bins} it=${it} visit=${visit} /></li>`)}</ol></section>`;
}

// The last ones that are settled: a load that was not clean is often seen only when it is on the truck.
export function Done({ it }) {
  const over = (it.run?.visits ?? []).map((id) => it.parts.visits[id]).filter((visit) => visit && !is_owed(visit)).slice(-DONE_SHOWN).reverse();
  if (over.length === 0) return null;
  return html`<section data-testid="done"><h2>${say("settled")}</h2>${over.map((visit) => html`<p key=${visit.id} class="card act"><span>${named(visit.name)}<br/><small>${say(visit.state)}${visit.left_at ? ` ${it.time(visit.left_at)}` : ""}${visit.reason && known(`reason_${visit.reason}`) ? ` · ${say(`reason_${visit.reason}`)}` : ""}${visit.contamination ? ` · ${say(`grade_${visit.contamination}`)}` : ""}</small></span>
    ${it.may && visit.state === "served" ? html`<button class="big" data-testid=${`note-${visit.id}`} onClick=${() => note(it, visit)}>${say("note")}</button>` : null}</p>`)}</section>`;
}
