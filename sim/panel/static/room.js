// One bin room: its lamps as the pins are, its bins and their weight, its keeper's buttons.

import { html, useState } from "/static/vendored/htm-preact-3.1.1.js";
import { Faults } from "./faults.js";
import { Push } from "./push.js";
import { ask, follows } from "./run.js";
import { named, say } from "./words.js";

const KG_STEP = 10;

function Kilograms({ room, lamp }) {
  const [typed, setTyped] = useState(null);
  const kg = Math.round(lamp.grams / 1000);
  function done() {
    const wanted = Number(typed);
    if (typed !== null && typed !== "" && Number.isFinite(wanted) && wanted !== kg) ask("/move", { room: room.id, waste: lamp.waste, kg: wanted - kg });
    setTyped(null);
  }
  return html`<input class="kg" type="number" min="0" step=${KG_STEP} value=${typed ?? kg} data-testid=${`kg-${room.id}-${lamp.waste}`} aria-label=${say("kilograms_of", { waste: say(lamp.waste), room: room.id })}
    oninput=${(event) => setTyped(event.currentTarget.value)} onkeydown=${(event) => event.key === "Enter" && event.currentTarget.blur()} onblur=${done} />`;
}

function Lamp({ room, lamp, index, weighs }) {
  const move = (bins) => ask("/move", { room: room.id, waste: lamp.waste, bins });
  const gaps = { waste: say(lamp.waste), room: room.id };
  return html`<li class="lamp" data-testid=${`lamp-${room.id}-${lamp.waste}`} data-shown=${lamp.shown}>
    <i class="led" ref=${follows(`${room.id}/${index}`)}></i><b>${say(lamp.waste)}</b><span class="word">${say(`lamp_${lamp.shown || "unknown"}`)}</span>
    <span class="bins"><button type="button" aria-label=${say("roll_out", gaps)} title=${say("roll_out", gaps)} data-testid=${`out-${room.id}-${lamp.waste}`} onclick=${() => move(-1)}>−</button>
      <output aria-label=${say("bins_inside", gaps)} data-testid=${`bins-${room.id}-${lamp.waste}`}>${lamp.inside}</output>
      <button type="button" aria-label=${say("roll_in", gaps)} title=${say("roll_in", gaps)} data-testid=${`in-${room.id}-${lamp.waste}`} onclick=${() => move(1)}>+</button></span>
    <span class="weight">${weighs ? html`<${Kilograms} room=${room} lamp=${lamp} /> kg` : ""}</span></li>`;
}

export function Room({ room, name, weighs }) {
  const button = (event) => html`<${Push} kind="keeper" testid=${`${event}-${room.id}`} label=${say("press_keeper", { button: say(event), room: room.id })} pressed=${false}
    press=${(down) => ask("/finger", { device: room.id, button: event, down })}>${say(event)}</${Push}>`;
  return html`<article class="card room" id=${room.id} data-testid=${`room-${room.id}`} aria-label=${room.id}>
    <header><h3>${room.id}</h3><span class="quiet name">${named(name)}</span></header>
    <ul class="lamps">${room.lamps.map((lamp, index) => html`<${Lamp} key=${lamp.waste} room=${room} lamp=${lamp} index=${index} weighs=${weighs} />`)}</ul>
    <div class="keeper-buttons">${button("bins_out")}${button("lane_clear")}</div>
    <${Faults} whom=${room.id} /></article>`;
}
