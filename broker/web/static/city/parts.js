// What the district's page is made of: the whole, the cells, what is open, the cases.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { clocks, language, named, say } from "../frame/words.js";

const SOON = 120, HOUR_S = 3600, DAY_S = 86_400;
const count = (number) => (number ?? 0).toLocaleString(language === "zh" ? "zh-CN" : "en-GB");

// How long ago, as one says it.
export function ago(seconds) {
  const s = Math.max(0, seconds);
  if (s < SOON) return `${s} ${say("seconds")}`;
  if (s < 2 * HOUR_S) return `${Math.round(s / 60)} ${say("minutes")}`;
  return s < 2 * DAY_S ? `${Math.round(s / HOUR_S)} ${say("hours")}` : `${Math.round(s / DAY_S)} ${say("days")}`;
}

// Of cells that are heard: what a silent one said last may be yesterday's.
const sum = (cells, name) => cells.filter((cell) => !cell.silent).reduce((all, { said }) => all + (said.progress?.[name] ?? 0), 0);

// How many there are: a cell names no more than the first two hundred.
const told = (cells, name) => cells.reduce((all, { said }) => all + (said[name] ?? 0), 0);

export function Whole({ city }) {
  const { cells } = city, silent = cells.filter((cell) => cell.silent).length, presses = told(cells, "open");
  const served = sum(cells, "served"), owed = sum(cells, "owed");
  const tell = (word, value, level = "") => html`<div class=${`figure ${level}`} data-testid=${`whole-${word}`}><strong>${value}</strong> <span>${say(word)}</span></div>`;
  return html`<div class="whole">
    ${tell("cells_heard", `${cells.length - silent} / ${cells.length}`, silent ? "warn" : "")}
    ${silent ? tell("cells_silent", `▲ ${silent}`, "alarm") : null}
    ${tell("presses_open", presses ? `◆ ${presses}` : 0, presses ? "alarm" : "")}
    ${tell("alarms_open", count(told(cells, "alarm_count")), told(cells, "alarm_count") ? "warn" : "")}
    ${tell("served_of", `${count(served)} / ${count(served + owed + sum(cells, "skipped"))}`)}
    ${tell("bins_wait", count(sum(cells, "bins_waiting")))}</div>`;
}

// A day's visits as a bar: served, skipped, and what is owed.
function Bar({ progress }) {
  const { served, skipped, owed } = progress, all = served + skipped + owed;
  const width = (part) => ({ style: { width: `${all ? (100 * part) / all : 0}%` } });
  return html`<div class="bar" role="img" aria-label=${say("bar_of", { served: count(served), skipped: count(skipped), owed: count(owed) })}><i class="served" ...${width(served)}></i><i class="skipped" ...${width(skipped)}></i></div>`;
}

export function Cells({ city, now }) {
  if (!city.cells.length) return html`<p class="quiet">${say("no_cells")}</p>`;
  return html`<ul class="cells">${city.cells.map((cell) => html`<${Cell} key=${cell.area} cell=${cell} city=${city} now=${now} />`)}</ul>`;
}

// A cell of which nothing can be read has no `progress`, and a note.
function Cell({ cell, city, now }) {
  const { said } = cell, at = (moment) => moments(moment, city.timezone, now), progress = said.progress, presses = said.open ?? 0, alarms = said.alarm_count ?? 0;
  return html`<li class=${`card cell ${cell.silent ? "silent" : ""}`} data-testid=${`cell-${cell.area}`}>
    <h3>${said.screen ? html`<a href=${said.screen}>${named(cell.name)}</a>` : named(cell.name)}</h3>
    <p class="stand">${cell.silent ? html`<span class="alarm" data-testid=${`silent-${cell.area}`}>▲ ${say("silent_since", { at: at(cell.heard_at), ago: ago(now - cell.heard_at) })}</span>` : html`<span class="quiet">${say("heard_ago", { ago: ago(now - cell.heard_at) })}</span>`}</p>
    ${progress ? html`<${Bar} progress=${progress} />
    <p class="counts"><span><b>${count(progress.served)}</b> ${say("served")}</span> <span><b>${count(progress.owed)}</b> ${say("owed")}</span> ${progress.skipped ? html`<span><b>${count(progress.skipped)}</b> ${say("skipped")}</span>` : null}</p>` : null}
    <p class="counts">${presses ? html`<span class="alarm">◆ ${say("presses_n", { count: presses })}</span> ` : null}${alarms ? html`<span class="warn">▲ ${say("alarms_n", { count: alarms })}</span> ` : null}${presses + alarms || !progress ? null : html`<span class="quiet">${say("nothing_open")}</span>`}</p>
    ${progress ? html`<p class="quiet small">${say("rooms_trucks", { rooms: progress.rooms_ready, all_rooms: progress.rooms, trucks: progress.trucks_ready, all_trucks: progress.trucks, waiting: progress.rooms_waiting })}</p>
    <p class="quiet small">${said.link.up ? say("broker_up") : html`<span class="alarm">▲ ${say("broker_down", { at: at(said.link.since_at) })}</span>`} · ${say(`plan_${said.plan.state}`, { day: said.plan.last_day ?? say("none") })} · ${said.version}</p>` : null}
    ${wrong(cell, at).map((text) => html`<p key=${text} class="warn small">▲ ${text}</p>`)}</li>`;
}

// The time, with its day where that is not today's.
function moments(moment, timezone, now) {
  const { day, time } = clocks(timezone);
  return day(moment) === day(now) ? time(moment) : `${day(moment)} ${time(moment)}`;
}

// What a person should know of a cell: what it said is wrong with it, and what of its records did not come.
const wrong = (cell, at) => [
  ...(cell.said.health ?? []).map((row) => row.text[language]),
  ...cell.notes.map(({ word, values }) => say(`note_${word}`, { ...values, ...("at" in values ? { at: at(values.at) } : {}) })),
];

const SHOWN = 100;

export function Open({ city, now }) {
  if (!city.open.length) return html`<p class="quiet" data-testid="nothing-open">${say("nothing_open_anywhere")}</p>`;
  const screens = Object.fromEntries(city.cells.map((cell) => [cell.area, cell.said.screen]));
  return html`<ul class="open" data-testid="open">${city.open.slice(0, SHOWN).map((row) => html`<li key=${`${row.area}/${row.kind}/${row.id}/${row.since}`} class=${`${row.level} ${row.seen ? "seen" : ""}`}>
    <span class="sign" aria-hidden="true">${row.kind === "press" ? "◆" : "▲"}</span> <span class="age">${ago(now - row.since)}</span>
    ${screens[row.area] ? html`<a class="area" href=${screens[row.area]}>${named(row.name)}</a>` : html`<span class="area">${named(row.name)}</span>`}
    <span class="text">${row.press ? pressed(row.press) : row.text[language]} ${row.seen ? html`<span class="quiet">(${say("seen")})</span>` : null}${row.silent ? html` <span class="quiet">(${say("as_said_last")})</span>` : null}</span></li>`)}</ul>
    ${city.open.length > SHOWN ? html`<p class="quiet">${say("and_more", { count: city.open.length - SHOWN })}</p>` : null}`;
}

const pressed = (press) => [press.truck, say(press.reason), named(press.room_name), named(press.estate_name)].filter(Boolean).join(" · ");

// What all cells together did, kind by kind: what nobody knows is a dash, no zero.
export function Kinds({ rows }) {
  const known = rows?.filter((row) => !row.gap).sort((one, other) => !one.waste - !other.waste);
  if (!known?.length) return null;
  const cell = (value) => (value === null ? "–" : count(value)), kg = (grams) => (grams === null ? "–" : count(Math.round(grams / 1000)));
  const total = (name) => known.reduce((all, row) => (row[name] === null ? all : (all ?? 0) + row[name]), null);
  const cells = (of) => html`<td class="number">${cell(of("bins"))}</td><td class="number">${kg(of("grams"))}</td><td class="number">${cell(of("served"))}</td><td class="number">${cell(of("skipped"))}</td><td class="number">${cell(of("incidents"))}</td>`;
  return html`<div class="card kinds"><div class="scroll" tabindex="0" role="region" aria-label=${say("table_of", { title: say("kinds") })}><table data-testid="kinds"><thead><tr>${["kinds", "kind_bins", "kind_kg", "kind_served", "kind_skipped", "kind_presses"].map((head, place) => html`<th key=${head} scope="col" class=${place ? "number" : ""}>${say(head)}</th>`)}</tr></thead>
    <tbody>${known.map((row) => html`<tr key=${row.waste}><th scope="row">${row.waste ? say(row.waste) : say("kind_none")}</th>${cells((name) => row[name])}</tr>`)}</tbody>
    <tfoot><tr><th scope="row">${say("kind_all")}</th>${cells(total)}</tr></tfoot></table></div></div>`;
}

export function Cases({ cases, timezone, older }) {
  if (!cases?.length) return html`<p class="quiet">${say(cases ? "no_cases" : "is_looked")}</p>`;
  const { day } = clocks(timezone), heads = ["case_area", "case_kind", "case_place", "case_times", "case_since", "case_state"];
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${say("table_of", { title: say("cases") })}><table class="cases" data-testid="cases"><thead><tr>${heads.map((head) => html`<th key=${head} scope="col">${say(head)}</th>`)}</tr></thead>
    <tbody>${cases.map((one) => html`<tr key=${`${one.area}/${one.case_id}`}><th scope="row">${named(one.name)}</th><td>${say(`case_${one.kind}`)}</td><td>${named(one.place) ?? one.room ?? one.estate ?? ""}</td><td class="number">${one.times}</td><td>${day(one.handed_over_at)}</td><td>${say(`case_${one.state}`)}${one.answer ? html` <span class="quiet">${one.answer}</span>` : null}</td></tr>`)}</tbody></table></div>
    ${older ? html`<p><button type="button" data-testid="more-cases" onClick=${older}>${say("more_cases")}</button></p>` : null}`;
}
