// The page of who is asked about incidents: a contractor, an estate. Their own rows, and what they may say, by button.

import { board, runOn, waits } from "./answers.js";
import { allow, silent, sound, turn, wanted } from "./sound.js";

const LOOK_MS = 2000, VEIL_AFTER_MS = 10000;
const $ = (id) => document.getElementById(id);
let words = {}, language = localStorage.getItem("language"), me = { deeds: {} }, asked = null, heardAt = performance.now(), drawn = "";
const say = (key) => words[key] ?? key;
const named = (name) => (name ? name.split(" / ")[language === "zh" ? 0 : 1] ?? name : "");
const clock = (at) => new Intl.DateTimeFormat("en-GB", { timeZone: asked.timezone, hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(new Date(at * 1000));
const age = (s) => (s < 120 ? `${s} ${say("seconds")}` : `${Math.round(s / 60)} ${say("minutes")}`);
const may = (deed, { estate, truck, contractor } = {}) => deed in me.deeds && (me.deeds[deed] === null || me.deeds[deed].estates.includes(estate) || me.deeds[deed].trucks.includes(truck) || me.deeds[deed].contractors.includes(contractor));
const tools = { element, say, clock, may, act, now: () => asked.at };

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) name === "onclick" ? made.addEventListener("click", value) : made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

async function act(path, body) {
  // One key for one click: what the network lost is sent again, and done once.
  const key = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const headers = { "Content-Type": "application/json", "Idempotency-Key": key, "Accept-Language": language };
  const send = () => fetch(path, { method: "POST", headers, body: JSON.stringify(body) }).catch(() => null);
  const answer = (await send()) ?? (await send());
  const detail = answer && !answer.ok ? (await answer.json().catch(() => ({}))).detail : "";
  $("said").textContent = answer?.ok ? "" : `${words[`said_${answer?.status ?? "unreachable"}`] ?? say("said_other")}${detail ? ` (${detail})` : ""}`;
  await look();
}

function card(row) {
  const incident = { ...row, estate: row.answer.party }; // what every row but a contractor's belongs to
  return element("div", { class: "incident", "data-testid": `asked-${row.answer.id}-${row.incident_id}` },
    element("b", {}, `${row.truck} · ${say(row.reason)}`), element("span", {}, [named(row.room_name), named(row.estate_name)].filter(Boolean).join(" · ")),
    element("span", {}, clock(row.raised_at)), board(tools, incident, [row.answer]));
}

function draw() {
  document.documentElement.lang = language;
  document.querySelectorAll("[data-text]").forEach((part) => (part.textContent = say(part.dataset.text)));
  $("language").textContent = say("other_language");
  $("sound").textContent = say(silent() ? "sound_waits" : wanted() ? "sound_on" : "sound_off");
  $("who").replaceChildren(`${named(me.name)} · ${(me.roles ?? []).map((role) => say(`role_${role}`)).join(" · ")} `, element("a", { href: "/" }, say("title")));
  if (!asked) return;
  $("clock").textContent = clock(asked.at);
  const now = language + JSON.stringify(asked.rows);
  if (now !== drawn) $("asked").replaceChildren(...(asked.rows.length ? asked.rows.map(card) : [element("p", { class: "quiet" }, say("asked_nothing"))])); // a button under a finger stays
  drawn = now;
  runOn($("asked"), (at) => age(Math.max(0, asked.at - at)));
  if (asked.rows.some((row) => asked.at - row.answer.told_at >= asked.sound_s && waits(may, me.deeds, { ...row, estate: row.answer.party }, row.answer))) sound();
}

async function look() {
  const answer = await fetch("/api/v1/answers").catch(() => null);
  if (answer?.status === 401) return void location.assign("/sign-in?next=/asked");
  if (answer?.ok) [asked, heardAt] = [await answer.json(), performance.now()];
  const lost = performance.now() - heardAt > VEIL_AFTER_MS;
  $("veil").hidden = !lost;
  if (lost) $("veil").firstElementChild.textContent = `${say("lost")}${asked ? clock(asked.at) : ""}`;
  draw();
}

async function speak(next) {
  [words, language] = [await (await fetch(`/static/${next}.json`)).json(), next];
  draw();
}

$("language").addEventListener("click", async () => {
  await speak(language === "zh" ? "en" : "zh");
  localStorage.setItem("language", language);
});
$("sound").addEventListener("click", () => (silent() ? allow() : turn(), draw()));
const who = await fetch("/api/v1/people/me");
if (who.ok) me = await who.json();
await speak(language ?? me.language ?? "zh");
$("language").hidden = false; // there is nothing to switch before
await look();
setInterval(look, LOOK_MS);
