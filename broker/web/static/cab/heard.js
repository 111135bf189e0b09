// What the system says: the truck's share of the picture as a stream, its bookings, and the clock that comes with it.
// The last of it is kept on the device, so that a page that opens without a network has what was known.

import * as kept from "./kept.js";
import { measured, off_of } from "./clock.js";

const KEEP_EVERY_MS = 3_000, BOOKINGS_EVERY_MS = 10_000, QUIET_MS = 6_000, AGAIN_MS = 2_000;
const EMPTY = { about: {}, trucks: {}, rooms: {}, runs: {}, visits: {}, incidents: {} };
export const heard = { parts: EMPTY, bookings: {}, at: null, fresh: false, signed_out: false, off_ms: null, booked_ms: -Infinity };
let offs_ms = [], last_ms = -Infinity, kept_ms = -Infinity, account = "", changed = () => {};

export async function listen(whose, then) {
  [account, changed] = [whose, then];
  const was = await kept.fact("heard").catch(() => null);
  if (was?.account === account) Object.assign(heard, { parts: was.parts, bookings: was.bookings, at: was.at, booked_ms: was.booked_ms ?? -Infinity });
  heard.off_ms = (await kept.fact("off_ms").catch(() => null)) ?? null;
  stream();
  bookings();
  setInterval(bookings, BOOKINGS_EVERY_MS);
  setInterval(() => heard.fresh && performance.now() - last_ms > QUIET_MS && tell({ fresh: false }), 1_000);
  addEventListener("pagehide", () => store());
}

function tell(news) {
  Object.assign(heard, news);
  changed();
}

function stream() {
  const events = new EventSource("/api/v1/events");
  events.addEventListener("snapshot", (event) => {
    const told = JSON.parse(event.data);
    if (told.parts.about.area) hear(told.parts, told.at);
  });
  events.addEventListener("change", (event) => {
    const told = JSON.parse(event.data), parts = { ...heard.parts };
    for (const [section, rows] of Object.entries(told.set)) {
      parts[section] = { ...parts[section] };
      for (const [key, fields] of Object.entries(rows)) parts[section][key] = { ...parts[section][key], ...fields };
    }
    for (const [section, keys] of Object.entries(told.gone)) {
      parts[section] = { ...parts[section] };
      for (const key of keys) delete parts[section][key];
    }
    hear(parts, told.at);
  });
  events.addEventListener("error", async () => {
    tell({ fresh: false });
    store();
    if (events.readyState !== EventSource.CLOSED) return; // it tries again by itself
    const answer = await fetch("/api/v1/people/me").catch(() => null);
    if (answer?.status === 401) tell({ signed_out: true });
    setTimeout(stream, AGAIN_MS);
  });
}

function hear(parts, at) {
  const now_ms = Date.now();
  offs_ms = measured(offs_ms, at, now_ms);
  last_ms = performance.now();
  tell({ parts, at, fresh: true, signed_out: false, off_ms: off_of(offs_ms) });
  if (last_ms - kept_ms > KEEP_EVERY_MS) store();
}

function store() {
  kept_ms = performance.now();
  if (heard.at === null) return;
  kept.keep("heard", { account, parts: heard.parts, bookings: heard.bookings, booked_ms: heard.booked_ms, at: heard.at }).catch(() => {});
  kept.keep("off_ms", heard.off_ms).catch(() => {});
}

export async function bookings() {
  const booked_ms = now_ms(), answer = await fetch("/api/v1/bookings").catch(() => null);
  if (answer?.ok) tell({ booked_ms, bookings: Object.fromEntries((await answer.json()).map((row) => [row.booking_id, row])) });
}

// Now, in the system's clock, and of when the picture is that is shown; a second on either side is nobody's.
export const now_ms = () => Date.now() + (heard.off_ms ?? 0);
export const seen_ms = () => (heard.fresh ? (heard.at - 1) * 1000 : -Infinity);

// Whether what was asked for is so by now: asked of the system itself, for the stream may be behind.
export async function newest() {
  const [runs, booked] = await Promise.all(["/api/v1/runs", "/api/v1/bookings"].map(async (path) => (await fetch(path, { cache: "no-store" })).json()));
  const by = (rows, key) => Object.fromEntries(rows.map((row) => [row[key], row]));
  return { runs: by(runs, "run_id"), visits: by(runs.flatMap((run) => run.visits), "id"), bookings: by(booked, "booking_id") };
}
