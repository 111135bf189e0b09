// Where things are on a strip: stops by their distance, a truck between two of them, and where it should be by now.

import { metres as unitMetres, placed as onMap } from "../../map/geometry.js";
import { OWED } from "./lines.js";

const UNKNOWN_M = 500;

// Metres between two places, as the crow flies; null where one of them is not known.
function metres(one, other) {
  if (one?.lat == null || other?.lat == null) return null;
  const from = onMap(one.lat, one.lon), to = onMap(other.lat, other.lon);
  return Math.hypot(to.x - from.x, to.y - from.y) * unitMetres((from.y + to.y) / 2);
}

const keyOf = (visit) => `${visit.room}/${visit.visit_number}`;

// The stops of several runs of a line as one row: the longest run's in its order, others' put in after the one before.
export function columnsOf(runs) {
  const columns = [];
  for (const run of [...runs].sort((a, b) => b.visits.length - a.visits.length)) {
    let last = -1;
    for (const visit of run.visits) {
      const at = columns.findIndex((column) => column.key === keyOf(visit));
      if (at >= 0) last = at;
      else columns.splice((last += 1), 0, { key: keyOf(visit), room: visit.room, name: visit.name, visit_number: visit.visit_number, along_m: visit.along_m ?? null });
    }
  }
  return columns;
}

// The way from one stop to another, along the line that the run drives; of a stop beside that line only the bee-line is known.
const wayM = (from, to, places) => (from.along_m != null && to.along_m != null ? Math.abs(to.along_m - from.along_m) : metres(places.get(from.room), places.get(to.room)) ?? UNKNOWN_M);

// x of each column: none nearer to the next than `least`, the rest of the width by the way between them.
export function placed(columns, places, { width, edge, least }) {
  const gaps = columns.slice(1).map((column, i) => wayM(columns[i], column, places));
  const all = gaps.reduce((sum, gap) => sum + gap, 0), free = Math.max(0, width - 2 * edge - least * gaps.length);
  let x = columns.length > 1 ? edge : width / 2;
  return [x, ...gaps.map((gap) => (x += least + (all ? (free * gap) / all : free / gaps.length)))];
}

const between = (from, to, part) => from + (to - from) * Math.min(1, Math.max(0, part));

// Where a run's truck is on its strip; null where nobody knows. `x` is of a visit.
export function truckX(run, truck, places, x) {
  const next = run.visits.findIndex((visit) => OWED.includes(visit.state));
  if (next < 0) return x(run.visits.at(-1));
  const to = run.visits[next];
  if (to.state === "at_stop" || next === 0) return to.state === "at_stop" ? x(to) : Math.max(12, x(to) - 24);
  const from = run.visits[next - 1];
  if (run.along_m !== null && from.along_m != null && to.along_m > from.along_m) return between(x(from), x(to), (run.along_m - from.along_m) / (to.along_m - from.along_m));
  const gone = metres(places.get(from.room), truck), left = metres(truck, places.get(to.room));
  return between(x(from), x(to), gone === null || left === null || gone + left === 0 ? 0.5 : gone / (gone + left));
}

// Where it should be by now by the timetable: of the visits as planned, between the last that is past and the next.
export function plannedX(run, at, x) {
  const planned = run.visits.filter((visit) => visit.planned_at !== null && visit.visit_number === 1).sort((a, b) => a.planned_at - b.planned_at);
  if (!planned.length || at < planned[0].planned_at) return null;
  const next = planned.findIndex((visit) => visit.planned_at > at);
  if (next < 0) return x(planned.at(-1));
  const from = planned[next - 1], to = planned[next];
  return between(x(from), x(to), (at - from.planned_at) / Math.max(1, to.planned_at - from.planned_at));
}
