// What says that trucks and rooms are not of now: no newer picture can be made, or no device is heard. `of` is an answer
// with `old_since_at`, `away_since_at` and `timezone`.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { clocks, say } from "./words.js";

export const oldAt = (of) => of?.old_since_at ?? of?.away_since_at ?? null;

// The sentence, or nothing; whoever shows it greys what it is about with the class `of-then`.
export function Old({ of }) {
  if (oldAt(of) === null) return null;
  const { day, exact } = clocks(of.timezone), at = `${day(oldAt(of)).slice(5)} ${exact(oldAt(of))}`;
  return html`<p class="card warn" role="alert" data-testid="old">${say(of.old_since_at ? "old_since" : "away_since", { at })}</p>`;
}
