// What is looked at stands in the address, so that a view can be shared and the back button works:
//   #/?level=line&route=wet-north   (levels: area, line, stop, raw)
//   #/?wall=5m&inch=55              for a screen on a wall, seen from so far; `?wall=5m` before the # does the same

export const LEVELS = ["area", "line", "stop", "raw"];
const NAMES = ["level", "route", "room", "truck", "incident", "at", "speed", "wall", "inch"];
const NEEDS = { line: "route", stop: "room" };

// The view of an address: only what is known, and a level that has what it needs.
export function viewOf(hash, search = "") {
  const told = new URLSearchParams(search), within = new URLSearchParams(hash.replace(/^#\/?\??/, ""));
  const view = {};
  for (const name of NAMES) {
    const value = within.get(name) ?? told.get(name);
    if (value) view[name] = value;
  }
  if (!LEVELS.includes(view.level) || (NEEDS[view.level] && !view[NEEDS[view.level]])) view.level = "area";
  return view;
}

// The address of a view; what is as usual is left out.
export function addressOf(view) {
  const kept = NAMES.filter((name) => view[name] && !(name === "level" && view[name] === "area"));
  const query = new URLSearchParams(kept.map((name) => [name, view[name]]));
  return kept.length ? `#/?${query}` : "#/";
}

// The whole address of a view that takes the place of the one before; a moment stands behind the # only.
export function placeOf(view) {
  const search = new URLSearchParams(location.search);
  for (const name of ["at", "speed"]) search.delete(name);
  return `${location.pathname}${search.size ? `?${search}` : ""}${addressOf(view)}`;
}

// Another level of the same screen: what is selected there, and what always stays (wall, moment).
export const turned = ({ wall, inch, at, speed }, next) => ({ level: "area", ...(wall && { wall }), ...(inch && { inch }), ...(at && { at }), ...(speed && { speed }), ...next });
