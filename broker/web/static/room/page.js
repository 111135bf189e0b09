// The operations room: one page, one picture, four levels. It draws the newest picture of its source, once a frame.

import { writeNames } from "../frame/names.js";
import { html, render } from "../vendored/htm-preact-3.1.1.js";
import { age, clocks, language, named, say, speak } from "../frame/words.js";
import { may, me, meet } from "../frame/visitor.js";
import { Bar } from "../playback/bar.js";
import { past } from "../playback/past.js";
import { allow, silent, sound, turn } from "../sound.js";
import { addressOf, placeOf, turned, viewOf } from "./address.js";
import { Devices, Lines } from "./area.js";
import { ask } from "./ask.js";
import { fit } from "./fit.js";
import { begun } from "./kept.js";
import { LineLevel, RawLevel, StopLevel } from "./levels.js";
import { linesOf } from "./line/lines.js";
import { drawMap, Mapped, selectedOf, viewOfThing } from "./mapped.js";
import { advise } from "./press/advice.js";
import { Presses, unseenOf } from "./press/presses.js";
import { Figures, figures } from "./side/figures.js";
import { Head, State } from "./side/head.js";
import { LampCounts } from "./side/rooms.js";
import { Roads } from "./side/roads.js";
import { sizesOf } from "./size.js";
import { follow, stage } from "./source.js";

const SAID_MS = 8000, IDLE_MS = 60000, KEYS_MS = 4000, STUCK_MS = 2000, BACK_S = 60, OTHER_TIME_S = 3600;
let picture = null, view = viewOf(location.hash, location.search), lost = false, stuck = [], said = "", told = 0, asked = false;
let about = {}; // by what it was made of: rooms and trucks by their names, lines
let ready = false, advised = false, beside = null; // words are there, what to do about a press, and who looks is known
let timezone = "", times = null, here = { over: false, at: 0 }, announced = null, announcement = "";

// What every part draws with; a time of another day is told with its day.
const tools = {
  me, ask,
  truth: () => back.state?.truth ?? null, // what came true of a day that is played
  now: () => picture.at, picture: () => picture,
  clock: (at) => times.time(at), exact: (at) => times.exact(at), day: (at) => times.day(at),
  moment: (at) => (at && times.day(at) !== times.day(picture.at) ? `${times.day(at)} ` : "") + times.exact(at),
  may: (deed, row) => room.acts && may(deed, row),
  roomName: (id) => named(indexed().rooms.get(id)?.name) ?? id,
  runName(id) {
    const run = picture.runs.find((row) => row.run_id === id);
    return run ? `${named(run.route_name)} ${times.time(run.planned_start_at)}` : id;
  },
  async act(path, body) {
    const answer = await room.act(path, body);
    tell(answer?.told ?? "");
    return Boolean(answer?.ok);
  },
};
function tell(text) {
  [said, told] = [text, performance.now()];
  draw();
  if (said) setTimeout(() => performance.now() - told >= SAID_MS && ((said = ""), draw()), SAID_MS + 50);
}
const since = (at) => age(at === null || at === undefined || at === "" ? null : Math.max(0, picture.at - at));

// Somebody's hand is on the presses: what is there stays where it is.
const handled = () => (here.over && performance.now() - here.at < IDLE_MS) || (!here.over && performance.now() - here.at < KEYS_MS);
for (const kind of ["pointerover", "pointermove", "pointerdown", "keydown"]) {
  document.addEventListener(kind, ({ target }) => {
    const within = Boolean(target.closest?.("#incidents-part"));
    if (kind === "keydown" ? within : within || here.over) here = { over: kind === "keydown" ? here.over : within, at: within ? performance.now() : 0 };
  }, { passive: true });
}
document.addEventListener("pointerleave", () => (here = { over: false, at: 0 }));

const crumbs = (next, label, current) => html`<a href=${addressOf(turned(view, next))} aria-current=${current ? "page" : undefined} onClick=${(event) => go(event, next)}>${label}</a>`;
// A level's links keep what the screen is: its wall, its moment.
function go(event, next) {
  event.preventDefault();
  location.hash = addressOf(turned(view, next));
}
document.addEventListener("click", (event) => {
  const to = event.target.closest?.('a[href^="#/"]');
  if (!to || event.defaultPrevented || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const { wall, inch, at, speed, ...next } = viewOf(to.getAttribute("href"));
  location.hash = addressOf(turned(view, next));
});

// Rooms and trucks by their names, made anew when one of them is another.
function indexed() {
  if (about.of_rooms !== picture.rooms) about = { ...about, of_rooms: picture.rooms, rooms: new Map(picture.rooms.map((row) => [row.room, row])) };
  if (about.of_trucks !== picture.trucks) about = { ...about, of_trucks: picture.trucks, trucks: new Map(picture.trucks.map((row) => [row.truck, row])) };
  return about;
}

function select(thing) {
  const next = viewOfThing(thing, picture);
  if (next) location.hash = addressOf(turned(view, next));
}

// What is new is said once, to whoever listens to the page.
function announce() {
  const open = picture.incidents.filter((row) => row.open), keys = new Set(open.map((row) => `${row.truck}/${row.incident_id}`));
  const fresh = announced && room.live ? open.filter((row) => !announced.has(`${row.truck}/${row.incident_id}`)) : [];
  if (fresh.length) announcement = fresh.map((row) => say("new_press", { truck: row.truck, reason: say(row.reason), room: row.room_name ?? "" })).join(" ");
  announced = keys;
}

function Level({ lines, rooms, trucks, sizes, width, drawn }) {
  const line = lines.find((one) => one.route === view.route), at = picture.at;
  if (view.level === "line") return html`<${LineLevel} line=${line} rooms=${rooms} trucks=${trucks} at=${at} sizes=${sizes} width=${width} tools=${tools} />`;
  if (view.level === "stop") return html`<${StopLevel} room=${rooms.get(view.room)} picture=${picture} tools=${tools} />`;
  if (view.level === "raw") return html`<${RawLevel} picture=${picture} view=${view} />`;
  return html`<${Lines} lines=${lines} all=${picture.runs} rooms=${rooms} trucks=${trucks} at=${at} sizes=${sizes} width=${width} tools=${tools} drawn=${drawn} />`;
}

function Crumbs({ lines }) {
  if (view.level === "area") return null;
  const line = lines.find((one) => one.route === view.route);
  return html`<nav class="crumbs" aria-label=${say("levels")}>${crumbs({ level: "area" }, say("level_area"))} › <span aria-current="page">${view.level === "line" ? named(line?.name) : view.level === "stop" ? tools.roomName(view.room) : say("level_raw")}</span></nav>`;
}

function Room() {
  const sizes = sizesOf(view, innerWidth, innerHeight), root = document.documentElement;
  root.style.fontSize = `${sizes.px}px`;
  root.classList.toggle("wall", sizes.wall);
  const { rooms, trucks } = indexed();
  const drawn = `${language}/${advised}/${sizes.px}/${view.level}/${room.acts}/${innerWidth}`, lines = linesOf(picture);
  const width = (document.querySelector("#middle")?.clientWidth || innerWidth) - 1.8 * sizes.px, unseen = unseenOf(picture, tools);
  const map = view.level === "raw" ? null : html`<${Mapped} key="map" onSelect=${select} onReady=${draw} />`;
  document.title = `${back.state ? "◀◀ " : ""}${unseen.count ? `(${unseen.count}) ` : ""}${say("title")}`;
  if (unseen.sounds && room.live) sound();
  return html`<${Head} picture=${picture} me=${me} language=${language} tools=${tools} turn=${other} ring=${() => (silent() ? allow() : turn(), draw())} calm=${sizes.wall} back=${back.state || sizes.wall ? null : () => back.enter(picture.at - BACK_S, 1)} /><${Bar} past=${back} picture=${picture} tools=${tools} />
    <main inert=${lost} class=${`room level-${view.level}`}><${State} picture=${picture} tools=${tools} live=${room.live} /><${Crumbs} lines=${lines} />
      <div class="left"><${Presses} picture=${picture} tools=${tools} frozen=${handled()} drawn=${drawn} />${sizes.wall ? map : null}<p id="more" class="more" data-testid="more"></p></div>
      <div class="middle" id="middle">${sizes.wall ? null : map}<${Level} lines=${lines} rooms=${rooms} trucks=${trucks} sizes=${sizes} width=${width} drawn=${drawn} /></div>
      ${sizes.figures ? html`<div class="right">${sizes.wall ? html`<${LampCounts} picture=${picture} />` : null}<${Figures} known=${beside.known} tools=${tools} live=${room.live} /><${Roads} picture=${picture} tools=${tools} drawn=${drawn} /></div>` : null}
      ${view.level === "area" ? html`<div class="devices"><${Devices} picture=${picture} sizes=${sizes} tools=${tools} drawn=${drawn} /></div>` : null}</main>
    <div id="veil" class="veil" role="alert" data-testid="veil" hidden=${!lost}><p>${lost ? back.veil(tools) || [`${say("lost")}${times.day(picture.at)} ${times.exact(picture.at)}`, ...stuck.map((row) => say(row.word, row.values))].join(" · ") : ""}</p></div>
    <p id="announce" class="unseen-text" role="log" aria-live="assertive">${announcement}</p>
    <p id="said" class="said" role="status" aria-live="polite" data-testid="said">${said}</p>`;
}

function drawNow() {
  asked = false;
  if (!picture || !ready) return;
  const under = here.over ? document.querySelector("#incidents-part button:hover") : null, before = under?.getBoundingClientRect().top;
  announce();
  begun();
  render(html`<${Room} />`, document.body);
  document.querySelector("body > header")?.toggleAttribute("inert", lost); // what is veiled cannot be pressed
  for (const part of document.querySelectorAll("[data-since]")) {
    const text = since(part.dataset.since);
    if (part.textContent !== text) part.textContent = text;
  }
  writeNames(document);
  drawMap(picture, selectedOf(view, picture), tools.truth());
  const out = document.documentElement.classList.contains("wall") ? fit() : 0;
  document.querySelector("#more").textContent = out ? say("more_below", { n: out }) : "";
  if (under?.isConnected && under.getBoundingClientRect().top !== before) scrollBy(0, under.getBoundingClientRect().top - before); // what grew above a button moves the page, not the button
}

// At most once a frame, whatever comes in between.
function draw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(drawNow);
}

async function other() {
  const next = language === "zh" ? "en" : "zh";
  await Promise.all([advise(next), speak(["", "map", "room", "playback"], next)]);
  draw();
}

async function known() {
  await meet();
  tools.me = me;
  draw();
}

const room = stage({
  onPicture(newest) {
    const first = !picture || Math.abs(newest.at - picture.at) > OTHER_TIME_S;
    [picture, lost] = [newest, false];
    if (newest.area.timezone !== timezone) [timezone, times] = [newest.area.timezone, clocks(newest.area.timezone)];
    draw();
    if (first) void beside?.look();
  },
  onLost: () => ((lost = true), draw()),
  onRefused: known,
});
const back = past({ view: () => view, turn: (next) => ((view = next), history.replaceState(null, "", placeOf(next))), take: room.take, live: follow, draw, tell });
if (!view.at) back.follow(view); // the stream is asked for while the words come
await Promise.all([meet(), speak(["", "map", "room", "playback"])]);
void advise(language).then(() => ((advised = true), draw())); // what to do about a press is unfolded by a hand
tools.me = me;
beside = figures(me, () => picture, (at) => tools.day(at), draw);
ready = true;
if (view.at) back.follow(view);
if (picture) void beside.look();
draw();
addEventListener("hashchange", () => ((view = viewOf(location.hash, location.search)), scrollTo(0, 0), back.follow(view), draw()));
addEventListener("resize", draw);
setInterval(async () => {
  // Another thread of the system can still tell what only it sees: that nothing is decided any more.
  if (!lost || back.state) return;
  stuck = (await fetch("/healthz").then((answer) => answer.json()).catch(() => ({ reasons: [] }))).reasons ?? [];
  draw();
}, STUCK_MS);
