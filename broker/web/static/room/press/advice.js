// What a word means and what to do about it, unfolded on demand.

import { html } from "../../vendored/htm-preact-3.1.1.js";
import { say } from "../../frame/words.js";

let guidance = { means: {}, do: {} };

export async function advise(language) {
  guidance = await (await fetch(`/static/guidance/${language}.json`)).json();
}

export function Advice({ word, children = null }) {
  if (!guidance.means[word]) return null;
  return html`<details class="advice" data-testid=${`advice-${word}`}><summary>${say("guidance")}</summary><p>${guidance.means[word]}</p><p><b>${guidance.do[word]}</b></p>${children}</details>`;
}
