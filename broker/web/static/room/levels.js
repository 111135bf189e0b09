// The levels below the area: one line, one stop, and the rows as they came.

import { html } from "../vendored/htm-preact-3.1.1.js";
import { named, say } from "../frame/words.js";
import { isOdd, lateMin, stateOf } from "./line/lines.js";
import { amount, Strip } from "./line/strip.js";
import { Notes } from "./side/notes.js";
import { Load } from "./side/roads.js";
import { Lamp, lampOf } from "./side/rooms.js";

const link = (view, label) => html`<a href=${`#/?${new URLSearchParams(view)}`}>${label}</a>`;
const kg = (grams) => (grams === null || grams === undefined ? say("none") : `${(grams / 1000).toFixed(1)} kg`);
const none = (value) => value ?? say("none");

export function lateWord(minutes) {
  if (minutes === null || minutes === 0) return "";
  return say(minutes > 0 ? "late_by" : "early_by", { n: Math.abs(minutes) });
}

// A run in one line: who drives it, since when, how late, what it owes.
export function RunHead({ line, run, tools }) {
  const late = lateMin(run), owes = run.state === "finished" ? 0 : run.owed;
  return html`<header><b>${link({ level: "line", route: line.route }, named(line.name))}</b><span>${`${run.truck} · ${say(run.waste)} · ${tools.clock(run.planned_start_at)} ${say(run.state === "scheduled" ? "scheduled_run" : run.state)}`}</span>
    ${line.ghosts.has(run.run_id) ? html`<span class="alarm"><span class="shape" aria-hidden="true">▽</span> ${say("ghost")}</span>` : null}
    ${run.state === "running" && late ? html`<span class=${late >= 10 ? "warn" : "quiet"}>${late >= 10 ? html`<span class="shape" aria-hidden="true">◷ </span>` : null}${lateWord(late)}</span>` : null}
    ${owes ? html`<span class="quiet">${say("owes", { n: owes })}</span>` : null}<${Load} run=${run} tools=${tools} /></header>`;
}

// What waits on a line for its kind of waste, summed over the rooms that it still has to visit.
export function waitsOf(line, rooms) {
  const at = new Set(line.shown.flatMap((run) => run.visits).filter((visit) => ["pending", "due", "at_stop"].includes(visit.state)).map((visit) => visit.room));
  const known = [...at].map((room) => rooms.get(room)?.bins[line.waste]).filter(Boolean);
  const sum = (name) => (known.some((bins) => bins[name] !== null) ? known.reduce((all, bins) => all + (bins[name] ?? 0), 0) : null);
  const count = sum("count"), grams = sum("grams");
  return [line.waste !== "hazardous" && count !== null ? `${count} ${say("bins")}` : null, grams !== null ? `${Math.round(grams / 1000)} kg` : null].filter(Boolean).join(" · ");
}

function VisitTable({ run, rooms, tools }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${named(run.route_name)}><table><thead><tr>${["level_stop", "state_word", "planned", "eta", "band", "label", "arrived", "left", "waits", "collected"].map((word) => html`<th scope="col" key=${word}>${say(word)}</th>`)}</tr></thead>
    <tbody>${run.visits.map((visit) => html`<tr key=${visit.id}><td>${visit.visit_number > 1 ? `${visit.visit_number}× ` : ""}${link({ level: "stop", room: visit.room }, named(visit.name))}</td>
      <td class=${isOdd(visit) ? "odd" : ""}>${say(stateOf(visit))}${visit.reason ? ` · ${say(`reason_${visit.reason}`)}` : ""}</td><td>${tools.clock(visit.planned_at)}</td><td>${tools.clock(visit.eta_at)}</td>
      <td>${visit.early_at ? `${tools.clock(visit.early_at)}–${tools.clock(visit.late_at)}` : say("none")}</td><td>${visit.label ? say(visit.label) : say("none")}</td><td>${tools.clock(visit.arrived_at)}</td><td>${tools.clock(visit.left_at)}</td>
      <td>${amount(visit.waste, rooms.get(visit.room)?.bins[visit.waste])}</td><td>${visit.bins_before === null ? say("none") : `${visit.bins_before - (visit.bins_after ?? 0)} ${say("bins")}`}</td></tr>`)}</tbody></table></div>`;
}

export function LineLevel({ line, rooms, trucks, at, sizes, width, tools }) {
  if (!line) return html`<p class="quiet">${say("not_there")}</p>`;
  return html`<section data-testid=${`line-${line.route}`}><h2>${named(line.name)} <small>${link({ level: "raw", route: line.route }, say("level_raw"))}</small></h2>
    ${line.runs.map((run) => html`<div class="run" key=${run.run_id}><${RunHead} line=${line} run=${run} tools=${tools} />
      <div class="scroll"><${Strip} line=${line} runs=${[run]} rooms=${rooms} trucks=${trucks} at=${at} sizes=${sizes} width=${width} clock=${tools.clock} truth=${tools.truth()} /></div>
      <${VisitTable} run=${run} rooms=${rooms} tools=${tools} /><${Notes} run=${run} tools=${tools} /></div>`)}</section>`;
}

function Kind({ room, waste, picture, tools }) {
  const bins = room.bins[waste], arrival = room.arrivals[waste];
  const visit = arrival?.run_id ? picture.runs.find((run) => run.run_id === arrival.run_id)?.visits.find((one) => one.room === room.room && one.visit_number === arrival.visit_number) : null;
  return html`<tr><th scope="row">${say(waste)}</th><td><${Lamp} room=${room} waste=${waste} shown=${lampOf(room, waste, picture)} /></td><td>${arrival?.eta_at ? `${tools.clock(arrival.eta_at)} (${tools.clock(arrival.early_at)}–${tools.clock(arrival.late_at)})` : say("none")}</td>
    <td>${visit?.label ? say(visit.label) : say("none")}</td><td>${arrival?.truck ?? say("none")}</td><td>${bins ? `${none(bins.count)} · ${kg(bins.grams)}` : say("none")}</td><td>${bins ? `${none(bins.inside)} · ${kg(bins.inside_grams)}` : say("none")}</td>
    <td class=${bins?.quality ? "odd" : ""}>${bins ? say(bins.quality ? "quality_bad" : "quality_good") : say("none")}</td><td>${bins ? html`<span data-since=${bins.at ?? ""}></span>` : say("none")}</td></tr>`;
}

export function StopLevel({ room, picture, tools }) {
  if (!room) return html`<p class="quiet">${say("not_there")}</p>`;
  const visits = picture.runs.flatMap((run) => run.visits.filter((visit) => visit.room === room.room).map((visit) => ({ visit, run })));
  const calls = visits.filter(({ visit }) => visit.call_id);
  const presses = picture.incidents.filter((row) => row.room === room.room);
  return html`<section data-testid=${`stop-${room.room}`}><h2>${named(room.name)} <small>${named(room.estate_name)} · ${say(room.life === "lost" ? "lost_device" : room.life)} · ${say("heard")} <span data-since=${room.heard_at ?? ""}></span> ${say("ago")} · ${link({ level: "raw", room: room.room }, say("level_raw"))}</small></h2>
    <div class="scroll" tabindex="0" role="region" aria-label=${say("rooms")}><table><thead><tr>${["kind", "lamp", "eta_band", "label", "truck", "waits", "inside", "sensors", "age"].map((word) => html`<th scope="col" key=${word}>${say(word)}</th>`)}</tr></thead>
      <tbody>${room.wastes.map((waste) => html`<${Kind} key=${waste} room=${room} waste=${waste} picture=${picture} tools=${tools} />`)}</tbody></table></div>
    <p class="quiet">${say("lamps_age")} <span data-since=${room.lamps_at ?? ""}></span> ${say("ago")}</p>
    <h2>${say("visits_today")}</h2>
    ${visits.length ? html`<ul class="visits">${visits.map(({ visit, run }) => html`<li key=${visit.id}>${visit.visit_number > 1 ? `${visit.visit_number}× ` : ""}${link({ level: "line", route: run.route }, named(run.route_name))} · ${run.truck} · <span class=${isOdd(visit) ? "odd" : ""}>${say(stateOf(visit))}</span>
      ${[visit.planned_at && `${say("planned")} ${tools.clock(visit.planned_at)}`, visit.eta_at && `${say("eta")} ${tools.clock(visit.eta_at)}`, visit.arrived_at && `${say("arrived")} ${tools.clock(visit.arrived_at)}`, visit.left_at && `${say("left")} ${tools.clock(visit.left_at)}`].filter(Boolean).map((text) => ` · ${text}`).join("")}</li>`)}</ul>` : html`<p class="quiet">${say("none_today")}</p>`}
    <h2>${say("calls_today")}</h2>
    ${calls.length ? html`<ul class="calls">${calls.map(({ visit, run }) => html`<li key=${visit.call_id}>${`${say("called")} ${tools.clock(visit.due_at)} · ${say(run.waste)} · ${run.truck} · ${say("promised")} ${tools.clock(visit.promised_at)}${visit.arrived_at ? ` · ${say("arrived")} ${tools.clock(visit.arrived_at)} (${say("lead", { n: Math.round((visit.arrived_at - visit.due_at) / 60) })})` : ""}`}</li>`)}</ul>` : html`<p class="quiet">${say("none_today")}</p>`}
    ${presses.length ? html`<h2>${say("incidents")}</h2><ul>${presses.map((row) => html`<li key=${row.incident_id}>${`${tools.moment(row.raised_at)} ${row.truck} · ${say(row.reason)} · ${say(row.workflow)}`}</li>`)}</ul>` : null}</section>`;
}

// The rows of what is selected, as they came: a room, a truck, a press, a line, else what is about everything.
export function rawOf(picture, view) {
  if (view.room) return { room: picture.rooms.find((row) => row.room === view.room) ?? null, visits: picture.runs.flatMap((run) => run.visits.filter((visit) => visit.room === view.room)) };
  if (view.truck) return { truck: picture.trucks.find((row) => row.truck === view.truck) ?? null, runs: picture.runs.filter((run) => run.truck === view.truck) };
  if (view.incident) return { incident: picture.incidents.find((row) => row.incident_id === view.incident) ?? null };
  if (view.route) return { runs: picture.runs.filter((run) => run.route === view.route) };
  return Object.fromEntries(Object.entries(picture).filter(([, value]) => !Array.isArray(value)));
}

export const RawLevel = ({ picture, view }) => html`<section data-testid="raw"><h2>${say("level_raw")}</h2><pre tabindex="0">${JSON.stringify(rawOf(picture, view), null, 1)}</pre></section>`;
