// The outbox of a cab: what was pressed and is not done yet, as rules over plain entries. No clock, no network, no disk.
//
// An entry is `kept` for ten seconds, in which it can be taken back; then it is `sending`, with a body that does not
// change any more, until the system answers: `done` (it stays until that is seen), or `refused` (until somebody has read
// it).
// Entries of one account go one after the other, in the order in which they were pressed.

export const TAKE_BACK_MS = 10_000, AGAIN_MS = [1_000, 2_000, 5_000, 10_000, 20_000];
const LATER = [null, 408, 425, 429, 500, 502, 503, 504, 507]; // no answer, or one that says: not now

// A new entry: `draft` is {deed, path, body, about, account}, `off_ms` how far this device's clock is behind the system's.
export const drafted = (draft, key, now_ms, off_ms) => ({ ...draft, key, made_ms: now_ms, off_ms, state: "kept", tries: 0, again_ms: 0, doubts: 0 });

// How long an entry can be taken back yet; a clock that was set back meanwhile holds nothing up.
export function left_ms(entry, now_ms) {
  const gone_ms = now_ms - entry.made_ms;
  return entry.state !== "kept" || gone_ms < 0 || gone_ms >= TAKE_BACK_MS ? 0 : TAKE_BACK_MS - gone_ms;
}

export const open = (entries, account) => entries.filter((entry) => ["kept", "sending"].includes(entry.state) && entry.account === account).sort((one, other) => one.n - other.n);

// What is to be sent now, or after how long to look again; {} where nothing waits.
export function next(entries, account, now_ms) {
  const [first] = open(entries, account);
  if (!first) return {};
  const pause_ms = first.again_ms - now_ms, longest_ms = AGAIN_MS.at(-1);
  const wait_ms = Math.max(left_ms(first, now_ms), pause_ms > longest_ms ? 0 : pause_ms);
  return wait_ms > 0 ? { wait_ms } : { entry: first };
}

// An entry that goes out now. When it was done is said in the system's clock, never later than now, and stays as it is.
export function claimed(entry, now_ms, off_ms) {
  if (entry.state === "sending") return { ...entry, tries: entry.tries + 1 };
  const off = entry.off_ms ?? off_ms ?? 0;
  const acted_at = Math.floor(Math.min(entry.made_ms + off, now_ms + (off_ms ?? off)) / 1000);
  return { ...entry, state: "sending", tries: 1, body: { ...entry.body, acted_at, clock_off_s: Math.round(off / 1000) } };
}

// What becomes of an entry by its answer {status, unknown, busy, detail}. `is_so` says, of one of which the system did not
// know any more whether it was done, that it was.
export function answered(entry, answer, now_ms, is_so = false, done_ms = now_ms) {
  const again = { ...entry, again_ms: now_ms + AGAIN_MS[Math.min(entry.tries, AGAIN_MS.length) - 1] };
  if (answer.status >= 200 && answer.status < 300) return done(entry, done_ms);
  if (answer.status === 401) return { ...again, signed_out: true };
  if (LATER.includes(answer.status) || answer.busy) return again;
  // Each deed of a cab is one that its state takes once: under another name it is done, or refused because it was.
  if (answer.unknown) return { ...again, key: `${entry.key.split("~")[0]}~${entry.doubts + 1}`, doubts: entry.doubts + 1 };
  if (entry.doubts > 0 && is_so) return done(entry, done_ms);
  return { ...entry, state: "refused", status: answer.status, told: answer.detail ?? "" };
}

const done = (entry, done_ms) => ({ ...entry, state: "done", done_ms });

// Those that are done and seen to be so: the pictures of `seen_ms` and the bookings of `booked_ms` came after them.
export const seen = (entries, seen_ms, booked_ms) => entries.filter((entry) => entry.state === "done" && (entry.about.booking ? booked_ms : seen_ms) > entry.done_ms);

// Whether an entry can still be taken back.
export const takes_back = (entries, n) => entries.some((entry) => entry.n === n && entry.state === "kept");

// Whether what an entry asks for is so, as the system has it: `visits` by id, `runs` and `bookings` by id.
export function is_so({ deed, about, body }, { visits, runs, bookings }) {
  const visit = visits[about.visit], run = runs[about.run], booking = bookings[about.booking];
  if (deed === "serve") return visit?.state === "served";
  if (deed === "skip") return visit?.state === "skipped";
  if (deed === "note") return visit?.contamination === (body.grade || null);
  if (deed === "full" || deed === "emptied") return run !== undefined && (run.full_at !== null) === (deed === "full");
  if (deed === "accept") return ["accepted", "en_route", "at_site", "loaded", "completed"].includes(booking?.state);
  if (deed === "decline") return booking === undefined || booking.state === "declined";
  if (deed === "loaded") return booking?.measured_litres === body.litres;
  return deed === "fail" && booking?.state === "failed";
}
