// The bin rooms: for each kind what waits, when it is fetched, and the lamp as its unit read it back.

import { html } from "../../vendored/htm-preact-3.1.1.js";
import { named, say } from "../../frame/words.js";
import { kept } from "../kept.js";
import { amount } from "../line/strip.js";

// What a lamp shows, as far as anybody knows: of a unit that is not heard, or behind a broker that is gone, nothing is.
export function lampOf(room, waste, picture) {
  const lamp = room.lamps.find((row) => row.waste === waste || row.waste === "any");
  const lost_s = picture.link.up ? 0 : picture.at - picture.link.since_at;
  return room.life === "ready" && lamp && lost_s < picture.limits.no_data_s ? lamp.lamp : "no_data";
}

export const Lamp = ({ room, waste, shown }) => html`<span class=${`lamp ${shown}`} data-testid=${`lamp-${room.room}-${waste}`}>${say(shown)}</span>`;
export const isQuiet = (room, picture) => room.wastes.every((waste) => ["off", "due", "at_stop"].includes(lampOf(room, waste, picture)));

function tile(room, lamps, tools) {
  return html`<div key=${room.room} class="room" data-testid=${`room-${room.room}`}><a href=${`#/?level=stop&room=${encodeURIComponent(room.room)}`}>${named(room.name)}</a>
    ${room.wastes.map((waste, i) => html`<p key=${waste}><span>${`${say(waste)} ${amount(waste, room.bins[waste])}`}</span><span class="quiet">${room.arrivals[waste]?.eta_at ? tools.clock(room.arrivals[waste].eta_at) : ""}</span><${Lamp} room=${room} waste=${waste} shown=${lamps[i]} /></p>`)}</div>`;
}

export function Rooms({ rows, picture, tools, drawn }) {
  return html`<div id="rooms">${rows.map((room) => {
    const lamps = room.wastes.map((waste) => lampOf(room, waste, picture));
    return kept(`room/${room.room}`, [room, drawn, lamps.join()], () => tile(room, lamps, tools));
  })}</div>`;
}
