// The bin rooms: for each kind what waits, when it is fetched, and the lamp as its unit read it back.

import { html } from "../../vendored/htm-preact-3.1.1.js";
import { named, say } from "../../frame/words.js";
import { kept } from "../kept.js";
import { amount } from "../line/strip.js";

const MOST_NAMED = 4; // on a wall

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

// On a wall, where there is no room for rooms: how many lamps show what, and by name those that are not as they should be.
export function LampCounts({ picture }) {
  const all = picture.rooms.flatMap((room) => room.wastes.map((waste) => ({ room, shown: lampOf(room, waste, picture) })));
  const count = (shown) => all.filter((one) => one.shown === shown).length, odd = all.filter((one) => ["held", "no_data"].includes(one.shown));
  const rows = ["no_data", "held"].map((shown) => [shown, [...new Set(odd.filter((one) => one.shown === shown).map((one) => named(one.room.name)))]]).filter(([, names]) => names.length);
  return html`<section class="card lamps" data-testid="lamps"><p><b>${say("lamp")}</b>${["off", "due", "at_stop", "held", "no_data"].filter((shown) => count(shown)).map((shown) => html`<span key=${shown}><span class=${`lamp ${shown}`}>${say(shown)}</span> ${count(shown)}</span>`)}</p>
    ${rows.map(([shown, names]) => html`<p key=${shown} class="odd"><span class=${`lamp ${shown}`}>${say(shown)}</span> ${names.slice(0, MOST_NAMED).join(" · ")}${names.length > MOST_NAMED ? ` +${names.length - MOST_NAMED}` : ""}</p>`)}</section>`;
}

export function Rooms({ rows, picture, tools, drawn }) {
  return html`<div id="rooms">${rows.map((room) => {
    const lamps = room.wastes.map((waste) => lampOf(room, waste, picture));
    return kept(`room/${room.room}`, [room, drawn, lamps.join()], () => tile(room, lamps, tools));
  })}</div>`;
}
