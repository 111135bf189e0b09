// How the people are called whose accounts stand in the answers; the record knows the accounts alone.

let names = {}, asking = null;
const missing = new Set(); // an id that is no account (a command of the machine): asked for once

const shown = (id) => (names[id] ?? id).split(" / ").at(document.documentElement.lang === "zh" ? 0 : -1);

async function ask() {
  const answer = await fetch("/api/v1/answers/names").catch(() => null);
  if (answer?.ok) names = { ...names, ...(await answer.json()) };
  asking = null;
}

// A person's name, with the account where a pointer rests; it is written anew once it is known.
export const person = (element, id) => element("span", { "data-person": id, title: id }, shown(id));

export function writeNames(part) {
  for (const span of part.querySelectorAll("[data-person]")) {
    const id = span.dataset.person;
    if (!(id in names) && !missing.has(id)) {
      missing.add(id);
      asking ??= ask();
    }
    if (span.textContent !== shown(id)) span.textContent = shown(id);
  }
}
