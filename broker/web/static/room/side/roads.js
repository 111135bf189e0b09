// What a truck on its round cannot do now: it is full, or a road is closed. Who may says so here.

import { html, Component } from "../../vendored/htm-preact-3.1.1.js";
import { named, say } from "../../frame/words.js";
import { kept } from "../kept.js";

const RUN = "POST /api/v1/runs/{run_id}/", CLOSE = "POST /api/v1/closures", OPEN = "POST /api/v1/closures/{closure_id}/end";
const HOURS = [0.5, 1, 2, 4, 8, 24, 72];

// Beside a run: since when its truck is full and until when it is at the station, and the one button that is next.
export function Load({ run, tools }) {
  const full = run.full_at !== null && run.full_at !== undefined, deed = full ? "emptied" : "full";
  const press = async () => (full || (await tools.ask(say("ask_full"), { yes: say("say_full") })) !== null) && tools.act(`/api/v1/runs/${encodeURIComponent(run.run_id)}/${deed}`, {});
  return html`<span class="load">${full ? html`<span class="warn">${`${say("truck_is_full")} ${tools.clock(run.full_at)}${run.away_until ? ` · ${say("at_station_until")} ${tools.clock(run.away_until)}` : ""} `}</span>` : null}
    ${run.active && tools.may(RUN + deed, { truck: run.truck }) ? html`<button data-testid=${`${deed}-${run.run_id}`} onClick=${press}>${say(`say_${deed}`)}</button>` : null}</span>`;
}

function Closure({ row, tools }) {
  const where = say(row.other_room ? "closed_between" : "closed_way", { room: tools.roomName(row.room), other: row.other_room && tools.roomName(row.other_room) });
  return html`<li data-testid=${`closure-${row.closure_id}`}>${`${where} · ${say("until")} ${tools.moment(row.until_at)}${row.reason ? ` · ${row.reason}` : ""} `}
    ${tools.may(OPEN) ? html`<button data-testid=${`open-${row.closure_id}`} onClick=${() => tools.act(`/api/v1/closures/${encodeURIComponent(row.closure_id)}/end`, {})}>${say("open_road")}</button>` : null}</li>`;
}

async function close(event, tools) {
  event.preventDefault();
  const form = event.target, { closed_room, closed_other, closed_for, closed_why } = form.elements, reason = closed_why.value.trim();
  const done = await tools.act("/api/v1/closures", { room: closed_room.value, other_room: closed_other.value || null, until_at: tools.now() + Number(closed_for.value), reason: reason || null });
  if (done) form.closest("details").open = false;
}

// Its lists are long in a large area: they are there once the form is open.
class Form extends Component {
  render({ rooms, tools }, { open }) {
    return html`<details class="closing" data-testid="close-road" onToggle=${(event) => this.setState({ open: open || event.target.open })}><summary>${say("close_road")}</summary>${open ? html`<${Fields} rooms=${rooms()} tools=${tools} />` : null}</details>`;
  }
}

const Fields = ({ rooms, tools }) => {
  const pick = (name, options) => html`<label>${`${say(name)} `}<select name=${name} data-testid=${name}>${options.map(([value, label]) => html`<option key=${value} value=${value}>${label}</option>`)}</select></label>`;
  return html`<form onSubmit=${(event) => close(event, tools)}>
    ${pick("closed_room", rooms)}${pick("closed_other", [["", say("closed_any")], ...rooms])}
    ${pick("closed_for", HOURS.map((hours) => [hours * 3600, hours < 1 ? `${hours * 60} ${say("minutes")}` : `${hours} ${say("hours")}`]))}
    <label>${`${say("closed_why")} `}<input name="closed_why" maxlength="200" data-testid="closed_why" /></label> <button class="main" data-testid="closed_send">${say("close_road")}</button></form>`;
};

// What was chosen stays while the screen goes on: the form is made anew only when its words or rooms are others.
export function Roads({ picture, tools, drawn }) {
  const rows = picture.closures ?? [], may = tools.may(CLOSE);
  if (!rows.length && !may) return null;
  const rooms = () => picture.rooms.map((room) => [room.room, named(room.name)]);
  return html`<section class="card" id="roads"><h2>${say("closed_roads")}</h2><ul id="closures" data-testid="closures">${rows.map((row) => html`<${Closure} key=${row.closure_id} row=${row} tools=${tools} />`)}</ul>
    ${may ? kept("closing", [drawn, picture.rooms.length], () => html`<${Form} rooms=${rooms} tools=${tools} />`) : null}</section>`;
}
