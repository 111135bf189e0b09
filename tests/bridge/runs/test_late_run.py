"""A truck that is late on its run is late for its next one: its rooms are told so, and called in time."""

import datetime as dt
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from broker.bridge import Bridge
from broker.plan.calendar import day_start_at
from broker.plan.gtfs.feed import read_gtfs
from broker.rules.arrival.next_run import free_at
from broker.rules.arrival.prediction import Eta, predict
from broker.rules.learning.history import History
from broker.rules.learning.observations import StartRecord
from broker.rules.settings import FirstStay, Streets
from broker.rules.tracking.tracker import RunTracker
from broker.store.opening import open_store
from firmware import wire
from tests.support.plan.small_feed import SMALL, feed
from tests.support.road import road, room

DAY = dt.date(2026, 11, 23)
ROOMS = ["r1", "r2", "r3", "r4"]
GAP_M, STAY_S, SPEED_MPS = 500.0, 140, 4.0  # much as guessed of streets and stays that nobody knows
BETWEEN_S = round(GAP_M / SPEED_MPS)
BACK_S = 3 * BETWEEN_S
STOPS = [SMALL["stops.txt"][0], *(f"{name},{name},{31.2 + n * GAP_M / 111_195:.6f},121.45,e01"
                                  for n, name in enumerate(ROOMS))]  # fmt: skip
TRIPS = [SMALL["trips.txt"][0], "wet,daily,am,t01", "wet,daily,second,t01"]
LATE_S = 62 * 60
DEPOT_M = -1000.0


def clock(minute: float) -> str:
    """06:00 and so many minutes."""
    return f"{6 + int(minute) // 60:02}:{int(minute) % 60:02}:00"


def times(trip: str, first: int) -> list[str]:
    """Five minutes from stop to stop, of which three are at it."""
    return [f"{trip},{clock(first + 5 * n)},{clock(first + 5 * n + 3)},{name},{n + 1}" for n, name in enumerate(ROOMS)]


def truth() -> tuple[list[tuple[float, float]], dict[tuple[str, str], float]]:
    """(second, metres from the first room) of the truck, and when it comes to each (run, room); 06:00 is 0."""
    at, track, arrived = float(LATE_S), [(-900.0, DEPOT_M), (LATE_S + DEPOT_M / SPEED_MPS, DEPOT_M)], {}
    for run in ("am", "second"):
        for number, name in enumerate(ROOMS):
            track.append((at, number * GAP_M))
            arrived[run, name] = at
            at += STAY_S
            track.append((at, number * GAP_M))
            at += BETWEEN_S
        at += BACK_S - BETWEEN_S
    track.append((at, DEPOT_M))
    return track, arrived


def test_the_rooms_of_the_next_run_are_called_by_where_the_truck_is(tmp_path: Path) -> None:
    """The first run is 62 minutes late: nobody is called by the second one's timetable, all when the truck is near."""
    plan = read_gtfs(feed(tmp_path, stops=STOPS, trips=TRIPS,
                          stop_times=[SMALL["stop_times.txt"][0], *times("am", 0), *times("second", 40)]))  # fmt: skip
    now = start = float(day_start_at(plan, DAY) + 6 * 3600)
    store = open_store(tmp_path / "record", area="xh", timezone=plan.timezone, now=lambda: now)
    bridge = Bridge(plan, store, lambda *_: None)
    bridge.start(now - 900)
    track, arrived = truth()
    soonest_s: dict[str, float] = {}
    for seq, second in enumerate(range(-900, round(track[-1][0]) + 60, 10), start=1):
        now = start + second
        (at, from_m), (until, to_m) = next(
            (pair for pair in pairwise(track) if second <= pair[1][0]), (track[-1], track[-1])
        )
        share = (second - at) / (until - at) if until > at else 0.0
        along_m = from_m + (to_m - from_m) * max(0.0, min(1.0, share))
        body: dict[str, Any] = {
            "boot": 1, "seq": seq, "fix_at": int(now), "sent_at": int(now), "lat": 31.2 + along_m / 111_195,
            "lon": 121.45, "hdop": 1.0, "speed_mps": abs(to_m - from_m) / max(1.0, until - at), "bearing_deg": None,
            "sats": 9, "mode": 3, "late": False,
        }  # fmt: skip
        topic = wire.topic("fix", "xh", "t01")
        bridge.receive(topic, wire.pack(topic, body), now)
        bridge.tick(now)
        bridge.flush(now)
        run = bridge.dispatch.day.runs["second.20261123"]
        for (_, name, _), eta in run.etas.items():
            wrong_s = eta.eta_at - start - arrived["second", name]
            if LATE_S + 30 <= second <= arrived["second", name] - 600:  # since it is known how late the truck is
                soonest_s[name] = min(soonest_s.get(name, 0.0), wrong_s)
    calls = {record.body["room"]: record for record in store.scan("call") if record.body["run_id"] == run.run_id}
    leads = {name: (start + arrived["second", name] - calls[name].body["called_at"]) / 60 for name in ROOMS}
    assert all(13.5 <= lead <= 19.5 for lead in leads.values()), leads
    assert all(wrong_s > -360 for wrong_s in soonest_s.values()), soonest_s
    assert {visit.state for key, visit in bridge.dispatch.day.visits.items() if key[0] == run.run_id} == {"served"}
    bridge.stop(now)
    store.close()


@pytest.mark.parametrize("label", ["live", "held"])
def test_the_next_run_begins_with_the_rest_of_this_one_and_the_way_back(label: str) -> None:
    """The last stay, then the drive; where a run ends and the next begins at one room there is no drive."""
    history = History(Streets(speed_mps=5.0, detour_factor=1.0), FirstStay(setup_s=60, per_bin_s=10, bins=3))
    owed = [room(3, 2000.0), room(4, 3000.0)]
    etas = {owed[1].key: Eta(owed[1].key, 1000, 900, 1300, label)}
    far = free_at(owed, etas, room(1, 1000.0), "road", {}, history, 950)
    assert far is not None and far.label == label
    assert (far.eta_at, far.early_at, far.late_at) == (1000 + 90 + 400, 900 + 490, 1300 + 490)
    here = free_at(owed, etas, room(4, 3000.0), "road", {}, history, 950)
    assert here is not None and here.eta_at == 1090
    assert free_at(owed, {}, room(1, 1000.0), "road", {}, history, 950) is None
    assert free_at([], etas, room(1, 1000.0), "road", {}, history, 950) is None


def test_a_truck_that_stands_on_at_its_last_room_has_the_way_to_the_next_run_before_it_yet() -> None:
    """However long its stay should have been over."""
    history = History(Streets(speed_mps=5.0, detour_factor=1.0), FirstStay(setup_s=60, per_bin_s=10, bins=3))
    last = room(4, 3000.0)
    etas = {last.key: Eta(last.key, 1000, 1000, 1000, "live")}
    free = free_at([last], etas, room(1, 1000.0), "road", {}, history, 2000)
    assert free is not None and free.eta_at == 2000 + 400


def test_two_runs_have_two_lines_and_the_way_between_is_straight() -> None:
    """How far along each its room lies says nothing of how far apart they are."""
    history = History(Streets(speed_mps=5.0, detour_factor=1.0), FirstStay(setup_s=60, per_bin_s=10, bins=3))
    last, away = room(4, 500.0), replace(room(1, 2500.0), distance_m=510.0)
    free = free_at([last], {last.key: Eta(last.key, 1000, 900, 1300, "live")}, away, "road", {}, history, 950)
    assert free is not None and free.eta_at == 1000 + 90 + 400


def test_the_next_run_of_a_crew_that_likes_to_begin_early_is_not_expected_before_its_timetable() -> None:
    """It is on another run yet, which ends long before; its own run begins as early as it usually does."""
    history = History(Streets(), FirstStay())
    for _ in range(20):
        history.learn_start(StartRecord("road", -600))
    tracker = RunTracker("run", road(), "t01", [room(1, 500.0, 5000)], 5000, Streets())
    free = Eta(("r01", 1), 3000, 2900, 3100, "live")
    assert predict(tracker, history, {}, 2000, free=free)[0].eta_at == 5000
    assert predict(tracker, history, {}, 2000)[0].eta_at < 4600
