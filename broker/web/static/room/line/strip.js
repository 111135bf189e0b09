// The strip of a line: its stops in a row, each of its trucks between two of them, and the thin line to where it should be.

import { html } from "../../vendored/htm-preact-3.1.1.js";
import { named, say } from "../../frame/words.js";
import { isOdd, stateOf } from "./lines.js";
import { chosen, layout } from "./names.js";
import { outsideWord } from "../../playback/beside.js";
import { columnsOf, placed, plannedX, truckX } from "./places.js";

const ruler = document.createElement("canvas").getContext("2d"), RULED_PX = 100, MOST_KNOWN = 20000;
const widths = new Map(); // of a text at RULED_PX: the same names come again and again

function measure(px) {
  if (!widths.size) ruler.font = `${RULED_PX}px ${getComputedStyle(document.body).fontFamily}`;
  return (text) => {
    if (!widths.has(text)) {
      if (widths.size > MOST_KNOWN) widths.clear();
      widths.set(text, ruler.measureText(text).width);
    }
    return (widths.get(text) * px) / RULED_PX;
  };
}

// What waits: hazardous waste by its weight, in bins that stay where they are; all else in bins.
export function amount(waste, bins) {
  if (!bins) return "";
  if (waste === "hazardous") return bins.grams === null ? "" : `${(bins.grams / 1000).toFixed(1)} kg`;
  return bins.count === null ? "" : `${bins.count} ${say(bins.count === 1 ? "bin" : "bins")}`;
}

// How much a stop's name is wanted where there is no room for all of them.
const weight = (visit, waits) => (["held", "skipped", "cancelled"].includes(stateOf(visit)) ? 4 : visit.state === "at_stop" ? 3 : visit.state === "due" ? 2 : visit.visit_number > 1 && !waits ? 2 : 0);

function mark(visit, x, y, r) {
  const state = stateOf(visit), cross = html`<path class="odd" d=${`M${x - r * 0.6} ${y - r * 0.6}l${r * 1.2} ${r * 1.2}m0 ${-r * 1.2}l${-r * 1.2} ${r * 1.2}`} />`;
  if (state === "held") return html`<path class="stop held" d=${`M${x} ${y - r * 1.2}l${r * 1.2} ${r * 1.2}l${-r * 1.2} ${r * 1.2}l${-r * 1.2} ${-r * 1.2}z`} />`;
  return html`<circle class=${`stop ${state}`} cx=${x} cy=${y} r=${state === "pending" ? r * 0.7 : r} />
    ${state === "skipped" || state === "cancelled" ? cross : null}
    ${state === "due" ? html`<circle class="core" cx=${x} cy=${y} r=${r * 0.45} />` : null}
    ${state === "served" ? html`<path class="tick" d=${`M${x - r * 0.45} ${y}l${r * 0.35} ${r * 0.45}l${r * 0.65} ${-r * 0.9}`} />` : null}`;
}

function Lane({ run, y, r, x, truck, places, at, ghost, clock, text, truth }) {
  const should = run.state === "finished" ? null : plannedX(run, at, x), is = truck && run.active && run.state !== "finished" && !ghost ? truckX(run, truck, places, x) : null;
  const top = y - r * 1.5, size = r * 1.2;
  return html`<g data-testid=${`run-${run.run_id}`}>
    ${is !== null && should !== null && Math.abs(is - should) > 3 ? html`<path class="should" d=${`M${is} ${top}H${should}V${y + r}`} />` : null}
    ${run.visits.map((visit) => html`<a key=${visit.id} class="visit" href=${`#/?level=stop&room=${encodeURIComponent(visit.room)}`} data-testid=${`visit-${visit.id}`}>
      <title>${[named(visit.name), say(stateOf(visit)), visit.label && visit.label !== stateOf(visit) && say(visit.label), visit.eta_at && clock(visit.eta_at), outsideWord(visit, truth)].filter(Boolean).join(" · ")}</title>
      <circle class="reach" cx=${x(visit)} cy=${y} r=${r * 1.6} />${mark(visit, x(visit), y, r)}${outsideWord(visit, truth) ? html`<path class="outside" d=${`M${x(visit) - r * 1.5} ${y + r * 1.7}h${r * 3}`} />` : null}</a>`)}
    ${ghost ? html`<g class="ghost"><title>${`${run.truck} · ${say("ghost")}`}</title><path d=${`M${(should ?? x(run.visits[0])) - size} ${top - size * 1.5}h${size * 2}l${-size} ${size * 1.5}z`} />
      <text x=${should ?? x(run.visits[0])} y=${top - size * 1.8} text-anchor="middle" style=${{ fontSize: `${text}px` }}>${`${run.truck} ?`}</text></g>` : null}
    ${is === null ? null : html`<g class=${`truck ${truck.fresh ? "" : "old"} ${truck.incidents.length ? "pressed" : truck.held || truck.off_route ? "warned" : ""}`} data-testid=${`mark-${run.truck}`}>
      <title>${[run.truck, truck.held && say("held"), truck.off_route && say("off_route"), truck.incidents.length && say("incidents")].filter(Boolean).join(" · ")}</title>
      <path d=${`M${is - size} ${top - size * 1.5}h${size * 2}l${-size} ${size * 1.5}z`} />
      <text x=${is} y=${top - size * 1.8} text-anchor="middle" style=${{ fontSize: `${text}px` }}>${run.truck}</text></g>`}</g>`;
}

export function Strip({ line, rooms, trucks, at, sizes, width, clock, truth = null, runs = line.shown }) {
  const text = sizes.wall ? sizes.px : sizes.px * 0.75, u = text / 12, wide = measure(text), most = 110 * u;
  const columns = columnsOf(runs), labels = columns.map((column) => (column.visit_number > 1 ? `${column.visit_number}× ` : "") + named(column.name));
  const laid = sizes.names ? layout(labels, wide, { each: 58 * u, most }) : { least: 14 * u, names: [] };
  const { least, names } = laid, edge = sizes.names ? Math.max(least / 2, 30 * u) : 18 * u;
  const full = Math.max(width, sizes.names ? least * Math.max(0, columns.length - 1) + 2 * edge : 0);
  const xs = placed(columns, rooms, { width: full, edge, least }), at_x = new Map(columns.map((column, i) => [column.key, xs[i]]));
  const x = (visit) => at_x.get(`${visit.room}/${visit.visit_number}`), r = 7 * u, lane = 54 * u, lanes = runs.length * lane;
  // Of a stop that several runs visit, the visit that matters most is told below.
  const told = columns.map((column) => runs.flatMap((run) => run.visits).filter((visit) => `${visit.room}/${visit.visit_number}` === column.key).sort((a, b) => weight(b) - weight(a))[0]);
  const row = text * 1.2, deep = Math.max(0, ...names.map((lines) => lines.length)), below = lanes + text * 0.9;
  const few = sizes.names ? [] : chosen(told.map((visit, i) => ({ i, x: xs[i], bold: isOdd(visit), label: [labels[i], isOdd(visit) ? say(stateOf(visit)) : ""].join(" ").trim(), weight: weight(visit) })).filter((one) => one.weight > 1), wide, full);
  const few_lines = Math.max(0, ...few.map((one) => one.line + 1));
  const words = (visit) => outsideWord(visit, truth) || (isOdd(visit) || ["due", "at_stop"].includes(visit.state) ? say(stateOf(visit)) : "");
  const moment = (visit) => visit.left_at ?? visit.arrived_at ?? visit.eta_at, time = (visit) => (moment(visit) ? clock(moment(visit)) : "");
  const height = sizes.names ? below + row * (deep + 1) + text * 0.4 : lanes + row * (few_lines ? few_lines + 0.2 : 0);
  return html`<svg viewBox=${`0 0 ${full} ${height}`} width=${full} height=${height} role="group" aria-label=${`${named(line.name)} · ${runs.map((run) => run.truck).join(" ")}`} style=${{ fontSize: `${text}px` }}>
    ${runs.map((run, i) => html`<line key=${`track-${run.run_id}`} class="track" x1=${xs[0]} x2=${xs.at(-1)} y1=${(i + 0.76) * lane} y2=${(i + 0.76) * lane} />`)}
    ${runs.map((run, i) => html`<${Lane} key=${run.run_id} run=${run} y=${(i + 0.76) * lane} r=${r} x=${x} truck=${trucks.get(run.truck)} places=${rooms} at=${at} ghost=${line.ghosts.has(run.run_id)} clock=${clock} text=${text} truth=${truth} />`)}
    ${sizes.names ? columns.map((column, i) => html`<g key=${column.key} class=${`name ${isOdd(told[i]) ? "odd" : ""}`}>
      <text y=${below} text-anchor="middle">${names[i].map((part, n) => html`<tspan x=${xs[i]} dy=${n ? row : 0}>${part}</tspan>`)}</text>
      <text class="time" x=${xs[i]} y=${below + row * deep} text-anchor="middle">${time(told[i])}</text>
      <text class=${outsideWord(told[i], truth) ? "word outside" : "word"} x=${xs[i]} y=${below + row * (deep + 1)} text-anchor="middle">${words(told[i]) || (sizes.waits && told[i].state !== "served" ? amount(told[i].waste, rooms.get(column.room)?.bins[told[i].waste]) : "")}</text></g>`)
      : few.map((one) => html`<g key=${columns[one.i].key} class=${`name ${isOdd(told[one.i]) ? "odd" : ""}`}><path class="tether" d=${`M${one.x} ${lanes - 2 * u}L${one.at} ${lanes + row * (one.line + 0.15)}`} /><text x=${one.at} y=${lanes + row * (one.line + 0.95)} text-anchor="middle">${one.label}</text></g>`)}
  </svg>`;
}
