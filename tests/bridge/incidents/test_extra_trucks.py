"""Only a registered vehicle takes over: of the plan or of vehicles.txt, on call, for that waste, with room for it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broker.plan.calendar import day_start_at
from broker.plan.model import Vehicle
from broker.rules.day.attention.asked import Topic
from broker.rules.dispatch.actions import ActionError
from broker.rules.dispatch.visits.extra_coming import SETS_OUT_S
from broker.rules.dispatch.visits.extra_truck import may_load
from broker.rules.settings import DispatchSettings
from broker.web.view.picture import snapshot
from tests.support.bridge.morning import DAY, Morning

pytestmark = pytest.mark.real  # tenths of a second each

WET = ("residential_wet",)
HOUR_S = 3600


class _OnCall(Morning):
    """A morning in an area whose vehicles.txt has these vehicles."""

    def open(self) -> None:
        """Start over the same store, with the vehicles."""
        bins = sum(1 for _ in self.trip.visits)
        now_s = int(self.now) - day_start_at(self.plan, DAY)
        vehicles = (
            Vehicle("t01", WET, 190), Vehicle("x01", WET), Vehicle("dry", ("residential_dry",)),
            Vehicle("tiny", WET, capacity_bins=bins),
            Vehicle("late", WET, None, None, None, now_s + 8 * HOUR_S, 86_400),
            Vehicle("short", WET, None, None, None, 0, now_s + HOUR_S),
            Vehicle("night", WET, None, None, None, now_s + 20 * HOUR_S, now_s + 30 * HOUR_S),
        )  # fmt: skip
        self.plan = replace(self.plan, vehicles={one.truck_id: one for one in vehicles})
        super().open()


class _Yards(Morning):
    """A morning in which two trucks that nobody hears stand in yards, one nearer than the other."""

    def open(self) -> None:
        """Start over the same store, with the vehicles."""
        lat, lon = self.place()
        near, far = (lat + 0.004, lon), (lat + 0.06, lon)
        vehicles = Vehicle("t01", WET, 190), Vehicle("x02", WET, yard=far), Vehicle("x01", WET, yard=near)
        self.plan = replace(self.plan, vehicles={one.truck_id: one for one in vehicles})
        super().open()


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[tuple[Morning, str, int]]:
    """A breakdown after the first room, and the option that gives everything to one more truck."""
    morning = _OnCall(tmp_path)
    morning.serve(0)
    incident_id = morning.press("breakdown")
    morning.step(2)
    offers = morning.bridge.dispatch.day.incidents.offers(("t01", incident_id))[1]
    yield morning, incident_id, next(i for i, offer in enumerate(offers) if offer["name"] == "extra_truck")
    morning.close()


@pytest.mark.parametrize(
    ("truck", "reason"),
    [
        ("x77", r"x77 is no registered vehicle.*residential_wet may be given to: .*x01"),
        ("dry", r"dry does not load residential_wet \(vehicles.txt\)"),
        ("late", "late is not on call now"),
        ("short", "short is not on call until its last room"),
        (None, "name the contractor's truck"),
    ],
)
def test_a_truck_that_may_not_is_refused_and_those_that_may_are_named(
    stuck: tuple[Morning, str, int], truck: str | None, reason: str
) -> None:
    """Nothing changes then."""
    morning, incident_id, extra = stuck
    owed = morning.itinerary()
    with pytest.raises(ActionError, match=reason):
        morning.act("decide", incident_id, decision="extra_truck", option=extra, truck=truck)
    assert morning.itinerary() == owed
    assert morning.stage(incident_id) == "stored"


def test_a_registered_truck_takes_over(stuck: tuple[Morning, str, int]) -> None:
    """It is listed with what it may load now; another day's night shift that goes on past midnight counts too."""
    morning, incident_id, extra = stuck
    day, now = morning.bridge.dispatch.day, int(morning.now)
    assert may_load(day, "x01", now) == WET
    assert may_load(day, "night", now) == WET  # since yesterday, until six hours from the start of this morning
    assert may_load(day, "late", now) == may_load(day, "x77", now) == ()
    morning.act("decide", incident_id, decision="extra_truck", option=extra, truck="x01")
    assert morning.stage(incident_id) == "decided"
    assert day.last_run_of("x01") is not None


def test_a_truck_with_too_little_room_is_refused(stuck: tuple[Morning, str, int]) -> None:
    """What waits in the rooms is counted against the bins of the very truck that is named."""
    morning, incident_id, extra = stuck
    rooms = {visit.room_id for visit in morning.trip.visits}
    for room in rooms:
        bins = [{"waste": "residential_wet", "count": 3, "grams": None, "quality": 0}]
        morning.say("bins", {"at": int(morning.now), "late": False, "bins": bins}, device=room)
    morning.step(40)
    with pytest.raises(ActionError, match=r"tiny has room for 12 bins and would be given"):
        morning.act("decide", incident_id, decision="extra_truck", option=extra, truck="tiny")


def test_a_vehicle_on_call_that_nobody_heard_of_today_is_a_reserve_and_not_offline(tmp_path: Path) -> None:
    """Of a run's truck one expects to hear; a reserve that spoke is as any other, until the next day."""
    morning = _OnCall(tmp_path)

    def reserves() -> dict[str, bool]:
        rows = snapshot(morning.bridge, morning.now)["trucks"]
        return {row["truck"]: bool(row["loads"]) for row in rows if row["reserve"]}

    assert reserves() == {"x01": True, "dry": True, "tiny": True, "late": False, "short": True, "night": True}
    morning.say("life", {"life": "ready", "fw": "1.0.0"}, device="x01")
    morning.say("life", {"life": "lost", "fw": "1.0.0"}, device="x01")
    assert "x01" not in reserves()
    morning.hours(24)
    assert "x01" in reserves()
    morning.close()


def test_a_vehicle_on_call_is_no_stranger(tmp_path: Path) -> None:
    """It speaks before anybody asks for it, and is nobody's question."""
    morning = _OnCall(tmp_path)
    for truck in ("x01", "x77"):
        morning.say("life", {"life": "ready", "fw": "1.0.0"}, device=truck)
    morning.step(1)
    assert set(morning.bridge.dispatch.day.attention.of(Topic.STRANGER)) == {"x77"}
    morning.close()


def offered(morning: Morning, incident_id: str) -> dict[str, Any]:
    """What the option with one more truck says of it."""
    offers = morning.bridge.dispatch.day.incidents.offers(("t01", incident_id))[1]
    return next(offer["extra"] for offer in offers if offer["name"] == "extra_truck")


def position(morning: Morning, truck: str, metres: float) -> None:
    """A truck is heard, so far north of the one that cannot go on."""
    lat, lon = morning.place()
    body = {
        "fix_at": int(morning.now), "sent_at": int(morning.now), "lat": lat + metres / 111_000, "lon": lon,
        "speed_mps": 0.0, "bearing_deg": None, "hdop": 1.0, "sats": 9, "mode": 3, "late": False,
    }  # fmt: skip
    morning.say("fix", body, device=truck)


@pytest.mark.parametrize("by", ["position", "last_seen", "yard", "assumed"])
def test_an_option_says_how_it_is_known_when_the_extra_truck_comes(tmp_path: Path, by: str) -> None:
    """By where it is, where it was heard last, its yard, or nothing at all; the nearer it is known, the sooner."""
    morning = _Yards(tmp_path) if by == "yard" else _OnCall(tmp_path)
    if by in ("position", "last_seen"):
        position(morning, "x01", 500)
    if by == "last_seen":
        morning.step(300)
    morning.serve(0)
    if by == "position":
        position(morning, "x01", 500)
    incident_id = morning.press("breakdown")
    pressed_at = int(morning.now)
    morning.step(2)
    extra = offered(morning, incident_id)
    comes_s = extra["comes_at"] - pressed_at
    assert extra["by"] == by
    if by == "assumed":
        assert 0 <= comes_s - DispatchSettings().extra_comes_s <= 2  # made a moment after the press
        assert extra["seen_at"] is None
    else:
        assert extra["truck"] == "x01" and SETS_OUT_S < comes_s < DispatchSettings().extra_comes_s
        assert (extra["seen_at"] is None) == (by == "yard")
    morning.close()


def test_a_truck_that_comes_later_than_offered_is_offered_anew(tmp_path: Path) -> None:
    """The dispatcher would have another one, whose yard is far: its own times are shown, then they happen."""
    morning = _Yards(tmp_path)
    morning.serve(0)
    incident_id = morning.press("breakdown")
    morning.step(2)
    day, key = morning.bridge.dispatch.day, ("t01", incident_id)

    def option() -> tuple[int, dict[str, Any]]:
        offers = day.incidents.offers(key)[1]
        return next((at, one) for at, one in enumerate(offers) if one["name"] == "extra_truck")

    at, first = option()
    assert first["extra"]["truck"] == "x01"
    with pytest.raises(ActionError, match=r"x02 would be there \d+ minutes later than this option says"):
        morning.act("decide", incident_id, decision="extra_truck", option=at, truck="x02")
    morning.step(2)
    at, anew = option()
    assert (anew["extra"]["truck"], anew["extra"]["by"]) == ("x02", "yard")
    assert anew["extra"]["comes_at"] > first["extra"]["comes_at"] + 60
    morning.act("decide", incident_id, decision="extra_truck", offer=anew["id"], truck="x02")
    run = day.last_run_of("x02")
    assert run is not None
    told = {change["room"]: change["after_at"] for change in anew["changes"]}
    for visit in day.owed(run):
        assert abs(run.etas[visit.key].eta_at - told[visit.room]) < 60
    morning.close()
