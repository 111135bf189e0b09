// The trucks: where each is on its round, on what its time rests, how old it is.

import { html } from "../../vendored/htm-preact-3.1.1.js";
import { named, say } from "../../frame/words.js";
import { kept } from "../kept.js";

const COLUMNS = ["truck", "life", "run", "next", "eta", "label", "age"];
export const lifeOf = (row) => say(row.reserve ? (row.loads.length ? "on_call" : "off_call") : row.life === "lost" ? "lost_device" : row.life);
// Nothing is amiss with a truck that is not expected anywhere, or that speaks.
export const isQuiet = (row) => row.reserve || (row.fresh && !row.held && !row.off_route && !row.incidents.length) || (!row.run_id && !row.incidents.length);

function row(truck, tools) {
  const old = !truck.fresh && !truck.reserve && truck.run_id;
  return html`<tr key=${truck.truck} class=${truck.reserve ? "quiet" : ""} data-testid=${`truck-${truck.truck}`}><td>${truck.truck}</td><td>${lifeOf(truck)}</td><td>${truck.run_id ? tools.runName(truck.run_id) : say("none")}</td>
    <td>${truck.next_room ? html`<a href=${`#/?level=stop&room=${encodeURIComponent(truck.next_room)}`}>${named(truck.next_room_name)}</a>` : say("none")}</td><td>${tools.clock(truck.next_eta_at)}</td>
    <td class=${truck.held || truck.off_route ? "warn" : ""}>${truck.held ? say("held") : truck.label ? say(truck.label) : say("none")}</td><td class=${old ? "old" : ""}>${old ? html`<span class="shape" aria-hidden="true">◌ </span>` : null}<span data-since=${truck.fix_at ?? ""}></span></td></tr>`;
}

export function Trucks({ rows, tools, drawn }) {
  return html`<table><thead><tr>${COLUMNS.map((name) => html`<th scope="col" key=${name}>${say(name)}</th>`)}</tr></thead>
    <tbody>${rows.map((truck) => kept(`truck/${truck.truck}`, [truck, drawn, truck.run_id && tools.runName(truck.run_id)], () => row(truck, tools)))}</tbody></table>`;
}
