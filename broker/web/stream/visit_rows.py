"""The rows of the picture's visits, by far the most there are: each is made again only when something of it changed.

A row that is the very one of the picture before says that nothing changed; nobody may change one.
"""

from typing import Any

from broker.rules.arrival.prediction import Eta
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.states.visit import Visit, VisitKey, record_key

Row = dict[str, Any]


class VisitRows:
    """Those of one picture after the other; what a picture does not ask for is forgotten with the next."""

    def __init__(self) -> None:
        self._made: dict[VisitKey, tuple[Visit, Eta | None, bool, Row]] = {}
        self._before = self._made

    def begin(self) -> None:
        """A new picture is made."""
        self._before, self._made = self._made, {}

    def of(self, day: Day, run: Run) -> list[Row]:
        """Those of a run, in its order."""
        rows, stops = [], None
        for visit in day.visits.of(run.order):
            eta = run.etas.get(visit.key) if visit.owed else None
            held = visit.state == "due" and day.visits.watch(visit.key).held
            made = self._before.get(visit.key)
            if made is None or made[0] is not visit or made[1] != eta or made[2] != held:
                stops = stops or _Stops(day, run)
                made = visit, eta, held, {**_row(day, visit, eta, held=held), "along_m": stops.along_m(visit)}
            self._made[visit.key] = made
            rows.append(made[3])
        return rows


class _Stops:
    """How far along a run's line its stops lie, by its timetable."""

    def __init__(self, day: Day, run: Run) -> None:
        trip = day.plan.runs.get(run.trip_id)
        planned = trip.visits if trip is not None else ()
        self._rooms = {one.room_id: round(one.distance_m) for one in planned}
        self._stops = {(one.room_id, one.sequence): round(one.distance_m) for one in planned}  # one may be passed twice

    def along_m(self, visit: Visit) -> int | None:
        """Where a visit's room lies; None where the run's line does not pass it."""
        return self._stops.get((visit.room, visit.sequence), self._rooms.get(visit.room))


def _row(day: Day, visit: Visit, eta: Eta | None, *, held: bool) -> Row:
    return {
        **visit.body(),
        "id": record_key(visit.key),
        "name": day.plan.places[visit.room].name,
        "eta_at": eta.eta_at if eta else None,
        "early_at": eta.early_at if eta else None,
        "late_at": eta.late_at if eta else None,
        "label": eta.label if eta else None,
        "held": held,
    }
