// How the people are called whose accounts stand in the answers; the record knows the accounts alone.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { say } from "./words.js";

const AGAIN_MS = 5000;
let names = {}, asking = null;
const missing = new Set(); // an id that is no account (a command of the machine): asked for once

// A unit's button speaks for whoever pressed it: nobody knows their name.
const unit = (id) => /^keeper of (.+)$/.exec(id)?.[1];
const shown = (id) => (unit(id) ? say("keeper_of", { room: unit(id) }) : names[id] ?? id).split(" / ").at(document.documentElement.lang === "zh" ? 0 : -1);

async function ask() {
  const answer = await fetch("/api/v1/answers/names").catch(() => null);
  if (!answer?.ok) return void setTimeout(() => (missing.clear(), (asking = null)), AGAIN_MS);
  names = { ...names, ...(await answer.json()) };
  asking = null;
  writeNames(document);
}

// The people of a row: who was told, or who answered, with the account where a pointer rests.
export const People = ({ row }) => (row.state === "told" ? row.told?.at(-1)?.names ?? [] : [row.who]).filter(Boolean).map((id, at) => html`<span key=${id}>${at ? ", " : " · "}<span data-person=${id} title=${id}></span></span>`);

// Writes them into their places, and once more when they are known; called after each drawing.
export function writeNames(part) {
  for (const span of part.querySelectorAll("[data-person]")) {
    const id = span.dataset.person;
    if (!unit(id) && !(id in names) && !missing.has(id)) {
      missing.add(id);
      asking ??= ask();
    }
    if (span.textContent !== shown(id)) span.textContent = shown(id);
  }
}
