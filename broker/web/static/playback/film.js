// Stretches of what was kept, as they were asked for, and the picture of any second within them.
// What the server tells is what the live stream told; it is put together by the very code that does it live.

import { assembly } from "../room/source.js";

const KEPT = 4; // stretches held: those before the one that is played are there to step back

const whole = ({ at, parts }) => ({ at, parts: Object.fromEntries(Object.entries(parts).map(([name, rows]) => [name, { ...rows }])) });

// A stretch is `{from_at, until_at, at, parts, changes, gaps, next_at}`, as /api/v1/playback/changes answers.
export function film() {
  let stretches = [], played = null, next = 0, held = null, picture = null;

  const at = (moment) => stretches.find((one) => one.from_at <= moment && moment <= one.until_at) ?? null;
  function begin(stretch) {
    held = assembly();
    [played, next] = [stretch, 0];
    picture = held.take(whole(stretch));
  }
  return {
    forget() {
      stretches = [];
      played = picture = null;
    },
    add(stretch) {
      stretches = [...stretches, stretch].slice(-KEPT);
    },
    // Up to which second everything from here on is there; null where not even this one is.
    until(moment) {
      let last = at(moment);
      if (last === null) return null;
      for (let after = last; after; after = at(last.until_at + 1)) last = after;
      return last.until_at;
    },
    // Of a second that is there: {picture}, or {gap} where nobody knows what was shown; `then_at` is where it goes on, if it does.
    show(moment) {
      const stretch = at(moment), gap = stretch.gaps.find((one) => one.from_at <= moment && moment <= one.until_at);
      if (gap || stretch.parts === null) {
        const ends = gap ?? stretch;
        return { gap: ends, then_at: ends.until_at < stretch.until_at ? ends.until_at + 1 : stretch.next_at };
      }
      if (played !== stretch || picture === null || picture.at > moment) begin(stretch);
      for (; next < stretch.changes.length && stretch.changes[next].at <= moment; next += 1) picture = held.change(stretch.changes[next]);
      return { picture };
    },
  };
}
