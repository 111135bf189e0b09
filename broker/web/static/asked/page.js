// The page of who is asked about incidents: a contractor, an estate. Their rows, what they may say by button, what was
// asked before, and the trucks of a firm.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { waits } from "../frame/answers.js";
import { asking } from "../frame/asking.js";
import { Asked, Before } from "../frame/board.js";
import { Old, oldAt } from "../frame/old.js";
import { begin, Page, show } from "../frame/page.js";
import { may, me } from "../frame/visitor.js";
import { age, clocks, named, say } from "../frame/words.js";
import { allow, silent, sound, turn, wanted } from "/static/sound.js";

const clockOf = (seconds) => `${String(Math.floor(seconds / 3600)).padStart(2, "0")}:${String(Math.floor(seconds / 60) % 60).padStart(2, "0")}`;
let state = null;

function Truck({ truck, firm }) {
  const { time } = clocks(firm.timezone), call = truck.on_call_from_day_s === null ? say("always") : `${clockOf(truck.on_call_from_day_s)}–${clockOf(truck.on_call_until_day_s)}`;
  const now = truck.route_name ? [named(truck.route_name), truck.next_room_name && `${say("next")}: ${named(truck.next_room_name)} ${time(truck.next_eta_at)}`, say("still_owes", { count: truck.owed })].filter(Boolean).join(" · ") : say("no_run");
  return html`<article class="card truck" data-testid=${`truck-${truck.truck}`}><h3>${truck.truck} <small>${me.roles.includes("dispatcher") ? truck.contractor : ""}</small></h3>
    <p>${now}</p><p class="quiet">${truck.wastes.map((waste) => say(waste)).join(" · ")} · ${say("can_be_asked", { at: call })}</p>
    <p class="quiet">${truck.heard_at === null ? say("not_heard") : `${say(truck.life === "lost" ? "lost_device" : truck.life)} · ${say("heard", { age: age(Math.max(0, firm.at - truck.heard_at)) })}`}</p></article>`;
}

function draw() {
  const { asked, past, firm } = state?.found ?? {}, trucks = me.roles.includes("dispatcher") ? "firms_trucks" : "firm_trucks";
  if (asked?.rows.some((row) => asked.at - row.answer.told_at >= asked.sound_s && waits(may, me.deeds, { ...row, estate: row.answer.party }, row.answer))) sound();
  show(html`<${Page} title="asked_title" said=${state?.said ?? ""} lost=${state?.lost ?? ""}>
    <p class="tools"><time id="clock">${asked ? clocks(asked.timezone).exact(asked.at) : ""}</time> <button id="sound" data-testid="sound" onClick=${() => { silent() ? allow() : turn(); draw(); }}>${say(silent() ? "sound_waits" : wanted() ? "sound_on" : "sound_off")}</button></p>
    <${Old} of=${asked} />
    <div class="columns"><section aria-label=${say("asked_title")} data-testid="asked"><h2>${say("asked_now")}</h2>${!asked ? null : asked.rows.length ? asked.rows.map((row) => html`<${Asked} key=${`${row.truck}/${row.incident_id}/${row.answer.id}`} asked=${asked} row=${row} act=${state.do} />`) : html`<p class="quiet">${say("asked_nothing")}</p>`}</section>
    ${firm?.trucks.length ? html`<section aria-label=${say(trucks)}><h2>${say(trucks)}</h2><div class=${oldAt(asked) === null ? "" : "of-then"}>${firm.trucks.map((truck) => html`<${Truck} key=${truck.truck} truck=${truck} firm=${firm} />`)}</div></section>` : null}
    <section aria-label=${say("asked_before")}><h2>${say("asked_before")}</h2>${past ? html`<${Before} past=${past} />` : null}</section></div><//>`);
}

await begin(["", "asked"], draw);
const firms = me.roles.some((role) => ["contractor", "dispatcher"].includes(role)) ? { firm: ["/api/v1/answers/trucks", 5000] } : {};
state = asking({ asked: ["/api/v1/answers", 2000], past: ["/api/v1/answers/past", 30000], ...firms }, draw);
await state.look();
