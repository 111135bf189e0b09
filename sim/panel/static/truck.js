// One truck: its alarm button with the light in it, and the light of its receiver, as their pins are.

import { html, useState } from "/static/vendored/htm-preact-3.1.1.js";
import { Faults } from "./faults.js";
import { Push } from "./push.js";
import { ask, follows } from "./run.js";
import { say } from "./words.js";

export function Truck({ truck, waste }) {
  const [chatters, setChatters] = useState(false);
  const where = truck.next ? say("on_its_way", { state: say(`truck_${truck.state}`), room: truck.next }) : say(`truck_${truck.state}`);
  return html`<article class="card truck" id=${truck.id} data-testid=${`truck-${truck.id}`} aria-label=${truck.id}>
    <header><h3>${truck.id}</h3><span class="quiet">${waste ? say(waste) : ""}</span><span class="where">${where}</span></header>
    <div class="cab">
      <${Push} kind="alarm" testid=${`button-${truck.id}`} label=${say("hold_button", { truck: truck.id })} pressed=${truck.pressed}
        press=${(down) => ask("/finger", { device: truck.id, button: "alarm", down, chatters })}>
        <i class="ring" ref=${follows(`${truck.id}/light`)} data-testid=${`light-${truck.id}`}></i><i class="hold"></i><i class="dome"></i></${Push}>
      <dl>
        <dt>${say("light")}</dt><dd data-testid=${`light-word-${truck.id}`} data-shown=${truck.shown}>${say(`light_${truck.shown || "unknown"}`)}</dd>
        <dt>${say("receiver")}</dt><dd data-testid=${`receiver-${truck.id}`}><i class="led small" ref=${follows(`${truck.id}/receiver`)}></i>${say(`receiver_${truck.receiver || "unknown"}`)}</dd>
        <dt>${say("wire")}</dt><dd><label><input type="checkbox" checked=${chatters} data-testid=${`chatters-${truck.id}`} onchange=${(event) => setChatters(event.currentTarget.checked)} />${say("chatters")}</label></dd>
      </dl>
    </div>
    <${Faults} whom=${truck.id} /></article>`;
}
