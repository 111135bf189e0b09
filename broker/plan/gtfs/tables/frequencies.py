"""frequencies.txt as runs: a trip that starts every so many minutes becomes one run for each start."""

from collections.abc import Mapping, Sequence

from broker.plan.gtfs.tables.parts import Feed
from broker.plan.gtfs.tables.row import MAX_TIME_S, Row
from broker.plan.gtfs.tables.trips import StopTime, TripRow, check_name

MAX_STARTS = 1_440  # of one trip: one a minute for a day


def read_starts(feed: Feed, trips: Mapping[str, TripRow], times: Mapping[str, Sequence[StopTime]]
                ) -> dict[str, dict[str, int]]:  # fmt: skip
    """Of each trip with frequencies: the ids of its runs, and by how many seconds each is later than its times."""
    periods: dict[str, list[tuple[int, int, Row]]] = {}
    starts: dict[str, dict[str, int]] = {}
    for row in feed.rows("frequencies.txt"):
        trip_id = row.get("trip_id")
        known = row.stated("trip_id") and feed.known(row, "trip_id", trips, "trips.txt")
        for column in ("start_time", "end_time", "headway_secs"):
            row.stated(column)
        begin_s, end_s = row.time_s("start_time"), row.time_s("end_time")
        headway_s = row.whole("headway_secs", 1, MAX_TIME_S)
        row.whole("exact_times", 0, 1)
        if known:
            starts.setdefault(trip_id, {})
        if begin_s is None or end_s is None or headway_s is None or not known:
            continue
        if end_s <= begin_s:
            row.refuse(f"end_time {row.get('end_time')} is not after start_time {row.get('start_time')}")
            continue
        other = next((r for a, b, r in periods.setdefault(trip_id, []) if begin_s < b and a < end_s), None)
        if other is not None:
            row.refuse(f"trip {trip_id!r} has another headway for a part of this time on line {other.line}")
            continue
        periods[trip_id].append((begin_s, end_s, row))
        if trip_id in times:
            starts[trip_id] |= _starts(row, trips, times[trip_id], range(begin_s, end_s, headway_s))
    return starts


def _starts(row: Row, trips: Mapping[str, TripRow], times: Sequence[StopTime], begins: range) -> dict[str, int]:
    timed = [time for time in times if time.timed]
    if not timed:
        return {}
    trip_id, first_s, last_s = row.get("trip_id"), timed[0].arrive_s, timed[-1].leave_s
    if len(begins) > MAX_STARTS:
        row.refuse(f"the trip would start {len(begins)} times, at most {MAX_STARTS} can be right: see headway_secs")
        return {}
    found = {}
    for begin_s in begins:
        if begin_s + last_s - first_s > MAX_TIME_S:
            row.refuse(f"the trip that starts at {_clock(begin_s, ':')} would end after {MAX_TIME_S // 3600}:00:00")
            break
        run_id = f"{trip_id}.{_clock(begin_s)}"
        if run_id in trips:
            row.refuse(f"the run of {_clock(begin_s, ':')} would be named {run_id!r} as a trip is: rename that trip")
        found[run_id] = begin_s - first_s
    check_name(row, next(iter(found), trip_id), [time for time in times if not time.passed])
    return found


def _clock(day_s: int, between: str = "") -> str:
    """H:MM as the name of a run or as a person reads it; with its seconds where it has some."""
    parts = [f"{day_s // 3600:02}", f"{day_s % 3600 // 60:02}", *([f"{day_s % 60:02}"] if day_s % 60 else [])]
    return between.join(parts)
