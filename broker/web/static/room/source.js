// Where pictures come from. A source is a function `({ onPicture, onLost, onRefused }) -> { live, stop(), act }`:
//   onPicture(picture)  each newer picture, whole; a row that did not change is the very object it was
//   onLost()            once, when nothing was heard for `LOST_MS`; the next picture ends it
//   onRefused()         whoever looks is no longer known
//   live                whether it is what is so now; of what was so once nothing may be done
//   act(path, body)     does a deed there (frame/deed.js's form of answer), null where nothing can be done
// Whatever draws takes every time from the picture, so that a day that was kept is drawn by the same code.

import { act } from "../frame/deed.js";

export const LOST_MS = 5000, AGAIN_MS = 3000;

const by = (...keys) => (a, b) => {
  for (const key of keys) if (key(a) !== key(b)) return key(a) < key(b) ? -1 : 1;
  return 0;
};
const byStart = by((run) => run.planned_start_at, (run) => run.run_id), byWeight = by((row) => !row.open, (row) => -row.raised_at, (row) => row.incident_id);

// Puts the stream's parts together: `take(snapshot)` and `change(told)` each give the newest picture, null before there is
// one. A list of which nothing changed is the very list it was.
export function assembly() {
  let parts = null, made = {}, runs = new Map();
  const list = (section) => (made[section] ??= Object.keys(parts[section] ?? {}).sort().map((key) => parts[section][key]));
  // A run is made anew only where it or one of its visits is another.
  function whole(run) {
    const visits = run.visits.map((id) => parts.visits[id]), before = runs.get(run.run_id);
    return before?.of === run && before.run.visits.every((visit, i) => visit === visits[i]) ? before : { of: run, run: { ...run, visits } };
  }
  function allRuns() {
    if (made.runs) return made.runs;
    const all = Object.values(parts.runs).map(whole);
    runs = new Map(all.map((one) => [one.of.run_id, one]));
    return (made.runs = all.map((one) => one.run).sort(byStart));
  }
  function picture(at) {
    if (!parts?.about.area) return null;
    const about = Object.fromEntries(Object.entries(parts.about).map(([name, row]) => [name, row.is]));
    return { ...about, at, trucks: list("trucks"), rooms: list("rooms"), attention: list("attention"), alarms: list("alarms"),
      runs: allRuns(), incidents: (made.incidents ??= Object.values(parts.incidents).sort(byWeight)) };
  }
  // Of what is in a list one row is another: the list is made anew, in the order it had unless a row came or went.
  function forget(section, keys) {
    if (section === "visits") return void delete made.runs;
    const shown = made[section], same = shown && section !== "runs" && section !== "incidents" && keys.every((key) => key in parts[section]);
    if (!same) delete made[section];
    return same;
  }
  return {
    take(told) {
      [parts, made] = [told.parts, {}];
      return picture(told.at);
    },
    change(told) {
      if (!parts) return null;
      for (const [section, changed] of Object.entries(told.set)) {
        parts[section] ??= {};
        const same = forget(section, Object.keys(changed)), before = same ? new Map(Object.keys(changed).map((key) => [parts[section][key], key])) : null;
        for (const [key, fields] of Object.entries(changed)) parts[section][key] = { ...parts[section][key], ...fields };
        if (same) made[section] = made[section].map((row) => (before.has(row) ? parts[section][before.get(row)] : row));
      }
      for (const [section, keys] of Object.entries(told.gone)) {
        for (const key of keys) delete parts[section]?.[key];
        delete made[section === "visits" ? "runs" : section];
      }
      return picture(told.at);
    },
  };
}

// What is so now: the bridge's own stream. The browser connects again by itself and goes on where it was.
export function follow({ onPicture, onLost, onRefused = () => {} }) {
  const held = assembly();
  let events = null, stopped = false;
  let heardAt = performance.now(); // who hears nothing from the first is lost too
  const hear = (put) => (event) => {
    const picture = put(JSON.parse(event.data));
    heardAt = performance.now();
    if (picture) onPicture(picture);
  };
  function open() {
    if (stopped) return;
    events = new EventSource("/api/v1/events");
    events.addEventListener("snapshot", hear(held.take));
    events.addEventListener("change", hear(held.change));
    // Who is no longer known hears nothing more: the stream ends, and is refused when it is asked for again. A bridge that
    // begins, or is asked too often, refuses as well: it is asked again in a while.
    events.addEventListener("error", () => events.readyState === EventSource.CLOSED && (onRefused(), setTimeout(open, AGAIN_MS)));
  }
  open();
  const watch = setInterval(() => {
    if (heardAt === null || performance.now() - heardAt <= LOST_MS) return;
    heardAt = null;
    onLost();
  }, 500);
  return { live: true, act, stop: () => ((stopped = true), clearInterval(watch), events.close()) };
}

// One source at a time: `take(source)` ends the one before and shows the next.
export function stage(shown) {
  let now = null;
  return {
    get live() { return now?.live ?? false; },
    get acts() { return Boolean(now?.act); },
    act: (path, body) => now?.act?.(path, body) ?? null,
    take(source) {
      now?.stop();
      let mine = true;
      const only = (tell) => (...what) => mine && tell?.(...what); // what comes late from the one before is not shown
      const begun = source({ onPicture: only(shown.onPicture), onLost: only(shown.onLost), onRefused: only(shown.onRefused) });
      now = { ...begun, stop: () => ((mine = false), begun.stop()) };
    },
  };
}
