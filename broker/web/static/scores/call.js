// One call opened: what was known when the room was called, part by part, and what came true.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { clocks, known, named, say } from "../frame/words.js";

// Minutes with seconds as people read them, "–" for what nobody knows.
export function minutes(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.abs(seconds);
  return `${seconds < 0 ? "−" : ""}${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export const lead = (one) => (one.lead_s === null ? say(one.is_unmet ? "unmet" : "not_yet") : minutes(one.lead_s));

const word = (group, name) => (known(`${group}_${name}`) ? say(`${group}_${name}`) : name || say("not_known"));

function cameTrue(call, exact) {
  if (call.lead_s === null) return call.how ? say("how_unmet", { how: word("how", call.how), reason: call.reason ? word("reason", call.reason) : "" }) : say("not_yet");
  const band = call.outside_band_s === 0 ? say("within_band") : say("outside_band", { minutes: minutes(call.outside_band_s) });
  const off = call.error_s === null ? "" : say(call.error_s > 0 ? "later_than_promised" : "earlier_than_promised", { minutes: minutes(Math.abs(call.error_s)) });
  return [exact(call.arrived_at), say("after_call", { minutes: minutes(call.lead_s) }), band, off].filter(Boolean).join(" · ");
}

export function Call({ call, close }) {
  const { exact, day } = clocks(call.timezone), name = (room) => (room === null ? say("another_room") : named(call.names[room] ?? room));
  const facts = [
    ["fact_called", `${day(call.called_at)} ${exact(call.called_at)} · ${word("kind", call.kind)}`],
    ["fact_rests_on", `${word("rests", call.label)}${call.fix_at ? ` · ${say("heard_at", { at: exact(call.fix_at) })}` : ""}`],
    ["fact_promised", call.eta_at ? `${exact(call.eta_at)} · ${say("ahead", { minutes: minutes(call.eta_at - call.called_at) })}` : "–"],
    ["fact_lamp", call.lit_at ? exact(call.lit_at) : "–"], ...(call.held_at ? [["fact_held", exact(call.held_at)]] : []),
    ["fact_true", cameTrue(call, exact)],
  ];
  const furthest = [...(call.parts ?? [])].filter((part) => part.error_s).sort((one, other) => Math.abs(other.error_s) - Math.abs(one.error_s))[0];
  return html`<section class="card call" aria-label=${say("call_of", { room: name(call.room) })} data-testid="call">
    <h2>${say("call_of", { room: name(call.room) })} <small>${call.truck} · ${say(call.waste)} · ${call.call_id}</small> <button data-testid="close" onClick=${close}>${say("close")}</button></h2>
    <dl>${facts.map(([head, fact]) => html`<div key=${head}><dt>${say(head)}</dt><dd>${fact}</dd></div>`)}</dl>
    ${call.parts ? html`<div class="scroll" tabindex="0" role="region" aria-label=${say("parts")}><table data-testid="parts"><caption>${say("parts")}</caption><thead><tr>${["part", "believed", "was", "error", "learned"].map((head, place) => html`<th key=${head} scope="col" class=${place % 4 ? "number" : ""}>${say(`head_${head}`)}</th>`)}</tr></thead>
      <tbody>${call.parts.map((part, place) => html`<tr key=${place} class=${part === furthest ? "furthest" : ""}><th scope="row">${say(`part_${part.kind}`, { room: name(part.room) })}${part.kind === "stay" && part.bins !== part.bins_true ? html` <small>${say("bins_believed", { bins: part.bins ?? "–", was: part.bins_true ?? "–" })}</small>` : null}${part.streets_s.length ? html` <small>${say("streets", { seconds: part.streets_s.map((street_s) => `${Math.abs(street_s)}${street_s < 0 ? "*" : ""}`).join(" ") })}</small>` : null}</th><td class="number">${minutes(part.expected_s)}</td><td class="number">${minutes(part.true_s)}</td><td class="number">${part.error_s > 0 ? "+" : ""}${minutes(part.error_s)}</td><td>${part.known === null ? "" : say(part.known ? "seen_before" : "not_seen_before")}</td></tr>`)}</tbody>
      <tfoot><tr><th scope="row">${say("together")}</th><td class="number">${minutes(call.parts.reduce((sum, part) => sum + part.expected_s, 0))}</td><td class="number">${minutes(call.lead_s)}</td><td class="number">${minutes(call.error_s)}</td><td></td></tr></tfoot></table></div>` : html`<p class="quiet">${say("no_parts")}</p>`}
    ${call.unmet.length ? html`<p>${say("rooms_unmet", { rooms: call.unmet.map(name).join(", ") })}</p>` : null}${call.between.length ? html`<p>${say("rooms_between", { rooms: call.between.map(name).join(", ") })}</p>` : null}</section>`;
}
