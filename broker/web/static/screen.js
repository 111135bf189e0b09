// The operations screen: draws the picture the bridge sends. No library, no request elsewhere, nothing old shown as new.

import { board, runOn, waits } from "./answers.js";
import { closing, closureRow, load } from "./roads.js";
import { follow, stage } from "./room/source.js";
import { allow, silent, sound, turn, wanted } from "./sound.js";

const AGAIN = 2, AGAIN_AFTER_MS = 500;
const STRIP = { most: 1880, each: 63, edge: 110, gap: 8, lines: 3, line: 13 }; // px, and lines of a name
const OWED = ["pending", "due", "at_stop"];
const $ = (id) => document.getElementById(id);
let words = {}, guidance = { means: {}, do: {} };
let language = localStorage.getItem("language");
let picture = null;
let me = { name: "", kind: "", deeds: {}, pages: [], one_click: [] };

// A deed is offered to whoever may do it: everywhere, or to what is of their estate or truck.
const INCIDENT = "POST /api/v1/incidents/{incident_id}/", VISIT = "POST /api/v1/runs/{run_id}/visits/{room}/{number}/";
const may = (deed, { estate, truck, contractor } = {}) => deed in me.deeds && (me.deeds[deed] === null || me.deeds[deed].estates.includes(estate) || me.deeds[deed].trucks.includes(truck) || me.deeds[deed].contractors.includes(contractor));
const say = (key) => words[key] ?? key;
const sentence = (key, values) => say(key).replace(/{(\w+)}/g, (_, name) => named(String(values[name])));

function element(tag, attributes = {}, ...children) {
  const svg = ["svg", "g", "circle", "line", "text", "path", "title", "tspan"].includes(tag);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") made.addEventListener("click", value);
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const clock = (at) =>
  at === null || at === undefined
    ? say("none")
    : new Intl.DateTimeFormat("en-GB", { timeZone: picture.area.timezone, hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(new Date(at * 1000));
// A time of another day is told with its day.
const day = (at) => new Intl.DateTimeFormat("en-CA", { timeZone: picture.area.timezone }).format(new Date(at * 1000));
const moment = (at) => (at && day(at) !== day(picture.at) ? `${day(at)} ` : "") + clock(at);
// A plan's names are "中文 / English", or the same in both.
const named = (name) => (name ? name.split(" / ")[language === "zh" ? 0 : 1] ?? name : name);
const english = (why) => say("in_english").replace("{why}", () => why); // what the bridge says of itself is not translated
const write = (part, text) => part.textContent === text || (part.textContent = text); // what did not change is not read out again
const age = (s) => (s === null || s === undefined ? say("none") : s < 120 ? `${s} ${say("seconds")}` : `${Math.round(s / 60)} ${say("minutes")}`);
const since = (at) => age(at === null || at === undefined ? null : Math.max(0, picture.at - at));

async function known() {
  const answer = await fetch("/api/v1/people/me").catch(() => null);
  if (answer?.status === 401) return void location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  if (answer?.ok) me = await answer.json();
  // A link leads only where whoever is signed in may go; the day's report has its day added.
  document.querySelectorAll("body > header nav a").forEach((link) => (link.hidden = !me.pages?.includes(link.id === "report" ? "/report/" : link.getAttribute("href"))));
}

// A form, not a request of the page's own: what comes after it is another page, and another person.
const leave = (path, label, testid, fields = {}) =>
  element("form", { method: "post", action: path }, ...Object.entries(fields).map(([name, value]) => element("input", { type: "hidden", name, value })), element("button", { "data-testid": testid }, label));

function drawWho() {
  $("asked").hidden = !Object.keys(me.deeds).some((deed) => deed.includes("/answers/"));
  const roles = me.roles?.map((role) => say(`role_${role}`)).join(" · ") ?? "";
  const out = me.kind === "account" ? leave("/sign-out", say("sign_out"), "sign-out") : me.one_click.length ? "" : element("a", { href: "/sign-in" }, say("sign_in"));
  const bound = (one) => Object.values(one.scope).some((ids) => ids.length), label = (one) => one.roles.map((role) => say(`role_${role}`)).join(" · ");
  $("who").replaceChildren(me.kind === "account" ? `${named(me.name)} · ${roles} ` : `${say("not_signed_in")} `, out,
    ...me.one_click.filter((one) => !bound(one) && one.account !== me.account).map((one) => leave("/sign-in/as", label(one), `as-${one.account}`, { account: one.account })));
  const others = me.one_click.filter(bound), form = leave("/sign-in/as", "→", "as-other");
  if (!others.length) return;
  form.prepend(element("select", { name: "account", "data-testid": "others", "aria-label": say("role_property") }, ...others.map((one) => element("option", { value: one.account }, `${label(one)} ${named(one.name)}`))));
  $("who").append(form);
}

async function act(path, body) {
  // One key for one click: what the network lost is sent again, and done once.
  const key = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const headers = { "Content-Type": "application/json", "Idempotency-Key": key, "Accept-Language": language };
  const send = () => fetch(path, { method: "POST", headers, body: JSON.stringify(body) }).catch((why) => why);
  let answer = await send();
  for (let again = 0; again < AGAIN && !(answer instanceof Response); again += 1) {
    await new Promise((next) => setTimeout(next, AGAIN_AFTER_MS));
    answer = await send();
  }
  if (answer instanceof Response && answer.ok) return ($("said").textContent = ""), true;
  const status = answer instanceof Response ? answer.status : "unreachable";
  const detail = answer instanceof Response ? (await answer.json().catch(() => ({}))).detail : answer.message;
  const why = typeof detail === "string" ? detail : JSON.stringify(detail ?? status);
  $("said").textContent = `${words[`said_${status}`] ?? say("said_other")} (${answer instanceof Response ? why : english(why)})`;
  setTimeout(() => ($("said").textContent = ""), 8000);
}

// The id of a truck that may be asked to take over; the bridge checks what is typed.
function askTruck(row) {
  const waste = picture.runs.find((run) => run.run_id === row.run_id)?.waste;
  const able = picture.trucks.filter((truck) => truck.truck !== row.truck && truck.loads?.includes(waste)).map((truck) => truck.truck);
  return prompt(`${say("ask_truck")} (${able.join(" ") || say("none")})`, able.length === 1 ? able[0] : "");
}

function incidentCard(row, old) {
  const path = (verb) => `/api/v1/incidents/${encodeURIComponent(row.incident_id)}/${verb}?truck=${encodeURIComponent(row.truck)}`;
  const version = { version: row.version };
  const button = (verb, label, main, extra = {}) => !may(INCIDENT + verb, row) ? "" :
    element("button", { class: main ? "main" : "", "data-testid": `${label}-${row.incident_id}`, onclick: () => act(path(verb), { ...version, ...extra }) }, say(label));
  const extraTruck = row.reason === "breakdown" || !may(INCIDENT + "decide", row) ? "" : element("button", { "data-testid": `extra_truck-${row.incident_id}`, onclick: () => {
    const truck = askTruck(row);
    if (truck) act(path("decide"), { ...version, decision: "extra_truck", truck });
  } }, say("extra_truck"));
  const buttons = element("span", { class: "buttons" });
  if (row.workflow === "raised") buttons.append(button("acknowledge", "acknowledge", true));
  if (["raised", "acknowledged", "in_progress"].includes(row.workflow)) {
    if (row.reason === "lane_blocked") buttons.append(button("decide", "return_later", row.workflow === "acknowledged", { decision: "return_later" }));
    buttons.append(button("decide", "wait", false, { decision: "wait" }), extraTruck, button("decide", "cancel_visit", false, { decision: "cancel_visit" }));
    if (row.condition === "active") buttons.append(button("clear", "clear", false));
    buttons.append(button("resolve", "resolve", false));
  }
  const facts = [say(row.workflow), row.decision && say(row.decision), say(row.condition)].filter(Boolean).join(" · ");
  return element("div", { class: `incident ${row.workflow}`, "data-testid": `incident-${row.incident_id}` },
    element("b", {}, `${row.truck} · ${say(row.reason)}`),
    element("span", {}, [named(row.room_name), named(row.estate_name)].filter(Boolean).join(" · ")),
    element("span", {}, moment(row.raised_at), " (", element("span", { "data-age": "" }, since(row.raised_at)), ` ${say("ago")})`),
    element("span", {}, facts),
    row.second_visit ? element("span", {}, `${say("second_visit")} ${row.second_visit_number}`) : null,
    buttons, advice(row.reason, old), board({ element, say, clock, may, act, now: () => picture.at }, row), old?.querySelector(".offers") ?? element("div", { class: "offers" })); // opened ones stay open
}

function offerPart() {
  const part = element("details", { class: "offer" }, element("summary"), element("ul"));
  part.append(element("button", { class: "main", onclick: () => {
    const { row, offer } = part;
    const extra = offer.changes.some((change) => change.to_truck === "extra");
    const truck = extra ? askTruck(row) : null;
    const path = `/api/v1/incidents/${encodeURIComponent(row.incident_id)}/decide?truck=${encodeURIComponent(row.truck)}`;
    if (!extra || truck) act(path, { version: row.version, decision: "extra_truck", offer: offer.id, truck });
  } }));
  return part;
}

// An offer's times move every half minute: it is written anew inside and stays open. Another deal is another part.
function refreshOffer(part, { row, offer, index }) {
  Object.assign(part, { row, offer });
  part.dataset.testid = `offer-${index}`;
  const [summary, list, button] = part.children;
  write(summary, `${say("offer")} ${index + 1}: ${say("offer_" + offer.name)} · ${say("promises_changed")} ${offer.broken_promises} · +${Math.round(offer.detour_s / 60)} ${say("minutes")}`
    + (offer.unplaced.length ? ` · ${say("unplaced")} ${offer.unplaced.length}` : ""));
  list.replaceChildren(...offer.changes.filter((change) => change.broken || change.from_truck !== change.to_truck).map((change) =>
    element("li", {}, `${named(change.room_name)}: ${change.from_truck} ${clock(change.before_at).slice(0, 5)} → ${change.to_truck === "extra" ? say("extra_truck") : change.to_truck ?? say("none")} ${clock(change.after_at).slice(0, 5)}`)));
  write(button, say("choose"));
  button.hidden = !may(INCIDENT + "decide", row);
}

function refreshIncident(part, row) {
  if (!row) return;
  write(part.querySelector("[data-age]"), since(row.raised_at));
  runOn(part, since);
  keyed(part.querySelector(".offers"), row.offers.map((offer, index) => ({ key: offer.deal, signature: "", row: { row, offer, index } })), offerPart, refreshOffer);
}

const ruler = document.createElement("canvas").getContext("2d");
ruler.font = `11px ${getComputedStyle(document.body).fontFamily}`;
const wide = (text) => ruler.measureText(text).width;
// A line ends after a space; a Chinese name without one that is longer than a line ends after any 字.
const pieces = (label) => label.split(/(?<=\s)/).flatMap((word) => (wide(word) > STRIP.edge - STRIP.gap ? word.split(/(?<=[\u3000-\u9fff])/) : [word]));

function wrapped(parts, room) {
  const lines = [""];
  for (const part of parts) {
    if (lines.at(-1) && wide(lines.at(-1) + part.trimEnd()) > room) lines.push("");
    lines[lines.length - 1] += part;
  }
  return lines.map((line) => line.trim());
}

// What tells two rooms apart stands at both ends of a name: of one too long for its lines the middle goes.
function cut(label, room) {
  const parts = pieces(label), lines = wrapped(parts, room);
  if (lines.length <= STRIP.lines) return lines;
  let from = parts.length - 1;
  while (from > 0 && wide(`…${parts.slice(from - 1).join("")}`) <= room) from -= 1;
  return [...lines.slice(0, STRIP.lines - 1), `…${parts.slice(from).join("")}`];
}

function runStrip(run) {
  const labels = run.visits.map((visit) => (visit.visit_number > 1 ? `${visit.visit_number}× ` : "") + named(visit.name));
  const count = Math.max(1, labels.length), split = labels.map(pieces), fits = (room) => split.every((parts) => wrapped(parts, room).length <= STRIP.lines);
  let each = Math.max(STRIP.each, Math.min(STRIP.most, window.innerWidth - 70) / count);
  each = Math.max(each, STRIP.gap + Math.max(0, ...split.flat().map((part) => wide(part.trimEnd()))));
  while (each < STRIP.edge && !fits(each - STRIP.gap)) each += STRIP.gap; // rather a strip to push aside than names cut off
  const width = Math.ceil(each * count), left = Math.min(STRIP.edge, each / 2), step = (width - 2 * left) / Math.max(1, count - 1);
  const lines = labels.map((label) => cut(label, Math.min(count > 1 ? step : width, 2 * left) - STRIP.gap));
  const below = 60 + STRIP.line * (Math.max(1, ...lines.map((of) => of.length)) - 1), height = below + 32;
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `${named(run.route_name)} · ${run.truck}` });
  svg.append(element("line", { class: "track", x1: left, x2: width - left, y1: 34, y2: 34 }));
  let mark = null;
  run.visits.forEach((visit, i) => {
    const x = left + i * step, state = visit.held ? "held" : visit.state;
    const stop = element("g", { "data-testid": `visit-${visit.id}` },
      element("title", {}, [named(visit.name), say(state), visit.label && say(visit.label)].filter(Boolean).join(" · ")),
      element("circle", { class: `stop ${state}`, cx: x, cy: 34, r: 9 }));
    if (["skipped", "cancelled"].includes(state)) stop.append(element("path", { d: `M${x - 5} 29l10 10m0 -10l-10 10`, stroke: "#b3261e", "stroke-width": 2 }));
    if (state === "served") stop.append(element("path", { d: `M${x - 4} 34l3 4 6 -8`, stroke: "#fff", "stroke-width": 2, fill: "none" }));
    stop.append(element("text", { y: 60, "text-anchor": "middle" }, ...lines[i].map((line, n) => element("tspan", { x, dy: n ? STRIP.line : 0 }, line))));
    stop.append(element("text", { x, y: below + 14, "text-anchor": "middle", class: "quiet" }, say(state)));
    const at = visit.left_at ?? visit.arrived_at ?? visit.eta_at;
    stop.append(element("text", { x, y: below + 28, "text-anchor": "middle", class: "quiet" }, at ? clock(at).slice(0, 5) : say("none")));
    svg.append(stop);
    if (mark === null && OWED.includes(visit.state)) mark = visit.state === "at_stop" || i === 0 ? x : x - step / 2;
  });
  const truck = picture.trucks.find((row) => row.truck === run.truck);
  if (run.active && truck && mark !== null) svg.append(element("path", { class: `truck ${truck.fresh ? "" : "old"}`, d: `M${mark - 11} 8h22l-11 15z` }, element("title", {}, run.truck)));
  return svg;
}

const runPart = (run) => element("div", { class: "run", "data-testid": `run-${run.run_id}` }, element("header", {}, element("b"), element("span"), element("span", { class: "load" })), element("div", { class: "scroll" }));

// Only what is inside changes, so that a strip that was pushed aside on a phone stays where it is.
function refreshRun(part, run) {
  const [route, about, full] = part.firstChild.children;
  write(route, named(run.route_name));
  write(about, `${run.truck} · ${say(run.waste)} · ${say(run.state === "scheduled" ? "scheduled_run" : run.state)}`);
  const signature = JSON.stringify([language, run.truck, run.active, run.full_at, run.away_until]); // a button under a finger stays
  if (full.dataset.signature !== signature) full.replaceChildren(...load({ element, say, act, may, clock }, run)), (full.dataset.signature = signature);
  part.lastChild.replaceChildren(runStrip(run));
}

function drawRoads() {
  const rows = picture.closures ?? [], rooms = picture.rooms.map((room) => [room.room, named(room.name)]), names = Object.fromEntries(rooms);
  const tools = { element, say, sentence, act, may, moment, now: () => picture.at, room: (id) => names[id] ?? id };
  keyed($("closures"), rows.map((row) => ({ key: row.closure_id, signature: language + JSON.stringify(row), row })), (row) => closureRow(tools, row));
  const signature = JSON.stringify([language, rooms]);
  if ($("closing").dataset.signature !== signature) $("closing").replaceChildren(closing(tools, rooms)), ($("closing").dataset.signature = signature);
  $("roads").hidden = !rows.length && !$("closing").firstElementChild;
}

function truckTable() {
  const table = element("table");
  table.append(element("tr", {}, ...["truck", "life", "run", "next", "eta", "label", "age"].map((key) => element("th", { scope: "col" }, say(key)))));
  for (const row of picture.trucks) {
    const old = !row.fresh && !row.reserve;
    const life = row.reserve ? (row.loads.length ? "on_call" : "off_call") : row.life === "lost" ? "lost_device" : row.life;
    table.append(element("tr", { class: row.reserve ? "quiet" : "", "data-testid": `truck-${row.truck}` },
      element("td", {}, row.truck), element("td", {}, say(life)), element("td", {}, row.run_id ?? say("none")),
      element("td", {}, named(row.next_room_name) ?? say("none")), element("td", {}, clock(row.next_eta_at)), element("td", {}, row.label ? say(row.label) : say("none")),
      element("td", { class: old ? "old" : "" }, since(row.fix_at))));
  }
  return table;
}

const linkLostS = () => (picture.link.up ? 0 : picture.at - picture.link.since_at);

// What waits: hazardous waste by its weight, in bins that stay where they are; all else in bins.
function amount(waste, { count, grams }) {
  if (waste === "hazardous") return grams === null ? "" : `${(grams / 1000).toFixed(1)} kg`;
  return count === null ? "" : `${count} ${say(count === 1 ? "bin" : "bins")}`;
}

function roomCard(room) {
  const card = element("div", { class: "room", "data-testid": `room-${room.room}` }, element("b", { title: named(room.name) }, named(room.name)));
  for (const waste of room.wastes) {
    const lamp = room.lamps.find((row) => row.waste === waste || row.waste === "any");
    const arrival = room.arrivals[waste], bins = room.bins[waste];
    const shown = room.life === "ready" && lamp && linkLostS() < picture.limits.no_data_s ? lamp.lamp : "no_data";
    card.append(element("p", {}, element("span", {}, `${say(waste)} ${bins ? amount(waste, bins) : ""}`),
      element("span", { class: "quiet" }, arrival && arrival.eta_at ? clock(arrival.eta_at).slice(0, 5) : ""),
      element("span", { class: `lamp ${shown}`, "data-testid": `lamp-${room.room}-${waste}` }, say(shown))));
  }
  return card;
}

// Keeps the elements of rows that did not change, so that a button under a finger, the focus and an opened offer stay.
function keyed(container, rows, make, refresh) {
  const kept = new Map([...container.children].map((child) => [child.dataset.key, child]));
  const wanted = rows.map(({ key, signature, row }) => {
    const old = kept.get(key);
    const part = old && old.dataset.signature === signature ? old : make(row, old);
    part.dataset.key = key;
    part.dataset.signature = signature;
    refresh?.(part, row);
    return part;
  });
  if (wanted.length !== container.children.length || wanted.some((part, i) => part !== container.children[i])) container.replaceChildren(...wanted);
}

const owedOf = (row) => (row.id.startsWith("owes/") ? picture.runs.find((run) => `owes/${run.run_id}` === row.id)?.visits.filter((visit) => OWED.includes(visit.state)) ?? [] : []);

function visitButtons(id) {
  const path = `/api/v1/runs/${id.split("/").map(encodeURIComponent).join("/").replace("/", "/visits/")}`;
  const truck = picture.runs.find((run) => id.startsWith(`${run.run_id}/`))?.truck;
  if (!may(VISIT + "serve", { truck })) return [];
  return [element("button", { "data-testid": `serve-${id}`, onclick: () => act(`${path}/serve`, {}) }, say("serve")), " ",
    element("button", { "data-testid": `skip-${id}`, onclick: () => act(`${path}/skip`, { reason: "other" }) }, say("come_back"))];
}

// What a word means and what to do about it, unfolded on demand; what was unfolded stays so.
function advice(word, old, ...more) {
  if (!guidance.means[word]) return "";
  const part = element("details", { class: "advice", "data-testid": `advice-${word}` }, element("summary", {}, say("guidance")), element("p", {}, guidance.means[word]), element("p", {}, element("b", {}, guidance.do[word])), ...more);
  part.open = old?.querySelector("details.advice")?.open ?? false;
  return part;
}

const ALARM = "POST /api/v1/alarms/{alarm_id}/";
function alarmButton(row, deed, label, body = {}) {
  const reach = row.of_device || me.roles?.includes("dispatcher");
  if (!row.alarm_id || !reach || !may(ALARM + deed)) return "";
  return element("button", { "data-testid": `${label}-${row.about}`, onclick: () => {
    const why = "why" in body ? prompt(say("ask_why")) : undefined;
    if (why !== null) act(`/api/v1/alarms/${row.alarm_id}/${deed}`, { version: row.version, ...body, ...(why ? { why } : {}) });
  } }, say(label));
}

const alarmState = (row) => (row.state ? sentence(row.state, { until: moment(row.until) }) + (row.who ? ` (${row.who}${row.why ? `: ${row.why}` : ""})` : "") : "");

// What a person should look at: each alarm with its state; and what is on the list and no alarm (yet).
function listed() {
  const alarms = picture.alarms ?? [], known = new Set(alarms.map((row) => row.about));
  const rows = [...alarms.map((row) => ({ ...row, id: row.about })), ...picture.attention.filter((row) => !known.has(row.id))];
  return rows.filter((row) => row.active !== false || row.state !== "seen_active"); // seen, and over in a moment
}

// What fills a row's sentence: how much is owed now, and addressees and moments in the reader's words.
function filling(row, owed = []) {
  const known = owed.length ? { ...row.values, count: owed.length } : row.values;
  return known.addressee ? { ...known, addressee: say(`addressee_${known.addressee}`), at: known.at && moment(known.at) } : known;
}

const isAside = (row) => ["shelved", "out_of_service"].includes(row.state);

function asideRow(row) {
  return element("li", { "data-testid": `alarm-${row.id}`, class: "quiet" }, `${sentence(row.word, filling(row))} · ${alarmState(row)} `,
    row.state === "shelved" ? alarmButton(row, "unshelve", "unshelve") : alarmButton(row, "back", "put_back"));
}

function attentionRow(row, old) {
  const owed = owedOf(row), values = filling(row, owed);
  const item = element("li", { class: `${row.level} ${row.state ?? ""}`, "data-testid": `alarm-${row.id}` }, `${moment(row.since)} ${sentence(row.word, values)} `);
  if (row.state) item.append(element("span", { class: "quiet" }, alarmState(row)), " ");
  if (row.state === "unseen_active" || row.state === "gone_unseen") item.append(alarmButton(row, "see", "see"), " ");
  if (row.id.startsWith("passed/")) item.append(...visitButtons(row.id.slice("passed/".length)));
  if (owed.length) item.append(element("ul", {}, ...owed.map((visit) => element("li", {}, `${named(visit.name)} `, ...visitButtons(visit.id)))));
  item.append(advice(row.word, old, element("p", { class: "buttons" }, alarmButton(row, "shelve", "shelve_1800", { shelf_s: 1800 }), " ",
    alarmButton(row, "shelve", "shelve_28800", { shelf_s: 28800 }), " ", alarmButton(row, "out-of-service", "take_out", { why: "" }))));
  return item;
}

const reason = (row) => sentence(row.word, { ...row.values, at: row.values.at && moment(row.values.at) }) + (row.why ? ` (${english(row.why)})` : "");

function draw() {
  if (!picture) return;
  document.documentElement.lang = language;
  document.querySelectorAll("[data-text]").forEach((part) => (part.textContent = say(part.dataset.text)));
  $("language").textContent = say("other_language");
  write($("sound"), say(silent() ? "sound_waits" : wanted() ? "sound_on" : "sound_off"));
  $("area").textContent = named(picture.area.name);
  if ($("who").dataset.language !== language) drawWho(), ($("who").dataset.language = language);
  $("clock").textContent = clock(picture.at);
  $("report").href = `/report/${day(picture.at)}?language=${language}`;
  const data = picture.data;
  $("sources").textContent = [`${say("oldest")}: ${since(data.oldest_fix_at)}`, `${say("refused")}: ${data.counts.refused ?? 0}`,
    data.unstored ? `${say("waiting")}: ${data.unstored}` : null, data.trouble ? `${say("trouble")} (${english(data.trouble)})` : null].filter(Boolean).join(" · ");
  const health = picture.health ?? []; // a picture of before had none
  $("link").hidden = health.length === 0;
  $("link").className = health.some((row) => row.level === "severe") ? "" : "warning";
  write($("link"), health.map(reason).join(" · "));
  $("old").hidden = !picture.old_since_at;
  write($("old"), $("old").hidden ? "" : sentence("picture_old", { at: moment(picture.old_since_at) }));
  $("day-off").hidden = picture.plan?.state !== "day_off"; // what was kept of earlier days may not have it
  $("day-off").textContent = $("day-off").hidden ? "" : sentence("day_off", { next_day: picture.plan.next_day ?? say("none") });
  const open = picture.incidents.filter((row) => row.open);
  const incidents = open.map((row) => ({ key: `${row.truck}/${row.incident_id}`, signature: language + JSON.stringify({ ...row, offers: [] }), row }));
  keyed($("incidents"), incidents.length ? incidents : [{ key: "none", signature: language, row: null }],
    (row, old) => (row ? incidentCard(row, old) : element("p", { class: "quiet" }, say("no_incidents"))), refreshIncident);
  const rows = listed(), aside = rows.filter(isAside);
  $("aside").hidden = aside.length === 0;
  write($("aside").firstElementChild, `${say("aside")} (${aside.length})`);
  keyed($("aside").lastElementChild, aside.map((row) => ({ key: row.id, signature: language + JSON.stringify(row), row })), asideRow);
  keyed($("attention"), rows.filter((row) => !isAside(row)).map((row) => ({ key: row.id, signature: language + JSON.stringify([row, owedOf(row).map((visit) => visit.id)]), row })), attentionRow);
  const unseen = open.flatMap((row) => (row.answers ?? []).filter((one) => picture.at - one.told_at >= (picture.limits.sound_s ?? Infinity) && waits(may, me.deeds, row, one)));
  if (unseen.length && !picture.old_since_at) sound();
  const runs = picture.runs.filter((run) => run.state !== "finished" || picture.at - run.ended_at < 1800);
  keyed($("runs"), runs.map((run) => ({ key: run.run_id, signature: "", row: run })), runPart, refreshRun);
  drawRoads();
  $("trucks").closest("section").hidden = !picture.trucks.length; // who speaks for an estate sees its rooms and their times
  $("trucks").replaceChildren(...truckTable().childNodes);
  $("rooms").replaceChildren(...picture.rooms.map(roomCard));
}

async function speak(next) {
  const [read, advised] = await Promise.all([`/static/${next}.json`, `/static/guidance/${next}.json`].map(async (path) => (await fetch(path)).json()));
  [words, guidance, language] = [read, advised, next]; // at once: what is drawn between the two would stay in the other language
  draw();
}

$("sound").addEventListener("click", () => (silent() ? allow() : turn(), draw()));
$("language").addEventListener("click", async () => {
  await speak(language === "zh" ? "en" : "zh");
  localStorage.setItem("language", language); // what was chosen, not what was begun with
});
await known();
await speak(language ?? me.language ?? "zh"); // as the page on which they signed in spoke
$("language").hidden = false; // there is nothing to switch before
let stuck = [], lost = false;

function heard(newest) {
  picture = newest;
  veil(false);
  draw();
}

function veil(is) {
  lost = is;
  $("veil").hidden = !lost;
  document.querySelectorAll("body > header, body > main").forEach((part) => (part.inert = lost)); // what is veiled cannot be pressed
  if (lost && picture) write($("veil").firstElementChild, [`${say("lost")}${day(picture.at)} ${clock(picture.at)}`, ...stuck.map(reason)].join(" · "));
}

stage({ onPicture: heard, onLost: () => veil(true), onRefused: known }).take(follow);
setInterval(async () => {
  // Another thread of the system can still tell what only it sees: that nothing is decided any more.
  try {
    stuck = $("veil").hidden ? [] : (await (await fetch("/healthz")).json()).reasons;
  } catch {
    stuck = [];
  }
  if (lost) veil(true);
}, 2000);
