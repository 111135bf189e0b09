"""What of a call's promise was off, part by part, once its visit is over.

A stay that was off because other bins stood there than were counted on is off by its counts, as far as the learned time
for a bin explains it; a run that had not begun is off by its start.
"""

from broker.rules.day.day import Day
from broker.rules.states.visit import Visit
from broker.rules.statistics.explained import Part, parts_of


def what_was_off(day: Day, visit: Visit) -> list[list[str | int]]:
    """Rows of part (leg, stay, counts, start, way), the room it leads to or is at, and how many seconds longer than
    believed it took; empty where nobody knows, or where all was as believed."""
    watch = day.visits.watch(visit.key)
    if watch.rests_on is None or visit.due_at is None or visit.arrived_at is None:
        return []
    believed = [(str(row[0]), int(row[1])) for row in watch.rests_on["visits"]]
    visits = {
        key: found.body() for key in believed if (found := day.visits.get((visit.run_id, *key))) is not None
    }
    begun = watch.label != "timetable"
    parts = parts_of(watch.rests_on, visits, visit.due_at, visit.arrived_at, begun=begun)
    rows: list[list[str | int]] = []
    for index, part in enumerate(parts):
        is_start = not begun and index == 0 and part.room == believed[0][0]
        counts_s = _by_counts_s(day, part, visit) if part.kind == "stay" else 0
        rows.append(["start" if is_start else part.kind, part.room, (part.error_s or 0) - counts_s])
        rows.append(["counts", part.room, counts_s])
    return [row for row in rows if row[2]]


def _by_counts_s(day: Day, part: Part, visit: Visit) -> int:
    """How much longer a stay takes for the bins that were there than for those that were believed to be."""
    if part.bins_true is None or part.bins == part.bins_true:
        return 0
    at, error_s = visit.due_at or 0, part.error_s or 0
    believed_s, true_s = (day.history.dwell_s(part.room, visit.waste, bins, at) for bins in (part.bins, part.bins_true))
    return sorted((0, round(true_s - believed_s), error_s))[1]  # it explains no more than there is
