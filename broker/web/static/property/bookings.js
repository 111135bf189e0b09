// A property's bookings: the usual one by one tap, those that are under way with truck and time, those that are over
// with what the record says, and a dispute where one may still be begun.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { may } from "../frame/visitor.js";
import { clocks, known, named, say } from "../frame/words.js";

const OVER = ["completed", "declined", "expired", "cancelled", "failed"], SHOWN_OVER = 20;
const cubic = (litres) => (litres / 1000).toLocaleString("en-GB", { maximumFractionDigits: 2 });
const path = (row, deed) => `/api/v1/bookings/${encodeURIComponent(row.booking_id)}/${deed}`;
const deed = (name) => `POST /api/v1/bookings/{booking}/${name}`;

export const Usual = ({ piles, act }) => html`<div class="usual">${piles.filter((pile) => pile.usual).map((pile) => html`<button class="main" key=${pile.pile_id} data-testid=${`usual-${pile.estate_id}`} onClick=${() => act("/api/v1/bookings/usual", { estate: pile.estate_id })}>${say("one_tap", { pile: pile.name, amount: cubic(pile.usual_litres) })}</button>`)}
  <a href="/bookings">${say("other_window")}</a></div>`;

function Dispute({ row, act, until }) {
  const send = (event) => {
    event.preventDefault();
    return act(path(row, "dispute"), { version: row.version, text: event.currentTarget.elements.text.value });
  };
  return html`<details><summary>${say("dispute", { until })}</summary><form onSubmit=${send}><label>${say("what_is_wrong")} <textarea name="text" maxlength="500" required rows="2"></textarea></label> <button data-testid=${`dispute-${row.booking_id}`}>${say("send_dispute")}</button></form></details>`;
}

function Booking({ row, now, timezone, act }) {
  const { time, day } = clocks(timezone), of = { estate: row.estate }, open = !OVER.includes(row.state);
  const when = `${day(row.from_at).slice(5)} ${time(row.from_at)}–${time(row.until_at)}`, measured = row.measured_litres === null ? "" : say("measured", { amount: cubic(row.measured_litres) });
  const reason = row.reason ? say(known(`because_${row.reason}`) ? `because_${row.reason}` : "because_other") : "";
  return html`<article class=${`card booking ${row.state}`} data-testid=${`booking-${row.booking_id}`}><h3>${say(`booking_${row.state}`)} <small>${when}</small></h3>
    <p>${named(row.pile_name)} · ${cubic(row.litres)} m³${measured ? ` · ${measured}` : ""}${row.grams === null ? "" : ` · ${Math.round(row.grams / 1000)} kg`}</p>
    <p>${open ? say("by_truck", { truck: row.truck }) : [row.truck, reason].filter(Boolean).join(" · ")}${row.eta_at ? html` · <b>${say("expected", { at: time(row.eta_at) })}</b>` : null}</p>
    ${row.note ? html`<p class="quiet">${row.note}</p>` : null}
    ${row.dispute ? html`<p>${say("disputed", { text: row.dispute })}${row.answer ? html`<br />${say("answered", { text: row.answer })}` : html` <span class="quiet">${say("no_answer_yet")}</span>`}</p>` : null}
    <p class="more"><a href=${`/bookings/${encodeURIComponent(row.booking_id)}`}>${say("evidence")}</a>
      ${row.state === "held" && may(deed("book"), of) ? html`<button class="main" data-testid=${`book-${row.booking_id}`} onClick=${() => act(path(row, "book"), { version: row.version })}>${say("book_it", { until: time(row.held_until_at) })}</button>` : null}
      ${["held", "requested", "accepted"].includes(row.state) && may(deed("cancel"), of) ? html`<button data-testid=${`cancel-${row.booking_id}`} onClick=${() => confirm(say("ask_cancel")) && act(path(row, "cancel"), { version: row.version, reason: "not_wanted" })}>${say("cancel_it")}</button>` : null}
      ${["requested", "accepted"].includes(row.state) && may(deed("change"), of) ? html`<a href=${`/bookings?${new URLSearchParams({ change: row.booking_id, pile: row.pile, cubic_m: row.litres / 1000 })}`}>${say("another_window")}</a>` : null}</p>
    ${row.dispute_until_at && row.dispute_until_at > now && may(deed("dispute"), of) ? html`<${Dispute} row=${row} act=${act} until=${`${day(row.dispute_until_at).slice(5)} ${time(row.dispute_until_at)}`} />` : null}</article>`;
}

export function Bookings({ rows, ...rest }) {
  const open = rows.filter((row) => !OVER.includes(row.state)), over = rows.filter((row) => OVER.includes(row.state)).sort((one, other) => other.from_at - one.from_at).slice(0, SHOWN_OVER);
  const list = (some) => some.map((row) => html`<${Booking} key=${row.booking_id} row=${row} ...${rest} />`);
  return html`<div data-testid="bookings">${open.length ? list(open) : html`<p class="quiet">${say("nothing_booked")}</p>`}${over.length ? html`<details><summary>${say("over", { count: over.length })}</summary>${list(over)}</details>` : null}</div>`;
}
