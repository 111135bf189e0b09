// Faults as switches: each begins and ends something real in the run.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { ask, run } from "./run.js";
import { say } from "./words.js";

const isOn = (fault, whom) => run.now.faults.some(([name, who]) => name === fault && who === whom);

export function Switch({ fault, whom }) {
  const on = isOn(fault, whom);
  return html`<button type="button" role="switch" class="switch" aria-checked=${String(on)} data-testid=${`${fault}-${whom}`} title=${say(`fault_${fault}_is`)}
    onclick=${() => ask("/switch", { fault, whom, on: !on })}><i></i>${whom === "bridge" ? `${say("bridge")} · ` : ""}${say(`fault_${fault}`)}</button>`;
}

// The switches of one device, folded away; how many are on is said outside.
export function Faults({ whom }) {
  const mine = run.scene.faults.filter((each) => each.whom.includes(whom));
  const on = mine.filter((each) => isOn(each.fault, whom)).length;
  return html`<details class="faults"><summary>${say("faults")}${on ? html` <b class="count">${on}</b>` : ""}</summary>
    <div class="switches">${mine.map((each) => html`<${Switch} key=${each.fault} fault=${each.fault} whom=${whom} />`)}</div></details>`;
}

export function Office() {
  const office = run.scene.faults.filter((each) => each.hits === "office");
  const link = run.scene.faults.filter((each) => each.whom.includes("bridge"));
  return html`<section class="card office"><h2>${say("office")}</h2><div class="switches">
    ${office.map((each) => html`<${Switch} key=${each.fault} fault=${each.fault} whom="office" />`)}
    ${link.map((each) => html`<${Switch} key=${`b${each.fault}`} fault=${each.fault} whom="bridge" />`)}</div></section>`;
}
