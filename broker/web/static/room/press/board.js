// Who is asked about a press, what they said, since when and until when; and what whoever looks may say there.

import { html } from "../../vendored/htm-preact-3.1.1.js";
import { say } from "../../frame/words.js";
import { inMinutes, MINUTES, says } from "../../frame/answers.js";
import { stands, whom, wordOf } from "../../frame/board.js";
import { People } from "../../frame/names.js";

function Deeds({ incident, row, tools }) {
  const { act, may, clock, now } = tools, test = (deed) => `answer-${row.id}-${deed}-${incident.incident_id}`;
  const send = (deed, more = {}) => act(`/api/v1/incidents/${encodeURIComponent(incident.incident_id)}/answers/${encodeURIComponent(row.id)}/${deed}?truck=${encodeURIComponent(incident.truck)}`, { version: row.version, ...more });
  return says(may, incident, row).map((deed) => (deed === "promise"
    ? html`<span key=${deed}><select aria-label=${say("until")} data-testid=${test("until")}>${MINUTES.map((minutes) => html`<option value=${minutes}>${`${minutes} ${say("minutes")}`}</option>`)}</select>
        <button class="main" data-testid=${test("promise")} onClick=${(event) => send("promise", { until_at: inMinutes(now(), Number(event.target.parentNode.firstElementChild.value)) })}>${say("say_promise")}</button></span>`
    : html`<button key=${deed} data-testid=${test(deed)} onClick=${() => send(deed)}>${wordOf(deed, row)}</button>`));
}

export function Board({ incident, tools, rows = incident.answers ?? [] }) {
  return html`<ul class="answers">${rows.map((row) => html`<li key=${row.id} class=${`answer ${row.unanswered_at && row.state === "told" ? "nobody" : row.state}`} data-testid=${`answer-${row.id}-${incident.incident_id}`}>
    <b>${whom(row)}</b><span class="stands">${stands(row, tools.clock)}<${People} row=${row} />${row.why ? ` · ${row.why}` : ""}</span> <span class="quiet" data-since=${row.since_at}></span>
    <span class="buttons"><${Deeds} incident=${incident} row=${row} tools=${tools} /></span></li>`)}</ul>`;
}
