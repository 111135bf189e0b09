"""The runs of the day as trips of GTFS-Realtime: which trip of the plan one is, and whether it keeps to its stops.

A run that keeps to its stops is SCHEDULED, with the plan's own `stop_sequence`. One that was re-planned (a second
visit, another order, another truck's rooms) is a REPLACEMENT: its whole list, counted anew. One of no timetable (the
contractor's truck, an extra one) is NEW, and one that serves nothing any more CANCELED. A way that was booked is none:
its places stand in no timetable, and whom it is for is nobody else's business.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.transit import gtfs_realtime_pb2 as gtfs

from broker.plan.calendar import local_date
from broker.plan.model import Plan, RunPlan

Row = Mapping[str, Any]
Relation = gtfs.TripDescriptor
_OFF = ("skipped", "cancelled")
_OWED = ("pending", "due")


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop of a trip: its number in it, and the picture's row of the visit."""

    sequence: int
    visit: Row

    @property
    def off(self) -> bool:
        """Whether nobody stops there."""
        return self.visit["state"] in _OFF

    @property
    def been_at(self) -> int | None:
        """When the truck came, of a stop where it was or is."""
        at: int | None = self.visit["arrived_at"] or self.visit["left_at"]
        return None if self.off or self.visit["state"] in _OWED else at


@dataclass(frozen=True, slots=True)
class Trip:
    """One run of the picture as a trip."""

    run: Row
    relation: int
    stops: tuple[Stop, ...]
    start_date: str
    trip_id: str
    start_time: str | None  # None: it is in no timetable

    @property
    def planned(self) -> bool:
        """Whether its stops are those of the timetable."""
        return self.relation == Relation.SCHEDULED

    @property
    def next_stop(self) -> Stop | None:
        """Where its truck stands, or goes next."""
        owed = [stop for stop in self.stops if stop.visit["state"] in (*_OWED, "at_stop")]
        return min(owed, key=lambda stop: stop.visit["state"] != "at_stop", default=None)

    def describe(self, into: Any) -> None:
        """Fill a TripDescriptor."""
        into.trip_id, into.route_id, into.start_date = self.trip_id, self.run["route"], self.start_date
        if self.start_time is not None:
            into.start_time = self.start_time
        into.schedule_relationship = self.relation


def trips_of(plan: Plan, picture: Row) -> dict[str, Trip]:
    """The runs that are not over, by their id, and those that should not be yet: nobody is to think that they go on.

    Those that were booked are left out.
    """
    runs = [run for run in picture["runs"] if run["state"] != "finished" or picture["at"] <= run["planned_end_at"]]
    found = {run["run_id"]: trip_of(plan, run) for run in runs}
    return {run_id: trip for run_id, trip in found.items() if trip is not None}


def trip_of(plan: Plan, run: Row) -> Trip | None:
    """A run as a trip; None where GTFS has no word for it."""
    if run["route"] not in plan.routes:
        return None
    rows = [row for row in run["visits"] if row["room"] in plan.rooms and not _made_in_vain(row)]
    trip_id, _, day = run["run_id"].rpartition(".")
    planned = plan.runs.get(trip_id)
    if planned is None:
        day = f"{local_date(plan, run['planned_start_at']):%Y%m%d}"
        return Trip(run, Relation.NEW, _counted(in_driving_order(rows)), day, run["run_id"], None)
    start = _clock(planned.visits[0].arrive_day_s)
    if all(row["state"] in _OFF for row in rows):
        return Trip(run, Relation.CANCELED, (), day, trip_id, start)
    if _as_planned(planned, rows):
        return Trip(run, Relation.SCHEDULED, tuple(Stop(row["sequence"], row) for row in rows), day, trip_id, start)
    return Trip(run, Relation.REPLACEMENT, _counted(in_driving_order(rows)), day, trip_id, start)


def in_driving_order(rows: Sequence[Row]) -> list[Row]:
    """The visits as the truck made and makes them: where it was by the time that it came, then what it owes."""
    been = [number for number, row in enumerate(rows) if row["state"] in ("served", "at_stop")]
    last = max(been, default=-1)
    in_time = iter(sorted((rows[number] for number in been), key=_came))
    before = [row for row in rows[: last + 1] if row["state"] not in _OWED]
    ordered = [next(in_time) if row["state"] in ("served", "at_stop") else row for row in before]
    return [*ordered, *(row for row in rows[: last + 1] if row["state"] in _OWED), *rows[last + 1 :]]


def _came(row: Row) -> tuple[bool, int]:
    return row["state"] == "at_stop", row["arrived_at"] or row["left_at"] or row["planned_at"] or 0


def _as_planned(planned: RunPlan, rows: Sequence[Row]) -> bool:
    """Whether these are the stops of the timetable in their order; one that was passed by does not change it."""
    stops = [(row["sequence"], row["room"]) for row in rows if row["original"]]
    known = [row for row in rows if row["state"] not in _OWED or row["eta_at"] is not None]
    return (
        len(stops) == len(rows)
        and stops == [(visit.sequence, visit.room_id) for visit in planned.visits]
        and in_driving_order(known) == known
    )


def _made_in_vain(row: Row) -> bool:
    """A second visit that came to nothing, as a truck is not told of one either."""
    return not row["original"] and row["state"] in _OFF


def _counted(rows: Sequence[Row]) -> tuple[Stop, ...]:
    """The stops with numbers of their own; one that is skipped and visited at once again is one stop."""
    following = [*rows[1:], {"room": None}]
    pairs = zip(rows, following, strict=True)
    kept = [row for row, after in pairs if row["state"] not in _OFF or row["room"] != after["room"]]
    return tuple(Stop(number, row) for number, row in enumerate(kept, start=1))


def _clock(day_s: int) -> str:
    return f"{day_s // 3600:02}:{day_s % 3600 // 60:02}:{day_s % 60:02}"
