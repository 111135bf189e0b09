// One addressee's row of an incident: how it stands, since when, and what may be said of it, in one hand's reach.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { inMinutes, MINUTES, nextAt, says } from "./answers.js";
import { People } from "./names.js";
import { may } from "./visitor.js";
import { age, clocks, named, say } from "./words.js";

export const whom = (row) => [say(`addressee_${row.addressee}`), row.addressee === "contractor" ? row.party : "", row.truck].filter(Boolean).join(" · ");

// How a row stands, in words.
export function stands(row, time) {
  const facts = [say(row.unanswered_at && row.state === "told" ? "nobody" : row.in_vain ? "in_vain" : `answer_${row.state}`)];
  if (["promised", "late"].includes(row.state)) facts.push(`${say("until")} ${time(row.until_at)}`);
  if (row.on_the_way_at && row.state !== "done") facts.push(say("on_the_way"));
  if (row.broken) facts.push(`${say("broken")} ${row.broken}`);
  return facts.join(" · ");
}

// What a button says: a contractor is done when its truck is there.
export const wordOf = (deed, row) => say(deed === "done" && row.addressee === "contractor" ? "say_arrived" : `say_${deed}`);

// `now` is the server's, `send(deed, body)` does it; a promise is until one of some times, or any time of the clock.
export function Answer({ incident, row, now, timezone, send }) {
  const { time } = clocks(timezone), test = (deed) => `answer-${row.id}-${deed}-${incident.incident_id}`;
  const chosen = (event) => event.currentTarget.closest(".promise");
  const other = (event) => chosen(event).classList.toggle("other", event.currentTarget.value === "other");
  const promise = (event) => {
    const [select, clock] = chosen(event).querySelectorAll("select, input");
    if (select.value === "other" && !clock.value) return clock.focus();
    return send("promise", { until_at: select.value === "other" ? nextAt(now, clock.value, timezone) : Number(select.value) });
  };
  const button = (deed) => (deed !== "promise"
    ? html`<button key=${deed} data-testid=${test(deed)} onClick=${() => send(deed, {})}>${wordOf(deed, row)}</button>`
    : html`<span class="promise" key="promise"><select aria-label=${say("until")} data-testid=${test("until")} onChange=${other}>${MINUTES.map((minutes) => html`<option key=${minutes} value=${inMinutes(now, minutes)}>${time(inMinutes(now, minutes))} (${minutes} ${say("minutes")})</option>`)}<option value="other">${say("another_time")}</option></select>
      <input type="time" aria-label=${say("another_time")} data-testid=${test("clock")} /><button class="main" data-testid=${test("promise")} onClick=${promise}>${say("say_promise")}</button></span>`);
  return html`<div class=${`answer ${row.unanswered_at && row.state === "told" ? "nobody" : row.state}`} data-testid=${`answer-${row.id}-${incident.incident_id}`}>
    <b>${whom(row)}</b> <span>${stands(row, time)}<${People} row=${row} />${row.why ? ` · ${row.why}` : ""} <span class="quiet">${age(Math.max(0, now - row.since_at))}</span></span>
    <span class="buttons">${says(may, incident, row).map(button)}</span></div>`;
}

// What is asked about an incident: what, where, since when, and the row; `more` are further buttons.
export const Asked = ({ asked, row, act, more = null }) => html`<article class="card asked" data-testid=${`asked-${row.answer.id}-${row.incident_id}`}>
  <h3>${row.truck} · ${say(row.reason)}</h3><p>${[named(row.room_name), named(row.estate_name)].filter(Boolean).join(" · ")} <span class="quiet">${clocks(asked.timezone).exact(row.raised_at)}</span></p>
  <${Answer} incident=${{ ...row, estate: row.answer.party }} row=${row.answer} now=${asked.at} timezone=${asked.timezone} send=${(deed, body) => act(`/api/v1/incidents/${encodeURIComponent(row.incident_id)}/answers/${encodeURIComponent(row.answer.id)}/${deed}?truck=${encodeURIComponent(row.truck)}`, { version: row.answer.version, ...body })} />${more}</article>`;

// What was asked before; those that are still open stand above.
export function Before({ past }) {
  const { time, day } = clocks(past.timezone), over = past.rows.filter((row) => row.ended_at !== null || ["closed", "withdrawn"].includes(row.workflow));
  return over.length ? html`<ul class="before" data-testid="past">${over.map((row) => html`<li key=${`${row.truck}/${row.incident_id}/${row.answer.id}`}><b>${day(row.pressed_at).slice(5)} ${time(row.pressed_at)}</b> ${row.truck} · ${say(row.reason)}${row.room_name ? ` · ${named(row.room_name)}` : ""}
    <span class="quiet">${stands(row.answer, time)}<${People} row=${row.answer} />${row.answer.why ? ` · ${row.answer.why}` : ""}${row.ended_at ? ` · ${say("over_at", { at: time(row.ended_at) })}` : ""}${row.workflow === "withdrawn" ? ` · ${say("withdrawn")}` : ""}</span></li>`)}</ul>` : html`<p class="quiet">${say("nothing_before")}</p>`;
}
