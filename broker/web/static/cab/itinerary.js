// What a driver has to know of a run: what comes next, and what became otherwise since they looked last.

const OWED = ["pending", "due", "at_stop"];
export const is_owed = (visit) => OWED.includes(visit.state);

// The run that a truck is on or begins next: the active one, else the first that is not over.
export function run_of(runs, truck) {
  const mine = Object.values(runs).filter((run) => run.truck === truck && run.state !== "finished").sort((one, other) => one.planned_start_at - other.planned_start_at);
  return mine.find((run) => run.active) ?? mine[0] ?? null;
}

// What is remembered of a run that a driver has looked at: its visits in order, with what each was.
export const looked_at = (run, visits) => ({ order: run.visits.map((id) => ({ id, room: visits[id].room, name: visits[id].name, owed: is_owed(visits[id]) })) });

// Rows {what, name, after, eta_at, reason}: `later` (skipped, and comes again), `skipped`, `gone`, `new`, `moved`.
export function changes(before, run, visits) {
  if (!before) return [];
  const was = before.order.filter((one) => one.owed), known = new Set(before.order.map((one) => one.id));
  const now = run.visits.map((id) => visits[id]).filter(is_owed);
  const after = (id) => now[now.findIndex((one) => one.id === id) - 1]?.name ?? null;
  const rows = [], told = new Set();
  for (const one of was) {
    const visit = visits[one.id], here = run.visits.includes(one.id);
    if (here && (is_owed(visit) || visit.state === "served")) continue;
    const again = now.find((other) => other.room === one.room && !known.has(other.id));
    if (again) told.add(again.id);
    if (again) rows.push({ what: "later", name: one.name, after: after(again.id), eta_at: again.eta_at, reason: visit?.reason ?? null });
    else rows.push({ what: here && visit.state === "skipped" ? "skipped" : "gone", name: one.name, after: null, eta_at: null, reason: visit?.reason ?? null });
  }
  for (const visit of now) {
    if (!known.has(visit.id) && !told.has(visit.id)) rows.push({ what: "new", name: visit.name, after: after(visit.id), eta_at: visit.eta_at, reason: null });
  }
  const stay = new Set(in_order(was.map((one) => one.id), now.map((one) => one.id)));
  for (const visit of now) {
    if (known.has(visit.id) && was.some((one) => one.id === visit.id) && !stay.has(visit.id)) rows.push({ what: "moved", name: visit.name, after: after(visit.id), eta_at: visit.eta_at, reason: null });
  }
  return rows;
}

// The most of `after` that comes in the order of `before`: whatever is not in it was moved.
function in_order(before, after) {
  const place = new Map(before.map((id, index) => [id, index])), best = [];
  for (const id of after) {
    if (!place.has(id)) continue;
    const chains = best.filter((chain) => place.get(chain.at(-1)) < place.get(id));
    best.push([...chains.reduce((longest, chain) => (chain.length > longest.length ? chain : longest), []), id]);
  }
  return best.reduce((longest, chain) => (chain.length > longest.length ? chain : longest), []);
}
