"""Trips, lines and starts put together: the runs of a plan, one for each start of each trip."""

from collections.abc import Iterator, Mapping, Sequence

from broker.plan.gtfs.lines import Placed
from broker.plan.gtfs.tables.trips import StopTime, TripRow
from broker.plan.model import BY_APPOINTMENT, PlannedVisit, Route, RunPlan


def check_shift_end(trip: TripRow, times: Sequence[StopTime]) -> None:
    """Refuse a shift that is over before the truck's last departure."""
    visits = [time for time in times if not time.passed]
    if trip.shift_end_s is not None and visits and visits[-1].leave_s > trip.shift_end_s:
        trip.row.refuse(f"shift_end {trip.row.get('shift_end')} is before the last departure (line "
                        f"{visits[-1].row.line} of stop_times.txt)")  # fmt: skip


def runs_of(trip: TripRow, times: Sequence[StopTime], placed: Placed, route: Route,
            starts: Mapping[str, int] | None) -> Iterator[RunPlan]:  # fmt: skip
    """The run of a trip, or with `starts` one for each of them; a shift's end goes along."""
    own_line = () if placed.line == route.line else placed.line
    for run_id, later_s in ({trip.trip_id: 0} if starts is None else starts).items():
        visits = tuple(
            PlannedVisit(time.room_id, time.sequence, time.arrive_s + later_s, time.leave_s + later_s, along,
                         time.by_appointment or route.waste in BY_APPOINTMENT)
            for time, along in zip(times, placed.along_m, strict=True)
            if not time.passed
        )  # fmt: skip
        ends_s = None if trip.shift_end_s is None else trip.shift_end_s + later_s
        yield RunPlan(run_id, trip.route_id, trip.truck_id, trip.service_id, visits, trip.capacity_bins,
                      trip.capacity_grams, ends_s, own_line)  # fmt: skip
