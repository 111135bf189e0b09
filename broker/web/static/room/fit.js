// On a wall nothing scrolls: what has no room is left out whole, never cut; of presses and alarms it is said how many.

const visible = (part, fits) => part.classList.toggle("no-room", !fits);

const MAP_PX = 150; // a lower one says nothing

// Leaves out what ends below the screen; how many presses and alarms that were.
export function fit() {
  for (const part of document.querySelectorAll(".right > *, .middle .run")) visible(part, part.getBoundingClientRect().bottom <= innerHeight);
  for (const part of document.querySelectorAll(".mapped")) visible(part, part.clientHeight >= MAP_PX);
  const told = [...document.querySelectorAll(".left .incident, .left #attention > li")], line = document.querySelector("#more")?.getBoundingClientRect().height ?? 0;
  const out = told.filter((part) => part.getBoundingClientRect().bottom > innerHeight - line);
  for (const part of told) visible(part, !out.includes(part) || part === told[0]); // the first one is shown, even if only its beginning is
  return out.filter((part) => part !== told[0]).length;
}
