// The town from the plan: lines, rooms with what their lamps show, trucks where they truly are.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { run } from "./run.js";
import { named, say } from "./words.js";

const WIDE = 1000;
const EDGE = 40;
const NEAR = 27;
const URGENT = ["at_stop", "held", "due", "no_data", "dead"];
let drawn = null;

// Degrees to the drawing: a degree of longitude is shorter the further from the equator.
function frame() {
  if (drawn) return drawn;
  const points = [...run.scene.lines.flatMap((line) => line.points), ...run.scene.rooms.map((room) => [room.lat, room.lon])];
  const lats = points.map(([lat]) => lat);
  const lons = points.map(([, lon]) => lon);
  const [south, north, west, east] = [Math.min(...lats), Math.max(...lats), Math.min(...lons), Math.max(...lons)];
  const shorter = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const scale = (WIDE - 2 * EDGE) / Math.max(1e-6, (east - west) * shorter);
  const high = Math.max(120, (north - south) * scale + 2 * EDGE);
  const place = ([lat, lon]) => [EDGE + (lon - west) * shorter * scale, high - EDGE - (lat - south) * scale].map((part) => Math.round(part * 10) / 10);
  drawn = { place, high: Math.round(high), lines: run.scene.lines.map((line) => ({ waste: line.waste, points: line.points.map((point) => place(point).join(",")).join(" ") })) };
  return drawn;
}

const urgent = (room) => URGENT.find((shown) => room.lamps.some((lamp) => lamp.shown === shown)) ?? "off";

// Trucks that stand in one place are drawn one beside the other.
function beside(trucks) {
  const drawn = [];
  for (const [truck, x, y] of trucks) {
    let right = x;
    while (drawn.some(([, there, height]) => Math.abs(there - right) < NEAR && Math.abs(height - y) < NEAR)) right += NEAR;
    drawn.push([truck, right, y]);
  }
  return drawn;
}

export function Town() {
  const { place, high, lines } = frame();
  const names = Object.fromEntries(run.scene.rooms.map((room) => [room.id, room]));
  return html`<section class="card town"><h2>${say("map")}</h2><svg viewBox=${`0 0 ${WIDE} ${high}`} role="group" aria-label=${say("map")}>
    ${lines.map((line) => html`<polyline class="line" points=${line.points} />`)}
    ${run.now.rooms.map((room) => {
      const [x, y] = place([names[room.id].lat, names[room.id].lon]);
      const shown = urgent(room);
      return html`<a key=${room.id} href=${`#${room.id}`} aria-label=${`${room.id} ${named(names[room.id].name)}: ${say(`lamp_${shown}`)}`}>
        <rect class=${`place ${shown}`} x=${x - 9} y=${y - 9} width="18" height="18" rx="3" /><text x=${x} y=${y - 15} text-anchor="middle">${room.id}</text></a>`;
    })}
    ${beside(run.now.trucks.map((truck) => [truck, ...place([truck.lat, truck.lon])])).map(([truck, x, y]) => {
      return html`<a key=${truck.id} href=${`#${truck.id}`} aria-label=${`${truck.id}: ${say(`truck_${truck.state}`)}`} data-testid=${`at-${truck.id}`} transform=${`translate(${x} ${y})`}>
        <circle class="truck-mark" r="13" /><text class="on-truck" text-anchor="middle" y="4">${truck.id.replace(/^t0*/, "")}</text></a>`;
    })}</svg></section>`;
}
