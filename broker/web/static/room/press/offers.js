// What can be done about a breakdown, worked out by the bridge: each option with what it costs and whose promise it changes.

import { html } from "../../vendored/htm-preact-3.1.1.js";
import { named, say } from "../../frame/words.js";
import { chooseTruck, INCIDENT, pathOf } from "./deeds.js";

async function choose(tools, row, offer) {
  const extra = offer.changes.some((change) => change.to_truck === "extra"), truck = extra ? await chooseTruck(tools, row) : null;
  if (!extra || truck) await tools.act(pathOf(row, "decide"), { version: row.version, decision: "extra_truck", offer: offer.id, truck });
}

// Its times move every half minute: it is written anew and stays open. Another deal is another part.
export function Offers({ row, tools }) {
  const { clock, may } = tools;
  return html`<div class="offers">${row.offers.map((offer, index) => html`<details class="offer" key=${offer.deal} data-testid=${`offer-${index}`}>
    <summary>${`${say("offer")} ${index + 1}: ${say(`offer_${offer.name}`)} · ${say("promises_changed")} ${offer.broken_promises} · +${Math.round(offer.detour_s / 60)} ${say("minutes")}`
      + (offer.unplaced.length ? ` · ${say("unplaced")} ${offer.unplaced.length}` : "")}</summary>
    ${offer.extra ? html`<p class="quiet" data-testid=${`extra-${index}`}>${say(`extra_by_${offer.extra.by}`, { truck: offer.extra.truck ?? say("extra_truck"), at: clock(offer.extra.comes_at), seen: clock(offer.extra.seen_at) })}</p>` : null}
    <ul>${offer.changes.filter((change) => change.broken || change.from_truck !== change.to_truck).map((change) => html`<li>${`${named(change.room_name)}: ${change.from_truck} ${clock(change.before_at)} → ${
      change.to_truck === "extra" ? say("extra_truck") : change.to_truck ?? say("none")} ${clock(change.after_at)}`}</li>`)}</ul>
    ${may(INCIDENT + "decide", row) ? html`<button class="main" onClick=${() => choose(tools, row, offer)}>${say("choose")}</button>` : null}</details>`)}</div>`;
}
