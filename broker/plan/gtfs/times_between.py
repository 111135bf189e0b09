"""Times of the stops that have none: GTFS gives those of some stops, what lies between is worked out by distance."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from broker.plan.gtfs.tables.parts import Feed
from broker.plan.gtfs.tables.trips import StopTime


def without_ends(feed: Feed, times: Mapping[str, Sequence[StopTime]]) -> frozenset[str]:
    """The trips with a room that has no time, and none before it or none after it; its line is refused."""
    table = feed.tables["stop_times.txt"]
    if not {"arrival_time", "departure_time"} & table.index.keys():
        return frozenset(times)  # that was told once, of the header
    found = set()
    for trip_id, own in times.items():
        timed = [index for index, time in enumerate(own) if time.timed]
        for index, time in enumerate(own):
            where = "first" if not timed or index < timed[0] else "last" if index > timed[-1] else None
            if where is None or time.passed:
                continue
            found.add(trip_id)
            if trip_id not in table.stray:  # its time may stand on a line that could not be read
                time.row.refuse(
                    f"arrival_time and departure_time are empty, and no stop {_SIDES[where]} has a time: the {where} "
                    "stop of a trip needs one, what lies between is worked out by distance"
                )
            break
    return frozenset(found)


_SIDES = {"first": "before it", "last": "after it"}


def with_times_between(times: Sequence[StopTime], along_m: Sequence[float]) -> list[StopTime]:
    """The stop times, those without a time at the share of the way that they lie at between their neighbours in time.

    The feed's own distances count before those along the line, if it has all of them.
    """
    told = [time.distance for time in times if time.distance is not None]
    along = told if len(told) == len(times) and all(a <= b for a, b in pairwise(told)) else along_m
    filled = list(times)
    timed = [index for index, time in enumerate(times) if time.timed]
    for before, after in pairwise(timed):
        start_s, span_s = times[before].leave_s, max(0, times[after].arrive_s - times[before].leave_s)
        way = along[after] - along[before]
        for index in range(before + 1, after):
            share = (along[index] - along[before]) / way if way > 0 else (index - before) / (after - before)
            at_s = start_s + round(span_s * share)
            filled[index] = replace(times[index], arrive_s=at_s, leave_s=at_s, timed=True)
    return filled
