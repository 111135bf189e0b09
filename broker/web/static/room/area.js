// The whole area: its lines as strips, then trucks and rooms; of long lists only what is in view is drawn.

import { html } from "../vendored/htm-preact-3.1.1.js";
import { named, say } from "../frame/words.js";
import { kept } from "./kept.js";
import { RunHead, waitsOf } from "./levels.js";
import { Strip } from "./line/strip.js";
import { isQuiet as quietRoom, Rooms } from "./side/rooms.js";
import { blocks, Seen } from "./side/seen.js";
import { isQuiet as quietTruck, Trucks } from "./side/trucks.js";

const MOVES_S = 5, LONG = 60, TRUCK_PX = 34, ROOM_PX = 26, STRIP_PX = 190;

// What a line's drawing rests on: its runs, their trucks and rooms, and every few seconds the time.
function rests(line, { rooms, trucks, at, width, drawn, truth }) {
  const at_stops = new Set(line.shown.flatMap((run) => run.visits.map((visit) => visit.room)));
  return [drawn, width, truth, line.under_way ? Math.floor(at / MOVES_S) : 0, ...line.shown, ...line.shown.map((run) => trucks.get(run.truck)), ...line.shown.map((run) => line.ghosts.has(run.run_id)), ...[...at_stops].map((room) => rooms.get(room))];
}

function LinePart({ line, rooms, trucks, at, sizes, width, tools }) {
  const waits = sizes.waits ? waitsOf(line, rooms) : "", over = line.runs.filter((run) => !line.shown.includes(run));
  return html`<div class=${`run ${line.odd ? "odd-line" : ""}`} data-testid=${`line-${line.route}`}>${line.shown.map((run) => html`<${RunHead} key=${run.run_id} line=${line} run=${run} tools=${tools} />`)}
    <p class="facts quiet">${[waits && `${say("waits")} ${waits}`, over.length && say("further_runs", { n: over.length })].filter(Boolean).join(" · ")}</p>
    <div class="scroll"><${Strip} line=${line} rooms=${rooms} trucks=${trucks} at=${at} sizes=${sizes} width=${width} clock=${tools.clock} truth=${tools.truth()} /></div></div>`;
}

export function Lines({ lines, all, tools, ...more }) {
  const wall = more.sizes.wall, seen = wall ? lines.filter((line) => line.under_way || line.odd) : lines, rest = lines.length - seen.length;
  const part = (line) => kept(`line/${line.route}`, rests(line, { ...more, truth: tools.truth() }), () => html`<${LinePart} key=${line.route} line=${line} tools=${tools} ...${more} />`);
  const finished = all.filter((run) => run.state === "finished");
  return html`<section id="lines"><h2>${say("runs")}</h2><div id="runs">${seen.length > LONG / 3 ? blocks(seen, 3).map((some, i) => html`<${Seen} key=${i} about_px=${some.length * STRIP_PX} draw=${() => some.map(part)} />`) : seen.map(part)}</div>
    ${rest ? html`<p class="quiet">${say("lines_quiet", { n: rest })}</p>` : null}
    ${!wall && finished.length ? html`<details class="over" data-testid="runs-over"><summary>${`${say("finished_today")} (${finished.length})`}</summary><ul>${finished.map((run) => html`<li key=${run.run_id}><a href=${`#/?level=line&route=${encodeURIComponent(run.route)}`}>${named(run.route_name)}</a>${` · ${run.truck} · ${tools.clock(run.started_at)}–${tools.clock(run.ended_at)} · ${say("served_of", { n: run.visits.filter((visit) => visit.state === "served").length, all: run.visits.length })}`}</li>`)}</ul></details>` : null}</section>`;
}

export function Devices({ picture, sizes, tools, drawn }) {
  const trucks = sizes.quiet ? picture.trucks : picture.trucks.filter((row) => !quietTruck(row)), rooms = sizes.quiet ? picture.rooms : picture.rooms.filter((row) => !quietRoom(row, picture));
  const drawTrucks = (rows) => html`<${Trucks} rows=${rows} tools=${tools} drawn=${drawn} />`, drawRooms = (rows) => html`<${Rooms} rows=${rows} picture=${picture} tools=${tools} drawn=${drawn} />`;
  const left = (all, shown) => (shown < all ? html`<p class="quiet">${say("quiet_left_out", { n: all - shown })}</p>` : null);
  return html`${picture.trucks.length ? html`<section><h2>${say("trucks")}</h2>${trucks.length > LONG ? blocks(trucks, 20).map((some, i) => html`<${Seen} key=${i} about_px=${some.length * TRUCK_PX} draw=${() => drawTrucks(some)} />`)
      : trucks.length ? html`<div class="scroll" tabindex="0" role="region" aria-label=${say("trucks")}>${drawTrucks(trucks)}</div>` : null}${left(picture.trucks.length, trucks.length)}</section>` : null}
    <section><h2>${say("rooms")}</h2>${rooms.length > LONG ? blocks(rooms, 24).map((some, i) => html`<${Seen} key=${i} about_px=${some.length * ROOM_PX} draw=${() => drawRooms(some)} />`) : drawRooms(rooms)}${left(picture.rooms.length, rooms.length)}</section>`;
}
