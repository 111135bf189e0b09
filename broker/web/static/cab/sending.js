// One page of a device sends what all of them keep: the one that holds the lock. The others hear of each change.

import { fresh } from "/static/frame/deed.js";
import { language } from "/static/frame/words.js";
import { bookings, heard, newest, now_ms, seen_ms } from "./heard.js";
import * as kept from "./kept.js";
import { answered, claimed, drafted, is_so, next, seen, takes_back } from "./outbox.js";

const LOOK_MS = 5_000, ANSWER_MS = 15_000, NAME = "zhanpai-cab";
const others = new BroadcastChannel(NAME);
let acts = [], account = "", changed = () => {}, wake = () => {};

export const held = () => acts;

export async function begin(whose, then) {
  [account, changed] = [whose, then];
  others.onmessage = look;
  addEventListener("online", () => wake());
  await look();
  // Without locks (no HTTPS) each page sends: the key of a deed lets it be done once all the same.
  if (navigator.locks) navigator.locks.request(NAME, send);
  else send();
}

async function look() {
  acts = await kept.acts();
  changed();
  wake();
}

async function change(work) {
  const did = await kept.change(work);
  others.postMessage("changed");
  await look();
  return did;
}

// Kept on the device before anybody is told that it was taken.
export const press = (draft) => change(() => ({ put: [drafted({ ...draft, account }, fresh(), Date.now(), heard.off_ms)] }));
export const take_back = (n) => change((all) => (takes_back(all, n) ? { gone: [n] } : {}));
// What is done stays laid over the picture until a newer one has it: else its button would be there again meanwhile.
export async function settle() {
  if (seen(acts, seen_ms(), heard.booked_ms).length) await change((all) => ({ gone: seen(all, seen_ms(), heard.booked_ms).map((act) => act.n) }));
}

export const understood = (n) => change((all) => ({ gone: all.filter((act) => act.n === n && act.state === "refused").map((act) => act.n) }));

async function send() {
  for (;;) {
    try {
      const { entry, wait_ms } = next(await kept.acts(), account, Date.now());
      if (entry) await send_one(entry.n);
      else await Promise.race([new Promise((then) => (wake = then)), new Promise((then) => setTimeout(then, Math.min(wait_ms ?? LOOK_MS, LOOK_MS)))]);
    } catch (why) {
      console.warn("the outbox could not be worked on", why);
      await new Promise((then) => setTimeout(then, LOOK_MS));
    }
  }
}

async function send_one(n) {
  const { put } = await change((all) => {
    const { entry } = next(all, account, Date.now()); // it may have been taken back meanwhile
    return entry?.n === n ? { put: [claimed(entry, Date.now(), heard.off_ms)] } : {};
  });
  if (!put) return;
  const answer = await asked(put[0]);
  const doubted = put[0].doubts > 0 && answer.status >= 400 && !answer.unknown ? await newest().catch(() => null) : null;
  if (put[0].doubts > 0 && doubted === null && answer.status >= 400 && !answer.unknown) answer.busy = true; // nobody can look now: later
  const after = answered(put[0], answer, Date.now(), doubted !== null && is_so(put[0], doubted), now_ms()); // tries wait by this clock
  await change(() => ({ put: [after] }));
  if (put[0].about.booking) bookings();
  if (answer.status === 401 && (await somebody_else())) location.reload(); // this page is theirs now, and so is the outbox
}

// Whether another person has signed in on this device meanwhile.
async function somebody_else() {
  const answer = await fetch("/api/v1/people/me", { cache: "no-store" }).catch(() => null), me = answer?.ok ? await answer.json().catch(() => null) : null;
  return Boolean(me?.account) && me.account !== account;
}

async function asked({ path, body, key, account: whose }) {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": key, "Accept-Language": language, "Zhanpai-Account": whose };
  try {
    const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal: AbortSignal.timeout(ANSWER_MS) });
    const detail = answer.ok ? "" : (await answer.json().catch(() => ({}))).detail;
    return { status: answer.status, unknown: answer.headers.has("Idempotency-Unknown"), busy: answer.headers.has("Retry-After"), detail };
  } catch {
    return { status: null };
  }
}
