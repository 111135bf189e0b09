// The technician's page: every device, what is wrong first; and one of them, with its commands and its raw messages live.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { act, ask } from "../frame/deed.js";
import { begin, Page, show } from "../frame/page.js";
import { may } from "../frame/visitor.js";
import { age, clocks, known, named, say } from "../frame/words.js";
import { KNOWN, outcome, path } from "./commands.js";

const LOOK_MS = 2000, ODD_MS = 60000, ODD_DAYS = 30, VEIL_AFTER_MS = 10000, DAY_S = 86400, CLOCK_OFF_S = 5;
const RANKS = ["never", "well", "doubt", "warning", "lost_device", "severe"];
const [, , family, device] = location.pathname.split("/").map(decodeURIComponent);
let odd = null, found = null, heardAt = performance.now(), said = "", told = null, clock = clocks(undefined), wanted = "", busy = false;

const href = (row) => `/devices/${row.family}/${encodeURIComponent(row.device)}`;
const ago = (at) => (at === null ? say("never_heard") : `${age(Math.max(0, found.at - Math.floor(at)))} ${say("ago")}`);
const days = (at) => say("days_ago", { days: Math.floor((found.at - at) / DAY_S) });
const sentence = (one) => (known(one.word) ? say(one.word, one.values) : one.word);
const rank = (row) => html`<span class=${`rank r${row.rank}`}>${say(`rank_${RANKS[row.rank]}`)}</span>`;
const life = (row) => say(row.life === "lost" ? "lost_device" : row.life);
const offset = (row) => (row.clock_s === null ? say("none") : html`<span class=${Math.abs(row.clock_s) > CLOCK_OFF_S ? "warn" : ""}>${row.clock_s > 0 ? "+" : ""}${row.clock_s} ${say("seconds")}</span>`);
const calibrated = (row) => (row.family === "truck" ? "" : row.wastes.map((waste) => html`<div key=${waste}>${say(waste)}: ${waste in row.calibrated ? days(row.calibrated[waste]) : say("not_known")}</div>`));
const oldest = (row) => (Object.keys(row.calibrated).length ? days(Math.min(...Object.values(row.calibrated))) : "");
const troubles = (row) => html`<ul class="troubles">
  ${row.closed ? html`<li class="alarm">${say("account_closed", { limit: row.closed.limit, minutes: Math.ceil(row.closed.opens_in_s / 60) })}</li>` : null}
  ${row.findings.map((one) => html`<li key=${one.word} class=${one.level === "severe" ? "alarm" : one.level === "warning" ? "warn" : ""}>${sentence(one)} <small class="quiet">${ago(one.since)}</small></li>`)}</ul>`;

function List() {
  const { rows, ranks } = found;
  return html`<p class="row"><label>${say("find")} <input data-testid="find" value=${wanted} onInput=${(event) => ((wanted = event.target.value), void look())} /></label>
      <span>${[5, 4, 3, 2, 1, 0].filter((at) => ranks[at]).map((at) => html`<span key=${at} class=${`rank r${at}`}>${say(`rank_${RANKS[at]}`)} ${ranks[at]}</span> `)}</span></p>
    <div class="scroll"><table class="devices" data-testid="devices"><thead><tr>${["device", "state", "life", "heard", "release", "gaps", "refusals", "clock_off", "calibrated", "troubles"].map((head) => html`<th key=${head}>${say(`head_${head}`)}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${href(row)} data-testid=${`device-${row.device}`}>
      <th scope="row"><a href=${href(row)}>${row.device}</a> <small>${row.name ? named(row.name) : say(row.family)}</small></th><td>${rank(row)}</td><td>${life(row)}</td><td>${ago(row.heard_at)}</td>
      <td>${row.fw ?? ""}</td><td class="number" data-head=${say("head_gaps")}>${row.gaps || ""}</td><td class="number" data-head=${say("head_refusals")}>${row.refused || ""}</td><td class="number" data-head=${say("head_clock_off")}>${row.clock_s === null ? "" : offset(row)}</td><td class="number" data-head=${say("head_calibrated")}>${oldest(row)}</td><td>${troubles(row)}</td></tr>`)}</tbody></table></div>
    ${found.left_out ? html`<p class="quiet">${say("left_out_of_list", { count: found.left_out })}</p>` : null}`;
}

async function tell(row, command, more = {}) {
  busy = true;
  draw();
  const done = await act(path(row), { command, ...more });
  [told, said] = [done.ok ? { command, before: row.answer?.id ?? null, boot: row.boot, at: performance.now() } : null, done.told];
  busy = false;
  await look();
}

async function open(row) {
  const done = await act(`/api/v1/accounts/${encodeURIComponent(row.device)}/open`);
  said = done.ok ? say("let_in_again") : done.told;
  await look();
}

function calibrate(row, event) {
  event.preventDefault();
  const form = new FormData(event.target);
  void tell(row, "calibrate", { waste: form.get("waste"), grams: Math.round(Number(form.get("kilograms")) * 1000) });
}

function Commands({ row }) {
  const answer = outcome(row, told, performance.now());
  if (!may(`POST /api/v1/${row.family}s/{device}/command`)) return null;
  const plain = KNOWN[row.family].filter((one) => one !== "calibrate");
  return html`<section><h2>${say("commands")}</h2>
    <p class="row">${plain.map((one) => html`<button key=${one} class=${one === "identify" ? "main" : ""} data-testid=${`command-${one}`} disabled=${busy} title=${say(`does_${one}`)} onClick=${() => (one !== "reset" || confirm(say("ask_reset")) ? tell(row, one) : null)}>${say(`command_${one}`)}</button>`)}
      ${row.closed && may("POST /api/v1/accounts/{device}/open") ? html`<button data-testid="open" onClick=${() => open(row)}>${say("let_in")}</button>` : null}</p>
    ${row.family === "room" ? html`<form class="row" onSubmit=${(event) => calibrate(row, event)}><label>${say("command_calibrate")} <select name="waste">${row.wastes.map((waste) => html`<option key=${waste} value=${waste}>${say(waste)}</option>`)}</select></label>
      <label>${say("kilograms_on_cell")} <input name="kilograms" type="number" min="0" step="any" required /></label><button data-testid="command-calibrate" disabled=${busy}>${say("tell_mass")}</button><small class="quiet">${say("calibrate_how")}</small></form>` : null}
    ${answer ? html`<p class=${`card ${answer.done === false ? "alarm" : ""}`} role="status" data-testid="answer"><b>${say(`command_${told.command}`)}</b>: <span lang="en">${answer.text}</span></p>` : row.answer ? html`<p class="quiet">${say("last_answer")} <span lang="en">${row.answer.said}</span></p>` : null}</section>`;
}

// Visits of the last weeks at which count, weight and crew did not say the same, the newest first.
async function lookAtOdd() {
  if (!device || !found) return;
  const day = (at) => clock.day(at), asked = `/api/v1/stats?from_day=${day(found.at - ODD_DAYS * DAY_S)}&to_day=${day(found.at)}&table=disagreements`;
  odd = (await ask(asked, () => {}, 8000))?.filter((one) => one[family] === device).reverse() ?? odd;
  draw();
}

const Odd = () => html`<section><h2>${say("disagreements", { days: ODD_DAYS })}</h2>${odd?.length ? html`<ul data-testid="disagreements">${odd.map((one) => html`<li key=${`${one.day}${one.room}${one.truck}${one.waste}`}>${[one.day, family === "room" ? one.truck : one.room, say(one.waste), one.words.map((word) => say(`odd_${word}`)).join(", ")].join(" · ")}</li>`)}</ul>` : html`<p class="quiet" data-testid="disagreements">${odd ? say("no_disagreements") : "…"}</p>`}</section>`;

function One() {
  const { row, messages, missing } = found;
  const facts = [["life", html`${life(row)} ${rank(row)}`], ["heard", ago(row.heard_at)], ["release", row.fw ?? say("none")], ["boot", row.boot ?? say("none")], ["refusals", row.refused], ["clock_off", offset(row)], ["gaps", missing.length ? missing.map((one) => `${one.boot}: ${one.first}–${one.last}`).join(", ") : "0"]];
  if (row.family === "room") facts.push(["calibrated", calibrated(row)]);
  return html`<h2 class="name">${row.device} <small>${row.name ? named(row.name) : say(row.family)}</small></h2>
    ${troubles(row)}
    <dl data-testid="facts">${facts.map(([head, value]) => html`<div key=${head}><dt>${say(`head_${head}`)}</dt><dd>${value}</dd></div>`)}</dl>
    <${Commands} row=${row} />
    <${Odd} />
    <section><h2>${say("messages")}</h2><div class="scroll" tabindex="0" role="region" aria-label=${say("messages")}><table class="raw" data-testid="messages"><tbody>${messages.map((one) => html`<tr key=${`${one.at}${one.channel}${one.text}`} class=${one.ours ? "ours" : one.refused ? "refused" : ""}>
      <td class="number">${clock.exact(one.at)}</td><td>${say(one.ours ? "to_device" : "from_device")} <b>${one.channel}</b></td><td><code>${one.text || say("cleared")}</code>${one.refused ? html`<br /><span class="alarm" lang="en">${one.refused}</span>` : null}</td></tr>`)}</tbody></table></div>
    ${messages.length ? null : html`<p class="quiet">${say("no_messages")}</p>`}</section>`;
}

function draw() {
  const lost = found && performance.now() - heardAt > VEIL_AFTER_MS ? say("lost") + clock.exact(found.at) : "";
  show(html`<${Page} title="devices_title" said=${said} lost=${lost}>${found ? (device ? html`<${One} />` : html`<${List} />`) : null}<//>`);
}

async function look() {
  const answer = await ask(device ? `/api/v1/devices/${family}/${encodeURIComponent(device)}` : `/api/v1/devices?find=${encodeURIComponent(wanted)}`, (why) => (said = why), 8000);
  if (answer) [found, heardAt, clock] = [answer, performance.now(), clocks(answer.timezone)];
  draw();
}

await begin(["", "devices"], draw);
await look();
setInterval(look, LOOK_MS);
await lookAtOdd();
setInterval(lookAtOdd, ODD_MS);
