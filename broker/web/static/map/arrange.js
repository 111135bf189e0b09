// What is written beside what: the texts of all things, their marks, and which labels have room.

import { place } from "./labels.js";
import { markOf } from "./paint.js";

const NAMES = 400; // more rooms than that in the window are specks without names, where they are calm
const OLD_S = 20; // from then on a truck's age stands beside it
const SPECK = { shape: "speck", tone: "quiet", r: 1.8 };
const WEIGHT = { selected: 100, incident: 90, truck: 80, urgent: 60, estate: 30, room: 20 };
const LINE = 1.25, TRUCK = 0.7, FAR_PX = 80; // a text's height and half a truck, of its size; and how far outside a label's mark may be

// The texts, in the reader's words.
export function texts(say, named) {
  const room = (one) => `${named(one.name)}${one.state === "calm" ? "" : ` · ${say(`map_${one.state}`)}`}`;
  function truck(row, at, whole) {
    const old = at - (row.fix_at ?? at), word = row.run_id && (row.fresh ? ["held", "off_route"].find((one) => row[one]) : "old");
    return [row.truck, word && say(`map_${word}`), (whole || old >= OLD_S) && (old < 120 ? `${old} ${say("seconds")}` : `${Math.round(old / 60)} ${say("minutes")}`)].filter(Boolean).join(" · ");
  }
  const press = (one) => `${say(one.reason)} · ${one.truck}`;
  return { room, truck, press };
}

// Gives {marks, labels, trucks}: marks to paint, labels with their place beside their mark (dx, dy), and of trucks their texts and places.
export function arranged({ view, px, measured, plan, presses, trucks, at, selected, odd, say, named }) {
  const h = px * LINE, labels = [], marks = [], taken = [], write = texts(say, named);
  const is = (kind, id) => selected?.kind === kind && selected.id === id;
  const seen = ([x, y]) => x > 0 && y > 0 && x < view.width && y < view.height;
  const box = ([x, y], r) => taken.push({ left: x - r, right: x + r, top: y - r, bottom: y + r });
  const wide = (text, bold = true) => ({ text, w: measured(text, px, bold) });
  function label(of, text, weight, tone, more = {}) {
    const [x, y] = view.screen(of);
    if (x < -FAR_PX || y < -FAR_PX || x > view.width + FAR_PX || y > view.height + FAR_PX) return;
    labels.push({ at: of, x, y, h, weight, tone, ...wide(text, Boolean(more.bold)), ...more });
  }
  // An estate is named in its middle where that is clear of its rooms; else their names say whose they are.
  for (const one of plan.estates.values()) {
    const mine = is("estate", one.estate);
    one.named = mine || (one.far * view.scale > 3 * h && seen(view.screen(one)));
    if (one.named) label(one, named(one.name), mine ? WEIGHT.selected : WEIGHT.estate, mine ? "blue" : "ink", { middle: true, r: 0, bold: mine });
  }
  const shortly = (room) => {
    const estate = plan.estates.get(room.estate), name = named(room.name), of = estate?.named ? named(estate.name) : null;
    return of && name.startsWith(of) ? name.slice(of.length).trim() || name : name;
  };
  const crowd = [...plan.rooms.values()].filter((room) => seen(view.screen(room))).length > NAMES;
  for (const room of plan.rooms.values()) {
    const { x, y, state } = room, calm = state === "calm", mine = is("room", room.place), came = odd.get(room.place);
    if (room.kind === "pile") {
      marks.push({ x, y, shape: "square", tone: "line", r: px * 0.2 });
      continue;
    }
    const mark = crowd && calm ? SPECK : markOf(state, px), spot = view.screen(room);
    if (mine) marks.push({ x, y, shape: "halo", tone: "blue", r: mark.r + 5 });
    marks.push({ x, y, ...mark });
    if (came) marks.push({ x, y, shape: "ring", tone: "warn", r: mark.r + 4 });
    if (mark !== SPECK && seen(spot)) box(spot, mark.r);
    if (came) label(room, `${write.room(room)} · ${came}`, WEIGHT.urgent, "warn", { bold: true, r: mark.r + 4, short: wide(came) });
    else if (mine || !calm) label(room, write.room(room), mine ? WEIGHT.selected : WEIGHT.urgent, mine && calm ? "blue" : mark.tone, { bold: true, r: mark.r, short: calm ? null : wide(say(`map_${state}`)) });
    else if (!crowd) label(room, shortly(room), WEIGHT.room, "quiet", { r: mark.r });
  }
  if (plan.station) {
    marks.push({ ...plan.station, shape: "square", tone: "quiet", r: px * 0.4 });
    label(plan.station, say("map_station"), WEIGHT.estate, "quiet", { r: px * 0.4 });
  }
  for (const one of presses) {
    const mine = is("incident", one.id), r = px * (mine ? 0.75 : 0.6);
    marks.push({ x: one.x, y: one.y, shape: "diamond", tone: "alarm", r });
    label(one, `! ${write.press(one)}`, WEIGHT.incident + mine, "alarm", { bold: true, r, short: wide("!") });
  }
  for (const [id, held] of trucks) {
    if (held.hidden || !held.world) continue;
    const mine = is("truck", id);
    box(view.screen(held.world), px * TRUCK);
    label(held.world, write.truck(held.row, at, mine), mine ? WEIGHT.selected : WEIGHT.truck, "ink", { bold: true, r: px * TRUCK + 2, truck: id, short: wide(id) });
  }
  const found = place(labels, view.width, view.height, taken).map((one) => ({ ...one, dx: one.left - one.x, dy: one.top - one.y }));
  const beside = new Map(found.filter((one) => one.truck).map((one) => [one.truck, { text: one.text, dx: one.dx, dy: one.dy + h / 2 }]));
  return { marks, labels: found.filter((one) => !one.truck), trucks: beside };
}
