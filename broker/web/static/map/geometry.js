// Places on the map and along a line. A place of the world is (x, y) in Web Mercator, each 0 to 1, as street maps have it.

const EARTH_M = 40_075_016.7;

export const placed = (lat, lon) => {
  const sine = Math.sin((lat * Math.PI) / 180);
  return { x: lon / 360 + 0.5, y: 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI) };
};
export const latitude = (y) => (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;
export const longitude = (x) => (x - 0.5) * 360;
// How many metres one unit of the world is, at a height of the map.
export const metres = (y) => EARTH_M * Math.cos((latitude(y) * Math.PI) / 180);

// The smallest polygon without dents around points (Andrew's chain), counter-clockwise.
export function hull(points) {
  const sorted = [...points].sort((a, b) => a.x - b.x || a.y - b.y);
  if (sorted.length < 3) return sorted;
  const turn = (o, a, b) => (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x);
  const half = (row) => {
    const kept = [];
    for (const point of row) {
      while (kept.length > 1 && turn(kept.at(-2), kept.at(-1), point) <= 0) kept.pop();
      kept.push(point);
    }
    return kept.slice(0, -1);
  };
  return [...half(sorted), ...half(sorted.reverse())];
}

// The hull of places with so many metres around each, so that one place alone has a ground too.
export function ground(points, aroundM) {
  const corners = points.flatMap(({ x, y }) => {
    const r = aroundM / metres(y);
    return Array.from({ length: 12 }, (_, i) => ({ x: x + r * Math.cos((i * Math.PI) / 6), y: y + r * Math.sin((i * Math.PI) / 6) }));
  });
  return hull(corners);
}

export function inside(polygon, { x, y }) {
  let is = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i, i += 1) {
    const a = polygon[i], b = polygon[j];
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) is = !is;
  }
  return is;
}

// A line to move along: its points, how many metres along each lies, and how many it has in all.
export function line(points) {
  const along = [0], unit = points.length ? metres(points[0].y) : 0;
  for (let i = 1; i < points.length; i += 1) along.push(along[i - 1] + Math.hypot(points[i].x - points[i - 1].x, points[i].y - points[i - 1].y) * unit);
  return { points, along, unit, length: along.at(-1) };
}

// The place so many metres along, held at the ends, with the direction there (degrees, 0 = north, clockwise).
export function pointAt(way, m) {
  const { points, along } = way;
  let low = 0, high = points.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (along[middle] <= m) low = middle;
    else high = middle - 1;
  }
  const a = points[low], b = points[low + 1] ?? a, length = (along[low + 1] ?? 0) - along[low];
  const share = length > 0 ? Math.min(1, Math.max(0, (m - along[low]) / length)) : 0;
  return { x: a.x + share * (b.x - a.x), y: a.y + share * (b.y - a.y), bearing: (Math.atan2(b.x - a.x, a.y - b.y) * 180) / Math.PI };
}

// Where on the line a place lies: metres along and beside. Where a street is driven twice, the pass near `expected` wins.
const WEIGHT = 0.1, CAP_M = 30;
export function nearest(way, place, expected = null) {
  let best = { along: 0, beside: Infinity }, least = Infinity;
  for (let i = 0; i + 1 < way.points.length; i += 1) {
    const a = way.points[i], b = way.points[i + 1], dx = b.x - a.x, dy = b.y - a.y, squared = dx * dx + dy * dy;
    const share = squared > 0 ? Math.min(1, Math.max(0, ((place.x - a.x) * dx + (place.y - a.y) * dy) / squared)) : 0;
    const beside = Math.hypot(place.x - a.x - share * dx, place.y - a.y - share * dy) * way.unit;
    const along = way.along[i] + share * (way.along[i + 1] - way.along[i]);
    const cost = beside + (expected === null ? 0 : Math.min(CAP_M, WEIGHT * Math.abs(along - expected)));
    if (cost < least - 1e-9) (least = cost), (best = { along, beside });
  }
  return best;
}
