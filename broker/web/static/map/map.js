// The map that draws itself, from the plan's own lines and the picture: nothing is asked of anybody else.
//
//   const map = mountMap(container, { say, named, onSelect });   the words of /static/map must be spoken (frame/words.js)
//   map.draw(picture, selected)     as often as there is a picture; a row that is the same object as before costs nothing
//   map.destroy()
//
// `selected` and what `onSelect` is told are {kind: "truck" | "room" | "incident" | "estate", id}, or null; an incident's id is
// "truck/incident_id". The size of text is the container's own (font-size), its colours stand in map.css.

import { beneath } from "./basemap.js";
import { ground, inside, line, metres, placed } from "./geometry.js";
import { place } from "./labels.js";
import { movers } from "./moving.js";
import { boxed, heat, markOf, measurer, paint, tones } from "./paint.js";
import { roomState } from "./states.js";
import { viewOn } from "./view.js";

const FRAME_MS = 100, PLACE_MS = 1000, SETTLE_MS = 150, REPAINT_MS = 400; // trucks move, labels find places, a gesture is over, and within one
const AROUND_M = 45; // an estate reaches so far around its rooms
const NAMES = 400; // more calm rooms than that in the window have no names
const OLD_S = 20; // from then on a truck's age stands beside it
const ELAPSED_S = 1.5; // a picture is not carried on for longer: what stopped stands
const GROUND_AGAIN_MS = 60_000;
const TAP_PX = 26;
const SPECK = { shape: "speck", tone: "quiet", r: 1.8 }; // a calm room among so many
const WEIGHT = { selected: 100, incident: 90, truck: 80, urgent: 60, estate: 30, room: 20 };

export function mountMap(container, { say, named, onSelect = () => {} }) {
  const root = build(container);
  const view = viewOn(root.part, () => { dirty = placing = moved = true; lastMove = performance.now(); schedule(); });
  const context = root.canvas.getContext("2d"), measured = measurer(context);
  const still = matchMedia("(prefers-reduced-motion: reduce)"), dark = matchMedia("(prefers-color-scheme: dark)");
  const ways = new Map(), estates = new Map(), rooms = new Map();
  let plan = null, cells = null, base = null, picture = null, heardAt = 0, selected = null;
  let scene = { streets: [], estates: [], heat: null, closed: [], marks: [], stamps: new Map(), labels: [], cross: false };
  let colours = tones(root.part), px = 16, ratio = 1, dirty = true, placing = true, moved = true, lastMove = 0, placedAt = 0, frame = 0, gone = false, painted = null, settling = 0;
  const moving = movers(root.svg, view, (row, of) => {
    const run = row.run_id && of.runs.find((one) => one.run_id === row.run_id), way = run && wayOf(run);
    return { way: way?.line ?? null, along: way && run.along_m !== null ? (run.along_m * way.line.length) / Math.max(1, way.length_m) : null };
  });

  const wayOf = (run) => [...(ways.get(run.route) ?? [])].find((way) => !way.trips.length || way.trips.some((trip) => run.run_id === trip || run.run_id.startsWith(`${trip}.`)));
  const now = () => picture.at + Math.min(ELAPSED_S, (performance.now() - heardAt) / 1000);

  // --- the plan ---

  async function read() {
    const answer = await fetch("/api/v1/plan/map").catch(() => null);
    if (gone) return;
    if (!answer?.ok) return void setTimeout(() => gone || read(), 5000);
    plan = await answer.json();
    for (const one of plan.lines) {
      const points = one.points.map(([lat, lon]) => placed(lat, lon));
      ways.set(one.route, [...(ways.get(one.route) ?? []), { ...one, line: line(points) }].sort((a, b) => b.trips.length - a.trips.length));
    }
    for (const one of plan.places) rooms.set(one.place, { ...one, ...placed(one.lat, one.lon), state: "calm", row: null });
    for (const one of plan.estates) {
      const own = [...rooms.values()].filter((room) => room.estate === one.estate);
      const around = ground(own, AROUND_M);
      const middle = { x: own.reduce((sum, room) => sum + room.x, 0) / own.length, y: own.reduce((sum, room) => sum + room.y, 0) / own.length };
      estates.set(one.estate, { ...one, ...middle, around, far: Math.max(...around.map(({ x, y }) => Math.hypot(x - middle.x, y - middle.y))) });
    }
    const streets = [...ways.values()].flat().map((way) => way.line.points);
    scene.streets = streets.filter((points) => points.length > 1).map(boxed);
    scene.estates = [...estates.values()].map((one) => boxed(one.around));
    view.all([...streets.flat(), ...rooms.values()]);
    if (plan.basemap) base = beneath(root.base, plan.basemap, view, dark.matches);
    root.licence.textContent = plan.basemap ?? "";
    if (plan.ground) readGround();
    if (picture) draw(picture, selected);
    root.part.dataset.ready = "1";
  }

  async function readGround() {
    const answer = await fetch("/api/v1/plan/ground").catch(() => null);
    if (gone || !answer?.ok) return;
    cells = await answer.json();
    scene.heat = heat(cells, colours.ground);
    dirty = true;
    schedule();
    if (!cells.whole) setTimeout(() => gone || readGround(), GROUND_AGAIN_MS);
  }

  // --- the picture ---

  function draw(newer, chosen = null) {
    picture = newer;
    heardAt = performance.now();
    const before = selected;
    selected = chosen;
    moving.told(picture);
    for (const row of picture.rooms) {
      const room = rooms.get(row.room);
      if (!room || room.row === row) continue;
      room.row = row;
      const state = roomState(row);
      if (state !== room.state) (room.state = state), (dirty = placing = true);
    }
    const closed = picture.closures ?? [];
    if (closed !== scene.closures || picture.incidents !== scene.incidents) {
      scene.closures = closed;
      scene.incidents = picture.incidents;
      scene.closed = closed.map((one) => [rooms.get(one.room), rooms.get(one.other_room)].filter(Boolean)).filter((ends) => ends.length === 2);
      scene.presses = picture.incidents.filter((one) => one.open).map(press).filter(Boolean);
      dirty = placing = true;
    }
    if (before?.id !== selected?.id || before?.kind !== selected?.kind) (dirty = placing = true), announce();
    placing = true;
    schedule();
  }

  function press(one) {
    const at = one.lat !== null && one.lat !== undefined ? placed(one.lat, one.lon) : rooms.get(one.room);
    return at && { x: at.x, y: at.y, id: `${one.truck}/${one.incident_id}`, text: `${say(one.reason)} · ${one.truck}` };
  }

  // --- what is where ---

  // Everything that can be chosen, the weightiest first: {kind, id, x, y, text}.
  function things() {
    const trucks = [...moving.all].map(([id, held]) => ({ kind: "truck", id, ...(held.world ?? held.glide.place()), text: truckText(held.row, true) }));
    const found = [...rooms.values()].filter((room) => room.kind === "room").map((room) => ({ kind: "room", id: room.place, x: room.x, y: room.y, text: roomText(room) }));
    return [...(scene.presses ?? []).map((one) => ({ kind: "incident", ...one })), ...trucks, ...found];
  }

  function near(left, top, within) {
    const far = (thing, heavier) => {
      const [x, y] = view.screen(thing);
      return Math.hypot(x - left, y - top) + (heavier ? 0 : 6);
    };
    const close = things().map((thing) => ({ thing, far: far(thing, thing.kind !== "room") })).filter((one) => one.far <= within).sort((a, b) => a.far - b.far);
    if (close.length) return close[0].thing;
    const at = view.world(left, top), estate = [...estates.values()].find((one) => inside(one.around, at));
    return estate ? { kind: "estate", id: estate.estate } : null;
  }

  const choose = (thing) => onSelect(thing && { kind: thing.kind, id: thing.id });
  view.tap = (left, top) => choose(near(left, top, TAP_PX));
  view.key = (key) => {
    if (key === "Enter" || key === " ") choose(near(view.width / 2, view.height / 2, Math.min(view.width, view.height) / 6));
    else if (key === "Escape") choose(null);
    else if (key === "n" || key === "p") {
      const seen = things(), at = seen.findIndex((one) => one.kind === selected?.kind && one.id === selected?.id);
      const next = seen.at(key === "n" ? (at + 1) % seen.length : at - (at >= 0)) ?? null;
      if (!next) return true;
      const [x, y] = view.screen(next);
      if (x < 0 || y < 0 || x > view.width || y > view.height) view.to(next);
      choose(next);
    } else return false;
    return true;
  };

  function announce() {
    const found = selected && (selected.kind === "estate" ? { text: named(estates.get(selected.id)?.name ?? selected.id) } : things().find((one) => one.kind === selected.kind && one.id === selected.id));
    root.said.textContent = found ? found.text : "";
  }

  // --- labels ---

  const roomText = (room) => `${named(room.name)}${room.state === "calm" ? "" : ` · ${say(`map_${room.state}`)}`}`;
  // A calm room beside the name of its estate is called by what follows that.
  function shortly(room) {
    const estate = estates.get(room.estate), name = named(room.name), of = estate && named(estate.name);
    return estate && estate.named && name.startsWith(of) ? name.slice(of.length).trim() || name : name;
  }
  function truckText(row, whole = false) {
    const old = picture.at - (row.fix_at ?? picture.at), state = ["old", "held", "off_route"].find((one) => row.run_id && (one === "old" ? !row.fresh : row[one]));
    const words = [row.truck, state && say(`map_${state}`), (whole || old >= OLD_S) && (old < 120 ? `${old} ${say("seconds")}` : `${Math.round(old / 60)} ${say("minutes")}`)];
    return words.filter(Boolean).join(" · ");
  }

  function arrange() {
    placedAt = performance.now();
    placing = false;
    const h = px * 1.25, labels = [], marks = [], taken = [], is = (kind, id) => selected?.kind === kind && selected.id === id;
    const label = (at, text, weight, tone, more = {}) => {
      const [x, y] = view.screen(at);
      if (x < -80 || y < -30 || x > view.width + 80 || y > view.height + 30) return;
      labels.push({ at, text, x, y, w: measured(text, px, Boolean(more.bold)), h, weight, tone, r: 6, ...more });
    };
    // An estate is named in its middle where that is clear of its rooms; else their names say whose they are.
    for (const one of estates.values()) {
      const [x, y] = view.screen(one), mine = is("estate", one.estate);
      one.named = mine || (one.far * view.scale > 3 * h && x > 0 && y > 0 && x < view.width && y < view.height);
      if (one.named) label(one, named(one.name), mine ? WEIGHT.selected : WEIGHT.estate, mine ? "blue" : "ink", { middle: true, r: 0, bold: mine });
    }
    const shortened = (text) => ({ text, w: measured(text, px, true) });
    let seen = 0;
    for (const room of rooms.values()) {
      const [x, y] = view.screen(room);
      room.seen = x >= 0 && y >= 0 && x <= view.width && y <= view.height;
      seen += room.seen;
    }
    for (const room of rooms.values()) {
      const mark = room.kind === "pile" ? { shape: "square", tone: "line", r: px * 0.2 } : seen > NAMES && room.state === "calm" ? SPECK : markOf(room.state, px), mine = is("room", room.place);
      marks.push({ x: room.x, y: room.y, ...mark });
      if (room.state !== "calm") label(room, roomText(room), mine ? WEIGHT.selected : WEIGHT.urgent, mark.tone, { bold: true, r: mark.r, short: shortened(say(`map_${room.state}`)) });
      else if (mine) label(room, roomText(room), WEIGHT.selected, "blue", { bold: true, r: mark.r });
      else if (room.kind === "room" && seen <= NAMES) label(room, shortly(room), WEIGHT.room, "quiet", { r: mark.r });
      if (mine) marks.push({ x: room.x, y: room.y, shape: "halo", tone: "blue", r: mark.r + 5 });
      if (room.seen && mark !== SPECK) taken.push({ left: x0(room) - mark.r, right: x0(room) + mark.r, top: y0(room) - mark.r, bottom: y0(room) + mark.r });
    }
    marks.sort((a, b) => (a.tone === "blue" ? -1 : 0) - (b.tone === "blue" ? -1 : 0));
    if (plan?.transfer_station) {
      const at = placed(...plan.transfer_station);
      marks.push({ ...at, shape: "square", tone: "quiet", r: px * 0.4 });
      label(at, say("map_station"), WEIGHT.estate, "quiet", { r: px * 0.4 });
    }
    for (const one of scene.presses ?? []) {
      const mine = is("incident", one.id);
      marks.push({ ...one, shape: "diamond", tone: "alarm", r: px * (mine ? 0.75 : 0.6) });
      label(one, `! ${one.text}`, WEIGHT.incident + mine, "alarm", { bold: true, r: px * 0.6 });
    }
    const texts = new Map(), spots = new Map();
    for (const [id, held] of moving.all) {
      if (held.hidden || !held.world) continue;
      texts.set(id, truckText(held.row, is("truck", id)));
      const [x, y] = view.screen(held.world);
      taken.push({ left: x - 11, right: x + 11, top: y - 11, bottom: y + 11 });
      label(held.world, texts.get(id), is("truck", id) ? WEIGHT.selected : WEIGHT.truck, "ink", { bold: true, r: 13, truck: id });
    }
    const found = place(labels, view.width, view.height, taken);
    for (const one of found) if (one.truck) spots.set(one.truck, { dx: one.left - one.x, dy: one.top + h / 2 - one.y });
    moving.say(texts, spots, selected?.kind === "truck" ? selected.id : null);
    const kept = found.filter((one) => !one.truck).map((one) => ({ ...one, dx: one.left - one.x, dy: one.top - one.y }));
    const signature = kept.map((one) => `${one.text}${one.dx | 0},${one.dy | 0}`).join();
    if (signature !== scene.signature) dirty = true;
    Object.assign(scene, { marks, labels: kept, signature });
  }
  const x0 = (at) => (at.x - view.x) * view.scale + view.width / 2, y0 = (at) => (at.y - view.y) * view.scale + view.height / 2;

  // --- drawing ---

  function schedule() {
    if (!frame && !gone) frame = requestAnimationFrame(render);
  }

  function render() {
    frame = 0;
    if (gone || !view.width) return;
    const passed = performance.now();
    // In the middle of a gesture what was painted is pushed along, and painted anew only now and then.
    if (moved && painted && passed - lastMove < SETTLE_MS && passed - painted.at < REPAINT_MS) {
      const k = view.scale / painted.scale, [left, top] = view.screen(painted);
      root.layer.style.transform = `translate(${left - (view.width / 2) * k}px, ${top - (view.height / 2) * k}px) scale(${k})`;
      clearTimeout(settling);
      settling = setTimeout(schedule, SETTLE_MS);
      return;
    }
    if (placing && passed - lastMove > SETTLE_MS && (passed - placedAt > PLACE_MS || dirty)) arrange();
    if (moved && picture) moving.move(now(), still.matches, true);
    if (dirty) {
      for (const one of scene.labels) {
        const [x, y] = view.screen(one.at);
        Object.assign(one, { left: x + one.dx, top: y + one.dy });
      }
      scene.cross = root.part.matches(":focus-visible");
      paint(context, view, scene, colours, ratio, px);
      measure();
      if (moved) base?.follow();
      if (moved) root.layer.style.transform = "";
      painted = { x: view.x, y: view.y, scale: view.scale, at: passed };
    }
    dirty = moved = false;
  }

  // The scale bar: a round number of metres.
  let barred = "";
  function measure() {
    const pixel = metres(view.y) / view.scale, most = 140 * pixel, power = 10 ** Math.floor(Math.log10(most));
    const m = [5, 2, 1].map((one) => one * power).find((one) => one <= most), text = m >= 1000 ? `${m / 1000} ${say("map_km")}` : `${m} ${say("map_m")}`;
    root.bar.style.width = `${m / pixel}px`;
    if (text !== barred) root.bar.textContent = barred = text;
  }

  function speak() {
    root.part.setAttribute("aria-label", say("map_help"));
    for (const [key, button] of Object.entries(root.buttons)) button.title = say(`map_${key}`), button.setAttribute("aria-label", say(`map_${key}`));
    root.north.textContent = say("map_north");
  }

  const ticking = setInterval(() => {
    if (!picture || document.hidden) return;
    if (!moved && (!still.matches || placing)) moving.move(now(), still.matches, false);
    if (placing && performance.now() - placedAt > PLACE_MS) schedule();
  }, FRAME_MS);

  function resized() {
    const box = root.part.getBoundingClientRect();
    ratio = Math.min(2, devicePixelRatio || 1);
    px = parseFloat(getComputedStyle(container).fontSize) || 16;
    colours = tones(root.part); // (a part that is not on the page yet has no colours)
    scene.stamps = new Map();
    root.canvas.width = Math.max(1, Math.round(box.width * ratio));
    root.canvas.height = Math.max(1, Math.round(box.height * ratio));
    view.size(box.width, box.height);
    dirty = placing = moved = true;
    placedAt = -Infinity;
    schedule();
  }
  const watch = new ResizeObserver(resized);
  const recolour = () => {
    colours = tones(root.part);
    scene.stamps = new Map();
    if (cells) scene.heat = heat(cells, colours.ground);
    base?.look(dark.matches);
    dirty = true;
    schedule();
  };
  watch.observe(root.part);
  dark.addEventListener("change", recolour);
  root.style.addEventListener("load", recolour);
  const focus = () => ((dirty = true), schedule());
  root.part.addEventListener("focus", focus);
  root.part.addEventListener("blur", focus);
  root.buttons.nearer.addEventListener("click", view.nearer);
  root.buttons.farther.addEventListener("click", view.farther);
  root.buttons.all.addEventListener("click", () => view.all());
  speak();
  recolour();
  read();

  return {
    draw,
    // After another language was chosen.
    speak() {
      speak();
      barred = "";
      if (picture && scene.incidents) scene.presses = scene.incidents.filter((one) => one.open).map(press).filter(Boolean);
      dirty = placing = true;
      announce();
      schedule();
    },
    destroy() {
      gone = true;
      clearInterval(ticking);
      clearTimeout(settling);
      cancelAnimationFrame(frame);
      watch.disconnect();
      dark.removeEventListener("change", recolour);
      base?.end();
      container.replaceChildren();
    },
  };
}

function build(container) {
  const made = (tag, attributes = {}, ...children) => {
    const part = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) part.setAttribute(name, value);
    part.append(...children);
    return part;
  };
  let style = document.querySelector('link[href="/static/map/map.css"]');
  if (!style) document.head.append((style = made("link", { rel: "stylesheet", href: "/static/map/map.css" })));
  const canvas = made("canvas", { "aria-hidden": "true" }), svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  const base = made("div", { class: "map-base", "aria-hidden": "true" });
  const layer = made("div", { class: "map-layer" }, base, canvas, svg);
  const part = made("div", { class: "map-part", tabindex: "0", role: "application", "data-testid": "map" }, layer);
  const button = (key, text) => made("button", { type: "button", "data-testid": `map-${key}` }, text);
  const buttons = { nearer: button("nearer", "+"), farther: button("farther", "−"), all: button("all", "⤢") };
  const north = made("span"), bar = made("span", { class: "map-bar", "data-testid": "map-bar" }), licence = made("span", { class: "map-licence", "data-testid": "map-licence" });
  const said = made("p", { class: "map-said", role: "status", "aria-live": "polite", "data-testid": "map-said" });
  container.classList.add("map-room");
  container.replaceChildren(part, made("div", { class: "map-buttons" }, ...Object.values(buttons)),
    made("div", { class: "map-foot" }, made("span", { class: "map-north" }, made("i"), north), bar, licence), said);
  return { part, layer, canvas, svg, base, buttons, north, bar, licence, said, style };
}
