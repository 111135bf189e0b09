// The presses that are open: what happened, who has answered, what can be done. A deed has its place on the card whether
// or not it can be done now, so that nothing else comes under a finger.

import { html } from "../../vendored/htm-preact-3.1.1.js";
import { named, say } from "../../frame/words.js";
import { Advice } from "./advice.js";
import { Board } from "./board.js";
import { chooseTruck, deedsOf, pathOf } from "./deeds.js";
import { Offers } from "./offers.js";

async function carryOut(tools, row, { label, verb, asks }) {
  const body = { version: row.version, ...(verb === "decide" ? { decision: label } : {}) };
  if (asks && (await tools.ask(say(`ask_${label}`, { truck: row.truck, room: row.room_name ?? "" }), { yes: say(label) })) === null) return;
  if (label === "extra_truck") {
    const truck = await chooseTruck(tools, row);
    if (!truck) return;
    body.truck = truck;
  }
  await tools.act(pathOf(row, verb), body);
}

export function Incident({ row, nth, tools }) {
  const facts = [say(row.workflow), row.decision && say(row.decision), say(row.condition)].filter(Boolean).join(" · ");
  const main = row.workflow === "raised" ? "acknowledge" : row.workflow === "acknowledged" ? "return_later" : "";
  const often = row.repeats > 0 && row.workflow === "raised";
  return html`<article class=${`incident ${row.workflow}`} data-testid=${`incident-${row.incident_id}`} data-often=${Math.min(row.repeats, 10)} style=${{ "--often": Math.min(row.repeats, 10) }} aria-label=${`${row.truck} ${say(row.reason)}`}>
    <header><b><span class="shape" aria-hidden="true">${row.reason === "breakdown" ? "✕" : "▲"}</span> ${row.truck} · ${say(row.reason)}</b>
      ${nth > 1 ? html`<span class="times" data-testid=${`nth-${row.incident_id}`}>${say("nth_today", { n: nth })}</span>` : null}
      ${often ? html`<span class="times" data-testid=${`repeats-${row.incident_id}`}>${say("repeated", { n: row.repeats })}</span>` : null}
      <span>${tools.moment(row.raised_at)} (<span data-since=${row.raised_at}></span> ${say("ago")})</span></header>
    <p>${[named(row.room_name), named(row.estate_name)].filter(Boolean).join(" · ")} ${row.room ? html`<a href=${`#/?level=stop&room=${encodeURIComponent(row.room)}`}>${say("level_stop")}</a>` : null}</p>
    <p class="buttons">${deedsOf(row, tools.may).map((deed) => html`<button key=${deed.label} class=${deed.label === main ? "main" : ""} aria-disabled=${!deed.now} data-testid=${`${deed.label}-${row.incident_id}`}
      onClick=${() => deed.now && carryOut(tools, row, deed)}>${say(deed.label)}</button>`)}</p>
    <p>${facts}${row.second_visit ? html` · <span>${`${say("second_visit")} ${row.second_visit_number}`}</span>` : null}</p>
    <${Board} incident=${row} tools=${tools} />
    <${Advice} word=${row.reason} />
    <${Offers} row=${row} tools=${tools} />
  </article>`;
}
