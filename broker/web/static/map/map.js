// The map that draws itself, from the plan's own lines and the picture: nothing is asked of anybody else.
//
//   const map = mountMap(container, { say, named, onSelect });   the words of /static/map must be spoken (frame/words.js)
//   map.draw(picture, selected, odd)   as often as there is a picture; a row that is the same object as before costs nothing
//   map.destroy()
//
// `selected` and what `onSelect` is told are {kind: "truck" | "room" | "incident" | "estate", id}, or null; an incident's id is
// "truck/incident_id". `odd` tells of rooms what came otherwise than was told, in words (room -> word), where a day is played. The size of text is the container's own (font-size), its colours stand in map.css.

import { arranged, texts } from "./arrange.js";
import { beneath } from "./basemap.js";
import { inside, metres, placed } from "./geometry.js";
import { movers } from "./moving.js";
import { heat, measurer, paint, tones } from "./paint.js";
import { build } from "./parts.js";
import { NO_PLAN, planOf } from "./plan.js";
import { viewOn } from "./view.js";

const FRAME_MS = 100, PLACE_MS = 1000; // how often trucks move, and labels find places
const SETTLE_MS = 150, REPAINT_MS = 400; // a gesture is over, and how often it is painted anew within one
const ELAPSED_S = 1.5; // a picture is not carried on for longer: what stopped stands
const AGAIN_MS = 5000, GROUND_AGAIN_MS = 60_000;
const TAP_PX = 26, LIGHTER_PX = 6; // so near is touched; a room is only touched where it is so much nearer than a truck
const BAR_PX = 140, BAR_TEXT = 7; // the scale bar at most, and at least of its text's size

export function mountMap(container, { say, named, onSelect = () => {} }) {
  const root = build(container), write = texts(say, named);
  const view = viewOn(root.part, () => { dirty = placing = moved = true; lastMove = performance.now(); schedule(); });
  const context = root.canvas.getContext("2d"), measured = measurer(context);
  const still = matchMedia("(prefers-reduced-motion: reduce)"), dark = matchMedia("(prefers-color-scheme: dark)");
  const moving = movers(root.svg, view, (row, of) => plan.wayOf(row, of));
  const scene = { streets: [], estates: [], heat: null, closed: [], marks: [], stamps: new Map(), labels: [], cross: false };
  let plan = NO_PLAN, cells = null, base = null, picture = null, heardAt = 0, selected = null, presses = [], about = [], odd = new Map();
  let colours = tones(root.part), px = 16, ratio = 1, frame = 0, settling = 0, painted = null, gone = false, written = "";
  let dirty = true, placing = true, moved = true, lastMove = 0, placedAt = 0;
  const now = () => picture.at + Math.min(ELAPSED_S, (performance.now() - heardAt) / 1000);

  // --- what is read once ---

  async function read() {
    const answer = await fetch("/api/v1/plan/map").catch(() => null);
    if (gone) return;
    if (!answer?.ok) return void setTimeout(() => gone || read(), AGAIN_MS);
    const told = await answer.json();
    plan = planOf(told);
    Object.assign(scene, { streets: plan.streets, estates: plan.grounds });
    view.all(plan.all);
    lastMove = -Infinity; // that was no gesture
    if (told.basemap) base = beneath(root.base, told.basemap, view, dark.matches);
    root.licence.textContent = told.basemap ?? "";
    if (told.ground) readGround();
    about = [];
    for (const held of moving.all.values()) held.row = null; // they have lines now
    if (picture) draw(picture, selected, odd), announce(); // what is chosen has a name now
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

  function draw(newer, chosen = null, came = new Map()) {
    const anew = came.size !== odd.size || [...came].some(([room, word]) => odd.get(room) !== word);
    odd = came;
    const other = anew || chosen?.id !== selected?.id || chosen?.kind !== selected?.kind;
    [picture, heardAt, selected] = [newer, performance.now(), chosen];
    moving.told(picture);
    if (plan.told(picture) || other) dirty = true;
    const open = picture.incidents.filter((one) => one.open), before = about;
    about = [...open, ...(picture.closures ?? [])];
    if (about.length !== before.length || about.some((one, i) => one !== before[i])) {
      presses = open.map(press).filter(Boolean);
      scene.closed = (picture.closures ?? []).map((one) => [plan.rooms.get(one.room), plan.rooms.get(one.other_room)].filter(Boolean)).filter((ends) => ends.length === 2);
      dirty = true;
    }
    if (other) announce();
    placing = true;
    schedule();
  }

  function press(one) {
    const at = one.lat !== null && one.lat !== undefined ? placed(one.lat, one.lon) : plan.rooms.get(one.room);
    return at && { x: at.x, y: at.y, id: `${one.truck}/${one.incident_id}`, reason: one.reason, truck: one.truck };
  }

  // --- what is chosen ---

  // Everything that can be, the weightiest first: {kind, id, x, y, text}.
  function things() {
    const trucks = [...moving.all].map(([id, held]) => ({ kind: "truck", id, ...(held.world ?? held.glide.place()), text: () => write.truck(held.row, picture.at, true) }));
    const rooms = [...plan.rooms.values()].filter((room) => room.kind === "room").map((room) => ({ kind: "room", id: room.place, x: room.x, y: room.y, text: () => [write.room(room), odd.get(room.place)].filter(Boolean).join(" · ") }));
    return [...presses.map((one) => ({ kind: "incident", ...one, text: () => write.press(one) })), ...trucks, ...rooms];
  }

  function near(left, top, within) {
    let found = null, least = within;
    for (const thing of things()) {
      const [x, y] = view.screen(thing), far = Math.hypot(x - left, y - top) + (thing.kind === "room" ? LIGHTER_PX : 0);
      if (far <= least) (found = thing), (least = far);
    }
    if (found) return found;
    const at = view.world(left, top), estate = [...plan.estates.values()].find((one) => inside(one.around, at));
    return estate ? { kind: "estate", id: estate.estate } : null;
  }

  const choose = (thing) => onSelect(thing && { kind: thing.kind, id: thing.id });
  view.tap = (left, top) => choose(near(left, top, TAP_PX));
  view.key = (key) => {
    if (key === "Enter" || key === " ") choose(near(view.width / 2, view.height / 2, Math.min(view.width, view.height) / 6));
    else if (key === "Escape") choose(null);
    else if (key === "n" || key === "p") {
      const all = things(), at = all.findIndex((one) => one.kind === selected?.kind && one.id === selected?.id);
      const next = all.at(key === "n" ? (at + 1) % all.length : at - (at >= 0)) ?? null;
      if (!next) return true;
      const [x, y] = view.screen(next);
      if (x < 0 || y < 0 || x > view.width || y > view.height) view.to(next);
      choose(next);
    } else return false;
    return true;
  };

  function announce() {
    const estate = selected?.kind === "estate" ? plan.estates.get(selected.id) : null;
    root.said.textContent = estate ? named(estate.name) : things().find((one) => one.kind === selected?.kind && one.id === selected?.id)?.text() ?? "";
  }

  // --- drawing ---

  function arrange() {
    placedAt = performance.now();
    placing = false;
    const { marks, labels, trucks } = arranged({ view, px, measured, plan, presses, trucks: moving.all, at: picture?.at ?? 0, selected, odd, say, named });
    moving.say(trucks, selected?.kind === "truck" ? selected.id : null);
    const signature = labels.map((one) => `${one.text}${one.dx | 0},${one.dy | 0}`).join();
    if (signature !== written) dirty = true;
    written = signature;
    Object.assign(scene, { marks, labels });
  }

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
    const pixel = metres(view.y) / view.scale, most = Math.max(BAR_PX, BAR_TEXT * px) * pixel, power = 10 ** Math.floor(Math.log10(most));
    const m = [5, 2, 1].map((one) => one * power).find((one) => one <= most), text = m >= 1000 ? `${m / 1000} ${say("map_km")}` : `${m} ${say("map_m")}`;
    root.bar.style.width = `${m / pixel}px`;
    root.bar.style.visibility = plan === NO_PLAN ? "hidden" : ""; // of nothing there is no scale
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
    moving.size(px);
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
