// Plays what was kept at a speed: a source of pictures as the live one is (room/source.js), with a hand on it.

import { film } from "./film.js";

export const SPEEDS = [1, 10, 60, 600];
const TRIES = 20, TRY_MS = 300, TICK_MS = 100, AGAIN_MS = 1000, FETCHED_S = 3, STEPS_PER_S = 20, MOST_S = 3600, LOOK_MS = 60000, VEIL_MS = 400;

const speedOf = (told) => (SPEEDS.includes(Number(told)) ? Number(told) : 1);
// A second of the past; null for what is none.
export const momentOf = (told) => (/^\d{1,10}$/.test(told ?? "") ? Number(told) : null);
// How far a step of the hand goes: a second of watching.
export const stepOf = (speed) => Math.max(1, speed);

async function read(path, signal) {
  for (let tries = 1; ; tries += 1) {
    const answer = await fetch(path, { signal }).catch(() => null);
    if (answer?.status !== 429 || tries === TRIES) return { status: answer?.status ?? null, body: answer?.ok ? await answer.json().catch(() => null) : null };
    await new Promise((then) => setTimeout(then, TRY_MS)); // somebody else looks back just now
  }
}

// `changed()` after anything but the picture is another, `nothing()` where nothing at all was kept; `state` is read, never
// written from outside.
export function player({ at, speed, changed, nothing }) {
  const reel = film();
  const state = { at, speed: speedOf(speed), playing: false, waiting: true, gap: null, skipped: null, lost: false, days: null, end_at: null, truth: null };
  let tell = null, asking = false, turn = 0, shown = null, ticked = 0, truthOf = null, ever = false, waitedAt = 0, leaving = null, timers = [];

  // What was asked for is not wanted any more: another moment, or another grain.
  function forget() {
    reel.forget();
    turn += 1;
    leaving?.abort();
  }

  const set = (news) => {
    if (Object.entries(news).every(([name, value]) => state[name] === value)) return;
    Object.assign(state, news);
    changed();
  };

  // The next stretch that is needed, one at a time; what was asked for before a jump is dropped.
  async function fetchOn() {
    const there = reel.until(Math.floor(state.at)), ahead = FETCHED_S * state.speed;
    if (asking || tell === null || (there !== null && (there - state.at > ahead || (state.end_at !== null && there >= state.end_at)))) return;
    const mine = turn, step = Math.max(1, Math.round(state.speed / STEPS_PER_S));
    const from = there === null ? Math.floor(state.at / 60) * 60 : there + 1;
    const least = there === null ? Math.floor(state.at) + Math.max(30, state.speed) : from + Math.max(120, 2 * ahead);
    const until = Math.max(Math.floor(state.at), from, Math.min(least, from + Math.min(MOST_S, 500 * step), state.end_at ?? Infinity));
    asking = true;
    const { status, body } = await read(`/api/v1/playback/changes?from_at=${from}&until_at=${until}&step_s=${step}`, (leaving = new AbortController()).signal);
    if (body === null && status !== null && status !== 401) await new Promise((next) => setTimeout(next, AGAIN_MS));
    asking = false;
    if (tell === null) return;
    if (mine !== turn) return fetchOn();
    if (status === 401) return void tell.onRefused();
    if (body) reel.add(body);
    set({ lost: body === null && status !== 429 });
    show();
  }

  async function lookAtDays() {
    const { body } = await read("/api/v1/playback/days");
    if (!body || tell === null) return;
    const last = body.days[0]?.stretches.at(-1).until_at ?? null;
    set({ days: body.days, end_at: last });
    show();
  }

  // What came true, once for each day: it is no news while one looks.
  async function lookAtTruth() {
    const mine = state.days?.find((day) => day.from_at <= state.at && state.at <= day.until_at)?.day ?? null;
    if (mine === null || mine === truthOf) return;
    truthOf = mine;
    const { body } = await read(`/api/v1/playback/truth?at=${Math.floor(state.at)}`);
    if (tell !== null && truthOf === mine) set({ truth: body });
    if (body === null) truthOf = null;
  }

  function show() {
    const moment = Math.floor(state.at);
    if (reel.until(moment) === null) return wait();
    const found = reel.show(moment);
    if (found.gap) {
      if (state.gap === null) tell.onLost?.();
      shown = null;
      if (state.playing && found.then_at !== null) return skip(found.gap, found.then_at);
      if (!ever) return nearest(moment, found.gap, found.then_at);
      return set({ gap: { ...found.gap, then_at: found.then_at }, waiting: false, playing: false });
    }
    if (found.picture !== shown) {
      shown = found.picture;
      ever = true;
      tell.onPicture(shown);
    }
    set({ gap: null, waiting: false });
  }

  // A picture of another moment does not stay for long.
  function wait() {
    if (!state.waiting) waitedAt = performance.now();
    if (shown !== null && performance.now() - waitedAt > VEIL_MS) {
      shown = null;
      tell.onLost?.();
    }
    set({ waiting: true });
  }

  // A page without any picture has nothing to draw: it begins where something was kept.
  function nearest(moment, gap, then_at) {
    if (state.days === null) return;
    const before = state.days.flatMap((day) => day.stretches).map((one) => one.until_at).filter((at) => at < moment);
    const to = then_at ?? (before.length ? Math.max(...before) : null);
    if (to === null) nothing();
    else skip(gap, to);
  }

  // Where it goes on is said for some seconds: `skipped` is what lies between.
  function skip({ from_at, until_at }, to) {
    state.skipped = { from_at, until_at, to };
    jump(to);
  }

  function tick() {
    const now = performance.now(), passed = ((now - ticked) / 1000) * state.speed;
    ticked = now;
    const there = reel.until(Math.floor(state.at));
    if (there === null) wait();
    else if (state.waiting) show();
    if (state.playing && there !== null) {
      const end = state.end_at ?? Infinity, to = Math.min(state.at + passed, there + 0.99, end);
      state.at = Math.max(state.at, to);
      if (state.at >= end) state.playing = false;
      show();
      changed();
    }
    fetchOn();
    lookAtTruth();
  }

  function jump(to) {
    const moment = Math.max(0, Math.min(to, state.end_at ?? to)), loaded = reel.until(Math.floor(moment)) !== null;
    if (!loaded) forget();
    state.at = moment;
    if (loaded) show();
    else wait();
    fetchOn();
    changed();
  }

  return {
    state,
    seek: (to) => jump(Math.floor(to)),
    step: (by) => (set({ playing: false }), jump(Math.floor(state.at) + by * stepOf(state.speed))),
    toggle: () => set({ playing: !state.playing }),
    // Another speed has another grain: what was asked for in the old one is dropped.
    pace(to) {
      set({ speed: speedOf(to) });
      forget();
      fetchOn();
    },
    source(told) {
      tell = told;
      ticked = performance.now();
      told.onLost?.(); // what the page shows is of another moment
      timers = [setInterval(tick, TICK_MS), setInterval(lookAtDays, LOOK_MS)];
      lookAtDays();
      fetchOn();
      return { live: false, act: null, stop: () => ((tell = null), timers.forEach(clearInterval)) };
    },
  };
}
