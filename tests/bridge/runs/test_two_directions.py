"""A truck drives a route out and back along the same stops, by a feed without shapes: both ways are followed."""

import datetime as dt
from pathlib import Path
from typing import Any

from broker.bridge import Bridge
from broker.plan.calendar import day_start_at
from broker.plan.geometry import lengths_m, point_at
from broker.plan.gtfs.feed import read_gtfs
from broker.store.opening import open_store
from firmware import wire
from tests.support.plan.small_feed import SMALL, feed

DAY = dt.date(2026, 11, 23)
STOPS = [SMALL["stops.txt"][0], *(f"r{n},Room {n},31.2,121.4{n},e01" for n in range(1, 5))]
TRIPS = [SMALL["trips.txt"][0], "wet,daily,out,t01", "wet,daily,back,t01"]


def clock(minute: float) -> str:
    """06:00 and so many minutes."""
    return f"{6 + int(minute) // 60:02}:{int(minute) % 60:02}:00"


def times(trip: str, first: int, rooms: list[str]) -> list[str]:
    """Six minutes from stop to stop, of which two are at it."""
    return [f"{trip},{clock(first + 6 * n)},{clock(first + 6 * n + 2)},{room},{n + 1}" for n, room in enumerate(rooms)]


def test_the_way_back_is_followed_as_the_way_out(tmp_path: Path) -> None:
    """Each visit is served at its own stop, near its time; a restart on the way back changes nothing."""
    head = SMALL["stop_times.txt"][0]
    rooms = ["r1", "r2", "r3", "r4"]
    plan = read_gtfs(feed(tmp_path, stops=STOPS, trips=TRIPS, stop_times=[
        head, *times("out", 0, rooms), *times("back", 30, rooms[::-1])]))  # fmt: skip
    now = start = float(day_start_at(plan, DAY) + 6 * 3600)
    store = open_store(tmp_path / "record", area="xh", timezone=plan.timezone, now=lambda: now)

    def bridge_on() -> Bridge:
        bridge = Bridge(plan, store, lambda *_: None)
        bridge.start(now)
        return bridge

    bridge = bridge_on()
    for seq, second in enumerate(range(-600, 55 * 60, 5), start=1):
        now = start + second
        if second == 40 * 60:
            bridge = bridge_on()
        lat, lon, speed_mps = _place(plan, second)
        topic = wire.topic("fix", "xh", "t01")
        body: dict[str, Any] = {
            "boot": 1, "seq": seq, "fix_at": int(now), "sent_at": int(now), "lat": lat, "lon": lon, "hdop": 1.0,
            "speed_mps": speed_mps, "bearing_deg": None, "sats": 9, "mode": 3, "late": False,
        }  # fmt: skip
        bridge.receive(topic, wire.pack(topic, body), now)
        bridge.tick(now)
        bridge.flush(now)
    visits = {visit.key[:2]: visit for visit in bridge.dispatch.day.visits.values()}
    for trip_id, run in plan.runs.items():
        for planned in run.visits:
            visit = visits[f"{trip_id}.20261123", planned.room_id]
            assert visit.state == "served", (trip_id, planned.room_id)
            assert visit.arrived_at is not None
            assert abs(visit.arrived_at - day_start_at(plan, DAY) - planned.arrive_day_s) <= 60
    bridge.stop(now)
    store.close()


def _place(plan: Any, second: int) -> tuple[float, float, float]:
    """Where the truck is by its timetable, and how fast."""
    if second < 0 or second > 50.5 * 60:
        return 31.2, 121.404, 8.0  # on its way to the first stop, or home
    if 20.5 * 60 < second < 29.5 * 60:
        return 31.2, 121.446, 0.0  # the crew's break, some streets on
    at = 6 * 3600 + second
    run = plan.runs["out"] if second < 25 * 60 else plan.runs["back"]
    line = plan.route_of(run).line
    cumulative = lengths_m(line)
    for before, here in zip(run.visits, run.visits[1:], strict=False):
        if before.leave_day_s < at < here.arrive_day_s:
            share = (at - before.leave_day_s) / (here.arrive_day_s - before.leave_day_s)
            along = before.distance_m + share * (here.distance_m - before.distance_m)
            return (*point_at(line, cumulative, along), 4.0)
    standing = [visit for visit in run.visits if visit.arrive_day_s <= at]
    return (*point_at(line, cumulative, standing[-1].distance_m if standing else 0.0), 0.0)
