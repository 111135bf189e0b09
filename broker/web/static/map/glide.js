// How a truck is shown between two fixes: along its line, at the speed it said, never far ahead of what is known.

import { nearest, placed, pointAt } from "./geometry.js";

export const GLIDES_S = 8, GLIDES_M = 80; // so far a truck goes on without a newer fix
const BESIDE_M = 60; // farther from its line it is shown where it said
const EASE_S = 0.9; // how quickly what is shown comes to what is known
const BACK_M = 30, BACK_AFTER_S = 3; // a small step back is waited for; then it is made
const NEWLY_M = 1500; // farther away it is simply there
const STANDS_MPS = 0.5;

// A truck's glide. `told(row, way, along)` with each newer row of the picture, its line (or null) and how far along it is
// believed; `at(now)` is what to show: {x, y, bearing, fix}; bearing null where none is known.
export function glide() {
  let fix = null, way = null, target = null, speed = 0, shown = null, lastS = null, backSince = null, fixAt = null, bearing = null;

  function told(row, newWay, along) {
    const place = placed(row.lat, row.lon);
    if (fix && (place.x !== fix.x || place.y !== fix.y)) bearing = (Math.atan2(place.x - fix.x, fix.y - place.y) * 180) / Math.PI;
    fix = place;
    fixAt = row.fix_at;
    speed = row.speed_mps ?? 0;
    const found = newWay && newWay.points.length > 1 ? nearest(newWay, place, along) : null;
    const on = found !== null && found.beside <= BESIDE_M;
    if (on && (newWay !== way || target === null)) shown = shown && { ...shown, along: nearest(newWay, shown, found.along).along };
    way = on ? newWay : null;
    target = on ? found.along : null;
    if (shown && Math.hypot(shown.x - place.x, shown.y - place.y) * (newWay?.unit ?? 3.4e7) > NEWLY_M) shown = null;
    shown ??= { ...place, along: target, bearing: on ? pointAt(way, target).bearing : bearing };
  }

  // How far along it may be by now.
  const ahead = (now) => (speed < STANDS_MPS ? 0 : Math.min(GLIDES_M, speed * Math.min(GLIDES_S, Math.max(0, now - fixAt))));

  function at(now) {
    const passed = lastS === null ? 0 : Math.min(2, Math.max(0, now - lastS));
    lastS = now;
    const share = 1 - Math.exp(-passed / EASE_S);
    if (way === null) {
      shown = { x: shown.x + (fix.x - shown.x) * share, y: shown.y + (fix.y - shown.y) * share, along: null, bearing };
      return { ...shown, fix };
    }
    const wanted = Math.min(way.length, target + ahead(now));
    let gap = wanted - (shown.along ?? wanted);
    backSince = gap < 0 ? backSince ?? now : null;
    if (gap < 0 && gap > -BACK_M && now - backSince < BACK_AFTER_S) gap = 0;
    const along = (shown.along ?? wanted) + gap * share;
    shown = { ...pointAt(way, along), along };
    return { ...shown, fix };
  }

  return { told, at, place: () => fix };
}
