// How good the calls were: the leads as a histogram with the band marked, scores with the worst first, what drifts, and
// each call opened: what was known when the room was called, and what came true.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { ask } from "../frame/deed.js";
import { begin, Page, show } from "../frame/page.js";
import { Span, spanned, wanted } from "../frame/span.js";
import { clocks, named, say } from "../frame/words.js";
import { drawn, Leads } from "./histogram.js";
import { Call, lead, minutes } from "./call.js";

const BY = ["room", "route", "day", "kind"], MOST = 200;
let shown = null, scores = [], call = null, said = "", asking = 0;

const only = () => Object.fromEntries([...new URLSearchParams(location.search)].filter(([name]) => ["room", "route", "kind", "of_day"].includes(name)));
const byOf = () => BY.filter((one) => (new URLSearchParams(location.search).get("by") ?? "room").split(",").includes(one));
const nameOf = (id) => named(shown.names[id] ?? id);

async function look() {
  const mine = (asking += 1), view = wanted(location.search, {}), told = (why) => { said = why; };
  const found = await ask(`/api/v1/calls/shown?${new URLSearchParams({ ...view, ...only() })}`, told);
  if (!found) return void (mine === asking && draw());
  const by = byOf().map((one) => ["by", one]);
  const rows = await ask(`/api/v1/calls/scores?${new URLSearchParams([["from_day", found.from_day], ["to_day", found.to_day], ["most", MOST], ...by])}`, told);
  const id = new URLSearchParams(location.search).get("call"), one = id && (await ask(`/api/v1/calls/${encodeURIComponent(id)}`, told));
  if (mine !== asking) return; // somebody has gone on meanwhile
  [shown, scores, call] = [found, rows ?? [], one || null];
  draw();
}

function go(change) {
  const before = Object.fromEntries(new URLSearchParams(location.search)), next = Object.entries({ ...before, ...change }).filter(([, value]) => value);
  said = "";
  history.pushState(null, "", `/scores?${new URLSearchParams(next)}`);
  void look();
}

function Overview() {
  const share = shown.calls ? Math.round((1000 * shown.in_band) / shown.calls) / 10 : null;
  return html`<section class="card"><h2>${say("leads")}</h2>
    <p data-testid="summary">${shown.calls ? say("summary", { calls: shown.calls, in_band: shown.in_band, share, unmet: shown.unmet }) : say("no_calls")}</p>
    ${shown.leads.length ? html`<${Leads} shown=${shown} />` : null}</section>
    <section class="card" aria-label=${say("drifts")}><h2>${say("drifts")}</h2>${shown.drifts.length ? html`<ul>${shown.drifts.map((one) => html`<li key=${one.rooms.join()}>${say(one.drift_s > 0 ? "drift_late" : "drift_early", { rooms: one.rooms.map(nameOf).join(", "), minutes: minutes(Math.abs(one.drift_s)), calls: one.calls })}${one.reason ? ` ${say(`why_${one.reason}`, { room: one.place ? nameOf(one.place) : say("another_room") })}` : ""}</li>`)}</ul>` : html`<p class="quiet">${say("no_drifts")}</p>`}</section>`;
}

function turnBy(name, on) {
  const by = BY.filter((one) => (one === name ? on : byOf().includes(one)));
  if (by.length) go({ by: by.join(",") });
  else draw();
}

function Scores() {
  const by = byOf(), word = (name, value) => (name === "kind" ? say(`kind_${value}`) : name === "day" ? value : nameOf(value));
  return html`<section class="card"><h2>${say("scores_title")}</h2>
    <fieldset class="tools"><legend>${say("told_apart")}</legend>${BY.map((one) => html`<label key=${one}><input type="checkbox" data-testid=${`by-${one}`} checked=${by.includes(one)} onChange=${(event) => turnBy(one, event.target.checked)} /> ${say(`one_${one}`)}</label>`)}</fieldset>
    <div class="scroll" tabindex="0" role="region" aria-label=${say("scores_title")}><table data-testid="scores"><thead><tr>${by.map((one) => html`<th key=${one} scope="col">${say(`one_${one}`)}</th>`)}${["calls", "in_band", "outside", "median", "late", "off"].map((one) => html`<th key=${one} scope="col" class=${one === "off" ? "" : "number"}>${say(`head_${one}`)}</th>`)}<th scope="col"><span class="unseen">${say("show_calls")}</span></th></tr></thead>
    <tbody>${scores.map((row) => html`<tr key=${by.map((one) => row[one]).join("|")}>${by.map((one) => html`<th key=${one} scope="row">${word(one, row[one])}</th>`)}
      <td class="number">${row.calls}</td><td class="number">${row.calls_13_to_19}</td><td class="number">${minutes(row.outside_band_s)}</td><td class="number">${minutes(row.median_lead_s)}</td><td class="number">${minutes(row.median_late_s)}</td>
      <td>${row.off_most ? say(`off_${row.off_most}`, { room: row.off_room ? nameOf(row.off_room) : say("another_room"), minutes: minutes(row.off_s) }) : ""}</td>
      <td><button onClick=${() => go({ room: "", route: "", kind: "", of_day: "", call: "", ...Object.fromEntries(by.map((one) => [one === "day" ? "of_day" : one, row[one]])) })}>${say("show_calls")}</button></td></tr>`)}</tbody></table></div></section>`;
}

function Worst() {
  const { time } = clocks(shown.timezone), of = Object.entries(only());
  return html`<section class="card" data-testid="worst"><h2>${say("worst")} ${of.length ? html`<small>${of.map(([name, value]) => (name === "kind" ? say(`kind_${value}`) : nameOf(value))).join(" · ")}</small> <button onClick=${() => go({ room: "", route: "", kind: "", of_day: "" })}>${say("all_calls")}</button>` : null}</h2>
    <div class="scroll" tabindex="0" role="region" aria-label=${say("worst")}><table><thead><tr>${["day", "room", "kind", "route"].map((one) => html`<th key=${one} scope="col">${say(`one_${one}`)}</th>`)}<th scope="col" class="number">${say("head_lead")}</th><th scope="col" class="number">${say("head_late")}</th><th scope="col"><span class="unseen">${say("why")}</span></th></tr></thead>
    <tbody>${shown.worst.map((one) => html`<tr key=${one.call_id} class=${one.call_id === call?.call_id ? "here" : ""}><td>${one.day}</td><td>${nameOf(one.room)}</td><td>${say(`kind_${one.kind}`)}</td><td>${nameOf(one.route)}</td><td class="number">${lead(one)}</td><td class="number">${minutes(one.late_s)}</td>
      <td><button data-testid=${`why-${one.call_id}`} onClick=${() => go({ call: one.call_id })}>${say("why")}</button></td></tr>`)}</tbody></table></div></section>`;
}

function draw() {
  show(html`<${Page} title="scores" said=${said}>${shown ? html`<p class="span" data-testid="span">${say(`view_${shown.view}`)} · <strong>${spanned(shown)}</strong></p>
    <div class="tools"><${Span} shown=${shown} go=${go} /></div>
    ${call ? html`<${Call} call=${call} close=${() => go({ call: "" })} />` : null}
    <div class="two"><div><${Overview} /></div><div><${Scores} /></div></div><${Worst} />` : html`<p class="quiet">${say("is_counted")}</p>`}<//>`);
  drawn(shown);
}

addEventListener("popstate", () => void look());
await begin(["", "scores"], draw);
await look();
