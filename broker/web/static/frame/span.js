// A day, a week or a month that is looked at, as it stands in the address, and the tools that go from one to another.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { say } from "./words.js";

export const VIEWS = ["day", "week", "month"];
const DAY = /^\d{4}-\d{2}-\d{2}$/;

// Of an address what is wanted: `known` has the words that each name may have, the first of which stands for none.
export function wanted(search, known) {
  const asked = new URLSearchParams(search);
  const words = Object.entries({ view: ["week", "day", "month"], ...known }).map(([name, all]) => [name, all.includes(asked.get(name)) ? asked.get(name) : all[0]]);
  return { ...Object.fromEntries(words), ...(DAY.test(asked.get("day") ?? "") ? { day: asked.get("day") } : {}) };
}

export const isDay = (text) => DAY.test(text);

export function Choice({ word, name, values, chosen, go }) {
  return html`<label>${say(word)} <select data-testid=${name} onChange=${(event) => go({ [name]: event.target.value })}>
    ${values.map((one) => html`<option key=${one} value=${one} selected=${one === chosen}>${say(`${name}_${one}`)}</option>`)}</select></label>`;
}

// Before, after, another day: `go` is told what changes.
export const Span = ({ shown, go }) => html`<${Choice} word="view" name="view" values=${VIEWS} chosen=${shown.view} go=${go} />
  <button data-testid="before" onClick=${() => go({ day: shown.before })}>${say(`before_${shown.view}`)}</button>
  <label>${say("day")} <input type="date" data-testid="day" value=${shown.day} onChange=${(event) => isDay(event.target.value) && go({ day: event.target.value })} /></label>
  <button data-testid="after" onClick=${() => go({ day: shown.after })}>${say(`after_${shown.view}`)}</button>`;

export const spanned = (shown) => (shown.from_day === shown.to_day ? shown.from_day : `${shown.from_day} – ${shown.to_day}`);
