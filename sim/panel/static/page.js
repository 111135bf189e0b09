// The virtual hardware panel: draws how the live run stands, and hands on what a tester does. No request elsewhere.

import { html, render } from "/static/vendored/htm-preact-3.1.1.js";
import { ByHand, Done, Expectations, save } from "./expectations.js";
import { Office } from "./faults.js";
import { Town } from "./map.js";
import { Room } from "./room.js";
import { ask, clock, listen, onChange, run } from "./run.js";
import { Truck } from "./truck.js";
import { otherLanguage, readWords, say } from "./words.js";

const SPEEDS = [1, 2, 5, 10, 20, 30, 60];
const OLD_AFTER_MS = 3000;

function Speed() {
  const { speed, chosen, back_in_s } = run.now;
  const speeds = [...new Set([...SPEEDS.filter((each) => each <= run.scene.fastest), chosen])].sort((one, other) => one - other);
  return html`<div class="speed" role="group" aria-label=${say("speed")}>
    ${speeds.map((each) => html`<button key=${each} type="button" aria-pressed=${String(each === chosen)} class=${each === speed ? "now" : ""} data-testid=${`speed-${each}`}
      onclick=${() => ask("/speed", { speed: each })}>×${each}</button>`)}
    <span class="back" role="status">${back_in_s === null ? "" : say("slow_for_fingers", { chosen, s: Math.ceil(back_in_s) })}</span></div>`;
}

function Head() {
  return html`<header class="head"><div><h1>${say("title")}</h1><p class="quiet" lang="en">${run.scene.name} · ${run.scene.about}</p></div>
    <p class="clock"><time data-testid="clock">${clock(run.now.at)}</time> <span data-testid="speed" class="now-speed">×${run.now.speed}</span></p><${Speed} />
    <nav><button type="button" class="main" data-testid="save" onclick=${save}>${say("save")}</button>
      <a href=${run.scene.screen} target="_blank" rel="noreferrer">${say("screen")}</a>
      <button type="button" data-testid="language" onclick=${() => { otherLanguage(); draw(); }}>${say("other_language")}</button></nav></header>`;
}

function Page() {
  if (!run.now) return html`<p class="wait">…</p>`;
  const silent = performance.now() - run.heardAt > OLD_AFTER_MS;
  const wastes = Object.fromEntries(run.scene.trucks.map((truck) => [truck.id, truck.waste]));
  const places = Object.fromEntries(run.scene.rooms.map((room) => [room.id, room]));
  return html`<${Head} />
    ${run.now.over ? html`<p class="banner" role="alert" data-testid="over">${say("over")}</p>` : silent ? html`<p class="banner bad" role="alert">${say("silent")}</p>` : ""}
    <main class=${silent && !run.now.over ? "old" : ""}>
      <section class="trucks"><h2>${say("trucks")}</h2><div class="cards">${run.now.trucks.map((truck) => html`<${Truck} key=${truck.id} truck=${truck} waste=${wastes[truck.id]} />`)}</div></section>
      <aside><${ByHand} /><${Town} /><${Expectations} /><${Office} /><${Done} /></aside>
      <section class="rooms"><h2>${say("rooms")}</h2><div class="cards">${run.now.rooms.map((room) => html`<${Room} key=${room.id} room=${room} name=${places[room.id].name} weighs=${places[room.id].weighs} />`)}</div></section>
    </main>
    <div id="said" role="status" aria-live="polite" data-testid="said">${run.said.map((sentence) => html`<p>${sentence}</p>`)}</div>`;
}

const draw = () => render(html`<${Page} />`, document.body);
onChange(draw);
await readWords();
await listen();
