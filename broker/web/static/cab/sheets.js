// What is asked before a deed: one sheet over the page, of large buttons, closed by Escape or by its last button.

import { html, useEffect, useRef, useState } from "/static/vendored/htm-preact-3.1.1.js";
import { named, say } from "/static/frame/words.js";

export const SKIPS = ["lane_blocked", "no_access", "not_out", "breakdown", "full_truck", "contamination", "unsafe", "other"];
export const REFUSALS = ["no_truck", "full_truck", "breakdown", "no_access", "wrong_waste", "unsafe", "other"];
export const FAILURES = ["no_show", "no_access", "wrong_waste", "unsafe", "too_much", "other"];
const FOUND = ["residential_wet", "residential_dry", "unit_wet", "hazardous", "renovation", "other"], GRADES = [1, 2, 3, 0];
const STEP_LITRES = 500, MOST_LITRES = 50_000, OVERFILLED = 1.25;

// `sheet` is {kind, title, send}: `send` takes what was chosen.
export function Sheet({ it, sheet }) {
  const dialog = useRef(null);
  useEffect(() => void dialog.current.showModal(), []);
  const Inside = { skip: Reasons, decline: Reasons, fail: Reasons, note: Note, loaded: Measure, marks: Sure }[sheet.kind];
  return html`<dialog ref=${dialog} class="sheet" aria-labelledby="sheet-title" data-testid="sheet" onClose=${() => it.sheet(null)}>
    <h2 id="sheet-title">${say(`ask_${sheet.kind}`)}<br/>${named(sheet.title)}</h2>
    <${Inside} sheet=${sheet} />
    <button class="big" data-testid="sheet-close" onClick=${() => dialog.current.close()}>${say("not_now")}</button>
  </dialog>`;
}

function Reasons({ sheet }) {
  const of = { skip: SKIPS, decline: REFUSALS, fail: FAILURES }[sheet.kind];
  return html`<div class="choices">${of.map((reason) => html`<button key=${reason} class="big" data-testid=${`reason-${reason}`} onClick=${() => sheet.send({ reason })}>${say(`reason_${reason}`)}</button>`)}</div>`;
}

const Sure = ({ sheet }) => html`<button class="big main" data-testid="sure" onClick=${() => sheet.send()}>${say("marks_over")}</button>`;

function Note({ sheet }) {
  const [grade, choose] = useState(null);
  if (grade === null) {
    return html`<div class="choices">${GRADES.map((one) => html`<button key=${one} class="big" data-testid=${`grade-${one}`} onClick=${() => (one === 0 ? sheet.send({ grade: 0 }) : choose(one))}>${say(`grade_${one}`)}</button>`)}</div>`;
  }
  return html`<p>${say(`grade_${grade}`)}. ${say("found_what")}</p>
    <div class="choices">${FOUND.map((found) => html`<button key=${found} class="big" data-testid=${`found-${found}`} onClick=${() => sheet.send({ grade, found })}>${say(`found_${found}`)}</button>`)}</div>`;
}

function Measure({ sheet }) {
  const [litres, measure] = useState(sheet.litres);
  const by = (more) => measure(Math.min(MOST_LITRES, Math.max(0, litres + more * STEP_LITRES)));
  return html`<div class="measure"><button class="big" aria-label=${say("less")} data-testid="less" onClick=${() => by(-1)}>−</button>
      <output aria-live="polite" data-testid="measured">${(litres / 1000).toFixed(1)} m³</output>
      <button class="big" aria-label=${say("more")} data-testid="more" onClick=${() => by(1)}>+</button></div>
    <p class=${litres > sheet.announced * OVERFILLED ? "warn" : "quiet"}>${say("announced", { cubic_m: (sheet.announced / 1000).toFixed(1) })}${litres > sheet.announced * OVERFILLED ? ` ${say("overfilled")}` : ""}</p>
    <button class="big main" data-testid="measured-so" onClick=${() => sheet.send({ litres })}>${say("loaded_so")}</button>`;
}
