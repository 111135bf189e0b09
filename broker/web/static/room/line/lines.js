// The lines of a picture: for each route its runs, those that are on its strip, and who should drive and does not.

const SOON_S = 1800; // so long before its start a run is on the strip
export const OWED = ["pending", "due", "at_stop"];
const ODD = ["held", "skipped", "cancelled"];

// A visit's state as people see it.
export const stateOf = (visit) => (visit.held ? "held" : visit.state);
export const isOdd = (visit) => ODD.includes(stateOf(visit));

// A run that should be on its way and that nobody drives: it has not begun, or nothing is heard of its truck.
export function isGhost(run, trucks, at) {
  if (run.state === "finished" || at < run.planned_start_at) return false;
  const truck = trucks.get(run.truck);
  return run.state === "scheduled" ? !(truck?.fresh && truck.run_id === run.run_id) : !truck?.fresh;
}

// What of a route is on its strip now; where nothing is, the next one, else the one that ended last.
function shownOf(runs, at) {
  const now = runs.filter((run) => run.state === "running" || (run.state === "scheduled" && run.planned_start_at - at <= SOON_S));
  if (now.length) return now;
  const next = runs.find((run) => run.state === "scheduled");
  return [next ?? runs.at(-1)];
}

// Every line, in an order that does not change during a day.
export function linesOf(picture) {
  const trucks = new Map(picture.trucks.map((row) => [row.truck, row])), routes = new Map();
  for (const run of picture.runs) routes.set(run.route, [...(routes.get(run.route) ?? []), run]);
  return [...routes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([route, runs]) => {
    const shown = shownOf(runs, picture.at);
    return { route, name: runs[0].route_name, waste: runs[0].waste, runs, shown,
      under_way: shown.some((run) => run.state === "running" || isGhost(run, trucks, picture.at)),
      ghosts: new Set(shown.filter((run) => isGhost(run, trucks, picture.at)).map((run) => run.run_id)),
      odd: shown.some((run) => run.visits.some(isOdd) || trucks.get(run.truck)?.incidents.length > 0 || trucks.get(run.truck)?.held) };
  });
}

// By how many minutes a run is late (below zero: early) at its next room; null where it is not known.
export function lateMin(run) {
  const next = run.visits.find((visit) => OWED.includes(visit.state) && visit.eta_at !== null && visit.planned_at !== null && visit.visit_number === 1);
  return next ? Math.round((next.eta_at - next.planned_at) / 60) : null;
}
