"""Which truck drives what: no truck is on two runs at once, and what the feed calls one vehicle is one truck."""

from collections.abc import Iterable, Mapping

from broker.plan.calendar import DAY_S, share_a_day
from broker.plan.gtfs.tables.parts import Feed
from broker.plan.gtfs.tables.row import MAX_TIME_S
from broker.plan.gtfs.tables.trips import TripRow
from broker.plan.model import RunPlan, Service

_SAME_VEHICLE = ("4", "5")  # of transfer_type: the vehicle goes on as another trip


def check_trucks(runs: Iterable[tuple[RunPlan, TripRow]], services: Mapping[str, Service]) -> None:
    """Refuse two runs of one truck at the same time, also where one of them ends after midnight."""
    by_truck: dict[str, list[tuple[RunPlan, TripRow]]] = {}
    for run, trip in runs:
        by_truck.setdefault(run.truck_id, []).append((run, trip))
    shared: dict[tuple[str, str, int], bool] = {}
    for truck_id, own in by_truck.items():
        # (start, end, days later, run, trip); what begins on the days after may meet what began on a day before
        spans = []
        for run, trip in own:
            starts_s, ends_s = run.visits[0].arrive_day_s, run.visits[-1].leave_day_s
            spans += [(starts_s + later * DAY_S, ends_s + later * DAY_S, later, trip.row.line, run)
                      for later in range(MAX_TIME_S // DAY_S + 1)]  # fmt: skip
        spans.sort(key=lambda span: (span[0], span[2], span[3], span[4].trip_id))
        rows = {run.trip_id: trip.row for run, trip in own}
        told: set[str] = set()
        going: list[tuple[int, int, int, int, RunPlan]] = []
        for span in spans:
            starts_s, _, later, _, run = span
            going = [other for other in going if other[1] > starts_s]
            for other in going:
                one, days = other[4], later - other[2]
                if run.trip_id in told or not _on_road_together(one, run, days, services, shared):
                    continue
                first, second = sorted((one, run), key=lambda r: (rows[r.trip_id].line, r.visits[0].arrive_day_s))
                told.add(run.trip_id)
                rows[second.trip_id].refuse(_reason(truck_id, first, second, rows[first.trip_id].line, days))
            going.append(span)


def _on_road_together(one: RunPlan, other: RunPlan, days: int, services: Mapping[str, Service],
                      shared: dict[tuple[str, str, int], bool]) -> bool:  # fmt: skip
    if one is other and days == 0:
        return False
    key = (one.service_id, other.service_id, days)
    if key not in shared:
        shared[key] = share_a_day(services[one.service_id], services[other.service_id], days)
    return shared[key]


def _reason(truck_id: str, first: RunPlan, second: RunPlan, line: int, days: int) -> str:
    night = " (past midnight)" if days else ""
    if first.trip_id == second.trip_id:
        return f"truck {truck_id!r} has not ended this trip when it begins again a day later"
    return f"truck {truck_id!r} is on trip {first.trip_id!r} (line {line}) at that time{night}"


def check_same_vehicle(feed: Feed, trips: Mapping[str, TripRow], services: Mapping[str, Service]) -> None:
    """Refuse a block, or a trip that goes on as another, which the feed gives to two trucks on one day."""
    first_of: dict[str, list[TripRow]] = {}
    for trip in trips.values():
        block = trip.row.get("block_id")
        if not block or not trip.sound:
            continue
        for other in first_of.setdefault(block, []):
            if other.truck_id != trip.truck_id and share_a_day(services[other.service_id], services[trip.service_id]):
                trip.row.refuse(f"block_id {block!r} is one vehicle, but this trip has truck {trip.truck_id!r} and "
                                f"line {other.row.line} has {other.truck_id!r}")  # fmt: skip
                break
        if all((other.truck_id, other.service_id) != (trip.truck_id, trip.service_id) for other in first_of[block]):
            first_of[block].append(trip)
    for row in feed.rows("transfers.txt"):
        before, after = trips.get(row.get("from_trip_id")), trips.get(row.get("to_trip_id"))
        if row.get("transfer_type") in _SAME_VEHICLE and before and after and before.truck_id != after.truck_id:
            row.refuse(f"the vehicle goes on as another trip, but {before.trip_id!r} has truck {before.truck_id!r} and "
                       f"{after.trip_id!r} has {after.truck_id!r}")  # fmt: skip
