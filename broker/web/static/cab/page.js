// The cab's page: what a driver does next, what they have done, and what became of it, with and without a network.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { begin as begin_page, Page, show } from "/static/frame/page.js";
import { me } from "/static/frame/visitor.js";
import { clocks, language, say } from "/static/frame/words.js";
import { heard, listen } from "./heard.js";
import { run_of, looked_at, changes } from "./itinerary.js";
import * as kept from "./kept.js";
import { open } from "./outbox.js";
import * as sending from "./sending.js";
import { Sheet } from "./sheets.js";
import { Teach } from "./teach.js";
import { Alarm, Bookings, Changed, Done, Load, Next, Outbox, Round, Way } from "./view.js";

const state = { truck: localStorage.getItem("cab_truck"), sheet: null, said: "", looked: {}, marks: [] };
const ROOMS = ["", "cab"], TWICE_MS = 1_200;
let asked_for_frame = false, last = { deed: "", ms: -Infinity };

// What all parts are drawn from: the system's word with what is on its way to it laid over.
function scene() {
  const { parts } = heard, trucks = Object.keys(parts.trucks);
  const truck = trucks.includes(state.truck) ? state.truck : trucks[0] ?? null;
  const run = truck === null ? null : run_of(parts.runs, truck);
  const acts = sending.held(), waiting = open(acts, me.account), laid_over = [...acts.filter((act) => act.state === "done"), ...waiting];
  const pressed = Object.fromEntries(laid_over.filter((act) => act.about.visit && act.deed !== "note").map((act) => [act.about.visit, act]));
  const asked = Object.fromEntries(laid_over.filter((act) => act.about.booking).map((act) => [act.about.booking, act]));
  const load = laid_over.filter((act) => act.about.run === run?.run_id && !act.about.visit).at(-1);
  return {
    parts, truck, trucks, run, acts, waiting, pressed, asked, load,
    bookings: Object.values(heard.bookings).filter((row) => row.truck === truck && !["completed", "declined", "expired", "cancelled", "failed", "held"].includes(row.state)),
    others: acts.filter((act) => ["kept", "sending"].includes(act.state) && act.account !== me.account),
    refused: acts.filter((act) => act.state === "refused"),
    ...clocks(parts.about.area?.is.timezone ?? "Asia/Shanghai"), now_ms: Date.now() + (heard.off_ms ?? 0),
    heard, may: me.kind === "account",
    changed: run === null ? [] : changes(state.looked[run.run_id], run, parts.visits),
    marks: state.marks, mark, press, take_back, understood: (n) => sending.understood(n),
    sheet: (sheet) => set({ sheet }), choose, look,
  };
}

function set(news) {
  Object.assign(state, news);
  soon();
}

// The next stop's button stands where the last one's was: a finger that taps twice means one of them.
async function press(draft) {
  const ms = performance.now(), twice = draft.deed === last.deed && ms - last.ms < TWICE_MS;
  if (twice) return;
  last = { deed: draft.deed, ms };
  set({ sheet: null, said: "" });
  try {
    await sending.press(draft);
  } catch {
    set({ said: say("not_kept_here") });
  }
}

function take_back(n) {
  last = { deed: "", ms: -Infinity };
  sending.take_back(n);
}

// The stops that a driver marked on a drive that teaches a route.
function mark(marks) {
  kept.keep("marks", marks).then(() => set({ marks, sheet: null }), () => set({ said: say("not_kept_here") }));
}

function choose(truck) {
  localStorage.setItem("cab_truck", truck);
  set({ truck });
}

// The driver has read what changed: from now on it is compared with how it is now.
function look() {
  const { run, parts } = scene();
  const still = Object.entries(state.looked).filter(([name]) => name in parts.runs);
  const looked = { ...Object.fromEntries(still), [run.run_id]: looked_at(run, parts.visits) };
  kept.keep("looked", looked).catch(() => {});
  set({ looked });
}

function soon() {
  if (asked_for_frame) return;
  asked_for_frame = true;
  requestAnimationFrame(draw);
}

function draw() {
  asked_for_frame = false;
  const it = scene();
  if (it.run !== null && !state.looked[it.run.run_id]) queueMicrotask(look);
  show(html`<${Page} title="cab" said=${state.said}>
    <div class="cab" lang=${language}>
      <${Way} it=${it} />
      <div class="told"><${Changed} it=${it} /><${Alarm} it=${it} /></div>
      <div class="now"><${Next} it=${it} /><${Load} it=${it} /><${Outbox} it=${it} /></div>
      <div class="then"><${Bookings} it=${it} /><${Round} it=${it} /><${Done} it=${it} /><${Teach} it=${it} /></div>
    </div>
    ${state.sheet ? html`<${Sheet} key=${state.sheet.kind} it=${it} sheet=${state.sheet} />` : null}
  <//>`);
}

// The page opens without a network once all of its files, and both languages, are on the device.
async function stay() {
  if (!navigator.serviceWorker) return;
  await navigator.serviceWorker.register("/cab/worker.js", { scope: "/cab" });
  const { active } = await navigator.serviceWorker.ready;
  navigator.serviceWorker.addEventListener("message", () => (document.documentElement.dataset.stays = "yes"));
  const files = performance.getEntriesByType("resource").map((one) => new URL(one.name)).filter((url) => url.origin === location.origin && url.pathname.startsWith("/static/"));
  const words = ROOMS.flatMap((room) => ["zh", "en"].map((one) => `/static/${room ? `${room}/` : ""}${one}.json`));
  active.postMessage({ keep: [...new Set(["/cab", "/api/v1/people/me", ...words, ...files.map((url) => url.pathname)])] });
}

begin_page(ROOMS, draw).then(async () => {
  state.marks = (await kept.fact("marks").catch(() => null)) ?? [];
  state.looked = (await kept.fact("looked").catch(() => null)) ?? {};
  await Promise.all([listen(me.account, soon), sending.begin(me.account, soon)]);
  setInterval(() => (soon(), sending.settle().catch(() => {})), 1_000);
  await navigator.storage?.persist?.();
  await stay();
});
