// Which trucks come next to each room, by the runs of an estate's share of the picture.

const OPEN = ["pending", "due", "at_stop"], MOST = 6;

// By room: the visits that are still to come, the next one first; a time of the timetable alone is marked as such.
export function nextTrucks(rooms, runs, now) {
  const visits = runs.filter((run) => run.state !== "finished").flatMap((run) => run.visits.filter((visit) => OPEN.includes(visit.state)).map((visit) => ({
    room: visit.room, run_id: run.run_id, number: visit.visit_number, truck: run.truck, waste: run.waste, state: visit.state, held: visit.held,
    at: visit.eta_at ?? visit.planned_at ?? null, is_planned: visit.eta_at === null || visit.label === "timetable",
  })));
  return [...rooms].sort((one, other) => (one.name < other.name ? -1 : 1)).map((room) => ({
    room, trucks: visits.filter((visit) => visit.room === room.room && (visit.at === null || visit.state !== "pending" || visit.at > now - 3600)).sort((one, other) => (one.at ?? Infinity) - (other.at ?? Infinity)).slice(0, MOST),
  }));
}
