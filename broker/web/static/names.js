// How the people are called whose accounts stand in the answers; the record knows the accounts alone.

let names = {}, asking = null;
const asked = new Set(); // an id that is no account (a command of the machine): asked for once

async function ask() {
  const answer = await fetch("/api/v1/answers/names").catch(() => null);
  if (answer?.ok) names = { ...names, ...(await answer.json()) };
  asking = null;
}

// A person's name in the reader's language; the account until it is known, and where there is none.
export function nameOf(id) {
  if (!(id in names) && !asked.has(id)) {
    asked.add(id);
    asking ??= ask();
  }
  return (names[id] ?? id).split(" / ").at(document.documentElement.lang === "zh" ? 0 : -1);
}

// The same as a part of a page that is not drawn anew each second, with the account where a pointer rests.
export const person = (element, id) => element("span", { "data-person": id, title: id }, nameOf(id));

export function writeNames(part) {
  for (const span of part.querySelectorAll("[data-person]")) {
    const name = nameOf(span.dataset.person);
    if (span.textContent !== name) span.textContent = name;
  }
}
