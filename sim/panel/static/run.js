// The live run as this page knows it: the scene, how everything stands, and what is asked of it.

import { say } from "./words.js";

const DELAY_S = 0.3; // lights are shown so long after they changed, each change at its own moment
export const page = crypto.randomUUID();
export const run = { scene: null, now: null, heardAt: 0, said: [] };

const lights = new Map(); // key: { shown: Set of elements, coming: [[real seconds, level]], lit }
let ahead = null; // of this page's clock before the run's
let changed = () => {};

export function onChange(then) {
  changed = then;
}

export async function listen() {
  run.scene = await (await fetch("/scene")).json();
  const frames = new EventSource(`/frames?page=${page}`);
  frames.onmessage = (message) => take(JSON.parse(message.data));
  setInterval(() => changed(), 500);
  requestAnimationFrame(blink);
}

function take(frame) {
  run.heardAt = performance.now();
  const late = performance.now() / 1000 - frame.real_s;
  ahead = ahead === null ? late : Math.min(late, ahead + 0.001);
  for (const [key, edges] of Object.entries(frame.edges)) light(key).coming.push(...edges);
  if (!frame.now) return;
  run.now = frame.now;
  for (const truck of frame.now.trucks) for (const [name, lit] of Object.entries(truck.lit)) settle(`${truck.id}/${name}`, lit);
  for (const room of frame.now.rooms) room.lamps.forEach((lamp, index) => settle(`${room.id}/${index}`, lamp.lit));
  changed();
}

function light(key) {
  if (!lights.has(key)) lights.set(key, { shown: new Set(), coming: [], lit: false });
  return lights.get(key);
}

// What a pin is said to be counts where none of its changes is still to be shown.
function settle(key, lit) {
  const one = light(key);
  if (!one.coming.length) one.lit = lit;
}

function blink() {
  const real = performance.now() / 1000 - ahead - DELAY_S;
  for (const one of lights.values()) {
    while (one.coming.length && one.coming[0][0] <= real) one.lit = Boolean(one.coming.shift()[1]);
    const lit = one.lit ? "yes" : "no";
    for (const element of one.shown) if (element.dataset.lit !== lit) element.dataset.lit = lit;
  }
  requestAnimationFrame(blink);
}

// For the `ref` of an element that is a light: it follows the pin from now on.
const refs = new Map();
export function follows(key) {
  if (!refs.has(key)) {
    let last = null;
    refs.set(key, (element) => {
      if (last) light(key).shown.delete(last);
      last = element;
      if (element) light(key).shown.add(element);
    });
  }
  return refs.get(key);
}

// Fingers wait for each other and for nothing else, so that no release is before its press.
const chains = { finger: Promise.resolve(), other: Promise.resolve() };

export function ask(path, body) {
  const chain = path === "/finger" ? "finger" : "other";
  chains[chain] = chains[chain].then(() => post(path, { page, ...body }));
  return chains[chain];
}

async function post(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), keepalive: true }).catch((why) => why);
  if (!(answer instanceof Response)) return tell([say("unreachable")]);
  if (!answer.ok) tell(await reasons(answer));
  return answer.ok;
}

export async function reasons(answer) {
  const { detail } = await answer.json().catch(() => ({}));
  if (Array.isArray(detail) && detail.every((each) => each.word)) return detail.map(({ word, gaps }) => say(word, gaps));
  return [typeof detail === "string" ? say("in_english", { why: detail }) : say("refused")];
}

export function tell(sentences) {
  run.said = sentences;
  changed();
  setTimeout(() => {
    if (run.said === sentences) tell([]);
  }, 12000);
}

export const clock = (at) => {
  const of_day = Math.floor(at - run.scene.day_start_at);
  return [of_day / 3600, (of_day / 60) % 60, of_day % 60].map((part) => String(Math.floor(part)).padStart(2, "0")).join(":");
};
