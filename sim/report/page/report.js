"use strict";
const facts = JSON.parse(document.getElementById("facts").textContent);
const allWords = JSON.parse(document.getElementById("words").textContent);
const $ = (id) => document.getElementById(id);
let language = (location.hash.slice(1) || navigator.language).startsWith("zh") ? "zh" : "en";
let now = 0, chosen = -1, playing = null;

const safe = (text) => String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
const word = (group, key) => allWords[language][group][key] ?? key;
const say = (group, key, values = {}) => word(group, key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "?");
/* What an expectation asks for, as people say it: shares in per cent, moments as times of day, words of the screens. */
const asked = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => {
  if (name === "share" || name === "grams_within") return [name, `${Math.round(value * 1000) / 10} %`];
  if (name === "from" || name === "to") return [name, clock(value - facts.start_s)];
  if (name === "stages") return [name, value.map((one) => word("lights", one)).join(" → ")];
  return [name, name === "shown" ? word("lamps", value) : value];
}));
const part = (name) => { const both = name.split(" / "); return both.length === 2 ? both[language === "zh" ? 0 : 1] : name; };
const roomName = (id) => `${part(facts.area.rooms[id]?.name ?? id)} (${id})`;
const clock = (s) => {
  const all = Math.round(s + facts.start_s), day = Math.floor(all / 86400), pad = (n) => String(n).padStart(2, "0");
  return (day ? `+${day} ` : "") + [Math.floor(all / 3600) % 24, Math.floor(all / 60) % 60, all % 60].map(pad).join(":");
};
const minutes = (s) => (s / 60).toFixed(1);
/* The last of [second, ...] entries that was so at this moment. */
const last = (entries, s, at = (entry) => entry[0]) => {
  let low = 0, high = entries.length;
  while (low < high) { const middle = (low + high) >> 1; if (at(entries[middle]) <= s) low = middle + 1; else high = middle; }
  return low ? entries[low - 1] : null;
};
const inSpell = (spells, s) => spells.some(([from, to]) => from <= s && s < to);
const bars = (changes) => changes.map(([s, shown], i) => [s, i + 1 < changes.length ? changes[i + 1][0] : facts.length_s, shown]);

/* --- what was expected -------------------------------------------------------------------------------------- */
function showExpectations() {
  const rows = facts.expectations.map((one) => {
    const should = say("expectations", one.kind, asked(one.asked));
    const why = one.held ? "" : `<ul class="faults">${one.faults.map((f) => `<li>${safe(f[language])}</li>`).join("")}</ul>`;
    const mark = one.held ? `<span class="mark">✓ ${word("page", "held")}</span>` : `<span class="mark failed">✗ ${word("page", "failed")}</span>`;
    const lead = one.held ? "" : `<b>${word("page", "should_have")}</b>${language === "zh" ? "" : " "}`;
    return `<tr data-s="${one.decided_s}" tabindex="0"><td>${mark}</td><td>${lead}${safe(should)}<br><small>${safe(one.kind)}</small></td><td>${safe(one.seen[language])}${why}</td><td class="num">${clock(one.decided_s)}</td></tr>`;
  });
  const head = ["", word("page", "asked"), word("page", "seen"), word("page", "since")].map((h) => `<th>${h}</th>`).join("");
  $("expectations").innerHTML = `<h2>${word("page", "expectations")}</h2><div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

/* --- the moment --------------------------------------------------------------------------------------------- */
const frame = (() => {
  const points = [...facts.area.lines.flatMap((one) => one.line), ...Object.values(facts.area.rooms).map((r) => [r.lat, r.lon]), ...Object.values(facts.trucks).flatMap((t) => t.places.map((p) => [p[1], p[2]]))];
  const span = (values) => [Math.min(...values), Math.max(...values)];
  const fold = (index) => points.reduce(([low, high], p) => [Math.min(low, p[index]), Math.max(high, p[index])], [Infinity, -Infinity]);
  const [south, north] = fold(0), [west, east] = fold(1), shrink = Math.cos((south + north) / 2 * Math.PI / 180);
  const width = 640, height = 340, edge = 18;
  const scale = Math.min((width - 2 * edge) / Math.max(1e-6, (east - west) * shrink), (height - 2 * edge) / Math.max(1e-6, north - south));
  const left = (width - (east - west) * shrink * scale) / 2, top = (height - (north - south) * scale) / 2;
  return { width, height, x: (lon) => left + (lon - west) * shrink * scale, y: (lat) => top + (north - lat) * scale };
})();
function placeOf(truck, s) {
  const places = facts.trucks[truck].places, before = last(places, s);
  if (!before) return places[0] ?? null;
  const after = places[places.indexOf(before) + 1];
  if (!after || after[0] === before[0]) return before;
  const share = (s - before[0]) / (after[0] - before[0]);
  return [s, before[1] + share * (after[1] - before[1]), before[2] + share * (after[2] - before[2])];
}
const URGENCY = ["dead", "off", "no_data", "held", "due", "at_stop"];
function lampOf(room, s) {
  const shown = Object.values(facts.rooms[room].lamps).map((changes) => last(changes, s)?.[1] ?? "dead");
  return shown.reduce((worst, one) => (URGENCY.indexOf(one) > URGENCY.indexOf(worst) ? one : worst), "dead");
}
function showMap() {
  const { x, y } = frame;
  const streets = facts.area.lines.map((one) => `<polyline class="street" points="${one.line.map(([lat, lon]) => `${x(lon).toFixed(1)},${y(lat).toFixed(1)}`).join(" ")}"/>`);
  const rooms = Object.entries(facts.area.rooms).map(([id, room]) => {
    const lamp = lampOf(id, now), cx = x(room.lon).toFixed(1), cy = y(room.lat).toFixed(1);
    const cross = inSpell(facts.rooms[id].blocked, now) ? `<path class="blocked" d="M${cx - 9} ${cy - 9}l18 18m0 -18l-18 18"/>` : "";
    return `<g><title>${safe(roomName(id))}: ${word("lamps", lamp)}</title><circle class="room ${lamp}" cx="${cx}" cy="${cy}" r="6"/>${cross}<text class="quiet" x="${+cx + 8}" y="${+cy + 4}">${id}</text></g>`;
  });
  const trucks = Object.keys(facts.trucks).map((id) => {
    const place = placeOf(id, now);
    if (!place) return "";
    const px = x(place[2]).toFixed(1), py = y(place[1]).toFixed(1);
    return `<g><title>${id}</title><rect class="truck" x="${px - 7}" y="${py - 5}" width="14" height="10" rx="2"/><text x="${px - 8}" y="${py - 8}">${id}</text></g>`;
  });
  $("map").setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
  $("map").innerHTML = `<title>${word("page", "map")}</title>` + streets.join("") + rooms.join("") + trucks.join("");
}
function showNow() {
  const trucks = Object.entries(facts.trucks).map(([id, truck]) => {
    const light = last(truck.light, now)?.[1] ?? "dead", order = last(truck.itineraries, now, (one) => one.s);
    const open = (order?.visits ?? []).filter((v) => !["served", "skipped", "cancelled"].includes(v[2])).slice(0, 4);
    const stands = facts.visits.find((v) => v.truck === id && v.arrived_s <= now && (v.left_s === null || now < v.left_s));
    const lacks = [["no_power", truck.no_power], ["no_gps", truck.no_gps]].filter(([, spells]) => inSpell(spells, now)).map(([key]) => word("page", key));
    const where = [stands ? say("page", "stands_at", { room: roomName(stands.room) }) : "", ...lacks].filter(Boolean).join(" · ");
    return `<p><b>${id}</b> ${safe(where)}<br>${word("page", "light")}: ${word("lights", light)}</p><ul>${open.map((v) => `<li>${safe(roomName(v[0]))}${v[1] > 1 ? ` · ${say("page", "visit_no", { n: v[1] })}` : ""} <small>${word("visits", v[2])}</small></li>`).join("")}</ul>`;
  });
  const deeds = facts.deeds.filter((d) => d.s <= now).slice(-3).map((d) => `<li>${clock(d.s)} ${d.where}: ${word("deeds", d.did)}${d.who ? ` <small>${safe(d.who)}</small>` : ""}</li>`);
  $("now").innerHTML = trucks.join("") + (deeds.length ? `<p><b>${word("page", "people")}</b></p><ul>${deeds.join("")}</ul>` : "");
}
/* One strip a truck: the rooms of its itinerary as stops, the truck between the last it left and the next. */
function showStrips() {
  const width = 900, strips = Object.entries(facts.trucks).map(([id, truck]) => {
    const order = last(truck.itineraries, now, (one) => one.s);
    if (!order || !order.visits.length) return "";
    const step = (width - 120) / Math.max(1, order.visits.length);
    const done = (v) => ["served", "skipped", "cancelled"].includes(v[2]) || facts.visits.some((one) => one.truck === id && one.room === v[0] && one.visit_number === v[1] && one.left_s !== null && one.left_s <= now);
    const stops = order.visits.map((v, i) => `<g><title>${safe(roomName(v[0]))} ${word("visits", v[2])}</title><circle class="room ${v[2] === "due" || v[2] === "held" || v[2] === "at_stop" ? v[2] : ""}" cx="${80 + i * step}" cy="16" r="6"${done(v) ? ' opacity=".4"' : ""}/><text class="quiet" x="${80 + i * step}" y="36" text-anchor="middle">${v[0]}${v[1] > 1 ? "·" + v[1] : ""}</text></g>`);
    const stands = order.visits.findIndex((v) => facts.visits.some((one) => one.truck === id && one.room === v[0] && one.visit_number === v[1] && one.arrived_s <= now && (one.left_s === null || now < one.left_s)));
    const next = order.visits.findIndex((v) => !done(v)), at = stands >= 0 ? stands : (next < 0 ? order.visits.length : next) - 0.5;
    return `<svg viewBox="0 0 ${width} 42" width="100%"><text x="0" y="20">${id}</text><line class="street" x1="60" y1="16" x2="${width - 20}" y2="16"/>${stops.join("")}<rect class="truck" x="${73 + at * step}" y="3" width="14" height="8" rx="2"/></svg>`;
  });
  $("strips").innerHTML = strips.join("");
}

/* --- the time line ------------------------------------------------------------------------------------------ */
const LEFT = 150, ROW = 22;
let timelineWidth = 1000;
const xOf = (s) => LEFT + (s / facts.length_s) * (timelineWidth - LEFT - 10);
function bar(kind, from, to, y, height, title) {
  const x = xOf(Math.max(0, from)), width = Math.max(1, xOf(Math.min(facts.length_s, to)) - x);
  return `<rect class="bar ${kind}" x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${height}"><title>${safe(title)}</title></rect>`;
}
const between = (from, to) => `${clock(from)} – ${clock(to)}`;
const troubles = (spells, y, key) => spells.map(([from, to]) => bar("trouble", from, to, y + 2, ROW - 4, `${word("page", key)} ${between(from, to)}`)).join("");
function showTimeline() {
  timelineWidth = Math.max(900, $("timeline").parentElement.clientWidth - 4);
  const rows = [];
  const row = (label, draw) => rows.push((y) => `<line class="row" x1="0" x2="${timelineWidth}" y1="${y + ROW}" y2="${y + ROW}"/><text x="2" y="${y + 15}">${safe(label)}</text>${draw(y)}`);
  for (const [id, truck] of Object.entries(facts.trucks)) {
    row(id, (y) => facts.visits.filter((v) => v.truck === id).map((v) => bar("stay", v.arrived_s, v.left_s ?? facts.length_s, y + 4, ROW - 8, `${roomName(v.room)} ${between(v.arrived_s, v.left_s ?? facts.length_s)}`)).join("")
      + truck.presses.map((p) => `<path class="press" d="M${xOf(p.s)} ${y + 2}l6 12h-12z"><title>${word("deeds", p.meant)} ${clock(p.s)}, ${p.held_s} s</title></path>`).join("")
      + troubles(truck.no_power, y, "no_power") + troubles(truck.no_gps, y, "no_gps"));
    if (truck.presses.length) row(`${id} ${word("page", "light")}`, (y) => bars(truck.light).filter((b) => b[2] !== "off").map(([from, to, shown]) => bar(shown, from, to, y + 5, ROW - 10, `${word("lights", shown)} ${between(from, to)}`)).join(""));
  }
  for (const [id, room] of Object.entries(facts.rooms)) {
    for (const [waste, changes] of Object.entries(room.lamps)) {
      const visits = facts.visits.filter((v) => v.room === id && (waste === "any" || v.waste === waste));
      if (!visits.length && !changes.some(([, shown]) => ["due", "held", "at_stop"].includes(shown))) continue;
      row(`${id} ${word("wastes", waste)}`, (y) => visits.map((v) => bar("window", v.arrived_s - 1170, v.arrived_s - 810, y + 1, ROW - 2, `${word("page", "window")} ${between(v.arrived_s - 1170, v.arrived_s - 810)}`)).join("")
        + bars(changes).filter((b) => b[2] !== "off").map(([from, to, shown]) => bar(shown, from, to, y + 6, ROW - 12, `${word("lamps", shown)} ${between(from, to)}`)).join("")
        + visits.map((v) => bar("stay", v.arrived_s, v.left_s ?? facts.length_s, y + ROW - 4, 3, `${v.truck} ${between(v.arrived_s, v.left_s ?? facts.length_s)}`)).join("")
        + troubles(room.blocked, y, "blocked") + troubles(room.deaf, y, "deaf") + troubles(room.no_power, y, "no_power"));
    }
  }
  row(word("page", "people"), (y) => facts.deeds.map((d) => `<circle class="deed" cx="${xOf(d.s)}" cy="${y + ROW / 2}" r="4"><title>${clock(d.s)} ${d.where}: ${word("deeds", d.did)} ${safe(d.who)}</title></circle>`).join(""));
  const height = 20 + rows.length * ROW;
  const step = [60, 300, 600, 900, 1800, 3600, 7200, 21600, 86400].find((one) => facts.length_s / one <= 14) ?? 86400;
  const hours = [];
  for (let s = Math.ceil(facts.start_s / step) * step - facts.start_s; s <= facts.length_s; s += step) hours.push(`<line class="grid" x1="${xOf(s)}" x2="${xOf(s)}" y1="16" y2="${height}"/><text class="quiet" x="${xOf(s)}" y="12" text-anchor="middle">${clock(s).slice(0, -3)}</text>`);
  const hatch = (id, colour) => `<pattern id="${id}" width="6" height="6" patternTransform="rotate(45)" patternUnits="userSpaceOnUse"><line x1="0" y1="0" x2="0" y2="6" stroke="${colour}" stroke-width="2.5"/></pattern>`;
  const svg = $("timeline");
  svg.setAttribute("width", timelineWidth); svg.setAttribute("height", height);
  svg.innerHTML = `<title>${word("page", "timeline")}</title><defs>${hatch("hatch", "var(--quiet)")}${hatch("trouble", "var(--alarm)")}</defs>${hours.join("")}${rows.map((draw, i) => draw(18 + i * ROW)).join("")}<line id="now-line" class="now" y1="16" y2="${height}"/>`;
}

/* --- predicted against true --------------------------------------------------------------------------------- */
function showCalls() {
  const heads = ["room", "waste", "truck", "visit", "called", "lead", "predicted", "arrived", "error", "bins"].map((key) => `<th>${word("calls", key)}</th>`).join("");
  const rows = facts.visits.map((v, i) => {
    const lead = v.called_s === null ? null : v.arrived_s - v.called_s, fits = lead !== null && lead >= 810 && lead <= 1170;
    const error = v.predicted_s === null ? "" : `${v.predicted_s > v.arrived_s ? "+" : "−"}${Math.abs(Math.round(v.predicted_s - v.arrived_s))} s`;
    return `<tr data-visit="${i}" data-s="${v.arrived_s}" tabindex="0" class="${i === chosen ? "chosen" : ""}"><td>${safe(roomName(v.room))}</td><td>${word("wastes", v.waste)}</td><td>${v.truck}</td><td>${v.visit_number}</td><td class="num">${v.called_s === null ? `<span class="failed">${word("calls", "none")}</span>` : clock(v.called_s)}</td><td class="num">${lead === null ? "" : fits ? minutes(lead) : `<b>${minutes(lead)} !</b>`}</td><td class="num">${v.predicted_s === null ? "" : clock(v.predicted_s)}</td><td class="num">${clock(v.arrived_s)}</td><td class="num">${error}</td><td class="num">${v.bins}</td></tr>`;
  });
  $("calls").innerHTML = `<thead><tr>${heads}</tr></thead><tbody>${rows.join("")}</tbody>`;
  showPrediction();
}
function showPrediction() {
  const svg = $("prediction"), visit = facts.visits[chosen];
  if (!visit) { svg.innerHTML = ""; svg.setAttribute("height", 0); return; }
  const told = (facts.rooms[visit.room].told[visit.waste] ?? []).filter((t) => t[5] === visit.truck && t[6] === visit.visit_number && t[0] <= (visit.left_s ?? facts.length_s));
  const width = 900, height = 200, from = Math.max(0, visit.arrived_s - 3600), to = visit.left_s ?? facts.length_s;
  const shown = told.filter((t) => t[0] >= from - 600);
  const values = [visit.arrived_s, ...shown.flatMap((t) => [t[2], t[3] ?? t[2], t[4] ?? t[2]])];
  const low = Math.min(...values) - 60, high = Math.max(...values) + 60;
  const x = (s) => 80 + ((s - from) / (to - from)) * (width - 100), y = (s) => height - 22 - ((s - low) / (high - low)) * (height - 44);
  const steps = shown.map((t, i) => [Math.max(from, t[0]), i + 1 < shown.length ? shown[i + 1][0] : to, t]).filter(([a, b]) => b > from);
  const line = steps.map(([a, b, t]) => `M${x(a)} ${y(t[2])}H${x(Math.max(a, b))}`).join("");
  const band = steps.filter(([, , t]) => t[3] !== null && t[4] !== null).map(([a, b, t]) => `<rect class="band" x="${x(a)}" y="${y(t[4])}" width="${Math.max(0, x(b) - x(a))}" height="${Math.max(1, y(t[3]) - y(t[4]))}"/>`);
  const apart = (s) => s === visit.arrived_s || Math.abs(y(s) - y(visit.arrived_s)) > 14;
  const marks = [...new Set([low + 60, visit.arrived_s, high - 60])].filter(apart).map((s) => `<text class="quiet" x="2" y="${y(s) + 4}">${clock(s)}</text>`);
  const call = visit.called_s === null ? "" : `<line class="call" x1="${x(visit.called_s)}" x2="${x(visit.called_s)}" y1="18" y2="${height - 20}"/><text x="${x(visit.called_s) + 4}" y="28">${word("calls", "called")} ${clock(visit.called_s)}</text>`;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`); svg.setAttribute("height", height); svg.setAttribute("width", "100%");
  svg.innerHTML = `<title>${word("page", "prediction")}</title><text x="80" y="12">${safe(roomName(visit.room))}: ${word("page", "prediction")}</text>${band.join("")}<path class="predicted" d="${line}"/><line class="true" x1="80" x2="${width - 20}" y1="${y(visit.arrived_s)}" y2="${y(visit.arrived_s)}"/>${call}${marks.join("")}<text class="quiet" x="80" y="${height - 4}">${clock(from)}</text><text class="quiet" x="${width - 20}" y="${height - 4}" text-anchor="end">${clock(to)}</text>`;
}

/* --- moving about ------------------------------------------------------------------------------------------- */
function go(s) {
  now = Math.max(0, Math.min(facts.length_s, s));
  $("clock").textContent = clock(now); $("cursor").value = Math.round(now); $("cursor").setAttribute("aria-valuetext", clock(now));
  const line = $("now-line");
  line.setAttribute("x1", xOf(now)); line.setAttribute("x2", xOf(now));
  showMap(); showNow(); showStrips();
}
const events = [...new Set([0, ...facts.expectations.map((e) => e.decided_s), ...facts.deeds.map((d) => d.s), ...facts.visits.flatMap((v) => [v.arrived_s, v.left_s ?? v.arrived_s, v.called_s ?? v.arrived_s]), ...Object.values(facts.trucks).flatMap((t) => t.presses.map((p) => p.s)), facts.length_s])].filter((s) => s >= 0 && s <= facts.length_s).sort((a, b) => a - b);
function play() {
  if (playing) { clearInterval(playing); playing = null; } else playing = setInterval(() => { go(now + 6); if (now >= facts.length_s) play(); }, 100);
  $("play").textContent = playing ? "❚❚" : "▶"; $("play").setAttribute("aria-pressed", Boolean(playing));
}
function choose(row) {
  go(Number(row.dataset.s));
  if (row.dataset.visit !== undefined) { chosen = Number(row.dataset.visit); showCalls(); $("calls").querySelector(".chosen")?.focus(); }
}
function showAll() {
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  const held = facts.expectations.filter((one) => one.held).length;
  $("name").textContent = facts.scenario;
  $("about").textContent = facts.about;
  $("verdict").textContent = say("page", facts.held ? "all_held" : "some_failed", { held, all: facts.expectations.length, failed: facts.expectations.length - held });
  $("verdict").className = facts.held ? "" : "failed";
  $("language").textContent = word("page", "other_language");
  $("timeline-title").textContent = word("page", "timeline"); $("calls-title").textContent = word("page", "calls"); $("legend").textContent = word("page", "legend"); $("legend").className = "quiet";
  for (const [id, key] of [["back", "before"], ["play", "play"], ["forth", "next"], ["cursor", "moment"]]) $(id).setAttribute("aria-label", word("page", key));
  $("rest").innerHTML = `<p class="quiet">${say("page", "run", { date: facts.date, from: clock(0), to: clock(facts.length_s), seed: facts.seed, messages: facts.messages, records: facts.records })}</p><p>${say("page", "street", facts.street)}</p>${facts.notes.length ? `<ul>${facts.notes.map((n) => `<li>${safe(n[language])}</li>`).join("")}</ul>` : ""}`;
  $("cursor").max = Math.round(facts.length_s);
  showExpectations(); showTimeline(); showCalls(); go(now);
}
$("language").onclick = () => { language = language === "zh" ? "en" : "zh"; location.hash = language; showAll(); };
$("cursor").oninput = () => go(Number($("cursor").value));
$("play").onclick = play;
$("back").onclick = () => go([...events].reverse().find((s) => s < now - 0.5) ?? 0);
$("forth").onclick = () => go(events.find((s) => s > now + 0.5) ?? facts.length_s);
$("timeline").onclick = (click) => go(((click.clientX - $("timeline").getBoundingClientRect().left - LEFT) / (timelineWidth - LEFT - 10)) * facts.length_s);
document.addEventListener("click", (click) => { const row = click.target.closest("tr[data-s]"); if (row) choose(row); });
document.addEventListener("keydown", (key) => { if (key.key === "Enter" && key.target.matches?.("tr[data-s]")) choose(key.target); });
addEventListener("resize", () => { showTimeline(); go(now); });
showAll();
