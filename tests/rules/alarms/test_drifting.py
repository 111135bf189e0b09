"""A room whose calls drift is a finding of the next morning, for whoever looks at the list."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.rules.dispatch.alarms.drifting import MOST_ASKED
from broker.store import Record
from tests.support.bridge.morning import DAY, Morning


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Morning]:
    """Before the first run; nobody says anything."""
    day = Morning(tmp_path / "records", alone=True, lead_s=4 * 3600)
    day.speak = False
    yield day
    assert day.bridge.counts["rule_faults"] == 0
    day.close()


def a_week(night: Morning, room: str, late_s: int, part: str = "leg", until: dt.date = DAY) -> list[Record]:
    """A call a day that came so late by one part, in the week before a day."""
    records = []
    for ago in range(1, 8):
        at = int(night.now) - (DAY - until).days * 86_400 - ago * 86_400
        body: dict[str, Any] = {
            "call_id": f"{room}.{at}", "run_id": f"run.{at}", "room": room, "visit_number": 1, "truck": "t01",
            "waste": night.waste, "route": night.route.route_id, "estate": "", "label": "live", "kind": "live",
            "called_at": at, "eta_at": at + 960, "arrived_at": at + 960 + late_s, "lead_s": 960 + late_s,
            "how": "served", "off": [[part, room, late_s]],
        }  # fmt: skip
        records.append(Record(f"call:{room}.{at}:1", "call", f"{room}.{at}", at, at, "xh", body))
    return records


def found(night: Morning) -> dict[str, tuple[str, dict[str, Any]]]:
    """Word and values of each such alarm that is so, by what it is about."""
    entries = {about.id: entry for about, entry in night.bridge.dispatch.day.attention}
    alarms = night.bridge.dispatch.day.alarms
    return {
        about: (one.word, entries[about].fields())
        for about, one in alarms.items() if one.topic == "drift" and one.active
    }  # fmt: skip


def begin_again(night: Morning) -> None:
    """The bridge is restarted over its record, and looks around."""
    night.store.close()
    night.open()
    night.step(15)


def test_a_week_of_late_calls_is_one_alarm_with_its_reason(night: Morning) -> None:
    """Over a restart and a rule's fault it is the same one; it ends once a week was better."""
    first, second = (planned.room_id for planned in night.trip.visits[:2])
    night.store.append([*a_week(night, first, 180), *a_week(night, second, 20)])
    begin_again(night)
    about, room = f"drift/leg/{first}", night.plan.rooms[first].name
    assert found(night) == {about: ("calls_drift_leg", {
        "rooms": room, "minutes": "+3.0", "calls": 7, "place": room, "subjects": (first,),
    })}  # fmt: skip
    version = night.bridge.dispatch.day.alarms[about].version
    begin_again(night)
    night.bridge._decisions.rebuild(int(night.now))  # as after a rule failed
    night.step(90)
    assert night.bridge.dispatch.day.alarms[about].version == version and list(found(night)) == [about]
    after = DAY + dt.timedelta(days=7)
    night.store.append(a_week(night, first, 10, until=after))
    night.now += 7 * 86_400
    begin_again(night)
    night.step(90)
    assert found(night) == {}


def test_a_bad_week_of_the_whole_area_is_no_flood_of_alarms(night: Morning) -> None:
    """The worst few reasons; the figures have the others."""
    rooms = [planned.room_id for planned in night.trip.visits[:8]]
    for number, room in enumerate(rooms):
        night.store.append(a_week(night, room, 120 + 30 * number))
    begin_again(night)
    assert sorted(found(night)) == sorted(f"drift/leg/{room}" for room in rooms[-MOST_ASKED:])


def test_a_call_that_ends_today_counts_from_tomorrow_on(night: Morning) -> None:
    """Whole days only; six days before it are too few for a room that is called on one day less than five."""
    first = night.trip.visits[0].room_id
    night.store.append(a_week(night, first, 180)[:4])
    begin_again(night)
    assert found(night) == {}
    more = a_week(night, first, 180, until=DAY + dt.timedelta(days=1))[:1]
    night.bridge.dispatch.day.call_scores.take(more[0], night.plan.timezone)
    night.step(30)
    assert found(night) == {}
    night.now += 86_400
    night.step(30)
    assert list(found(night)) == [f"drift/leg/{first}"]


def test_a_unit_that_speaks_and_never_says_its_lamp_is_on_is_found(night: Morning) -> None:
    """Over a restart, also while it has not spoken yet; units that are silent are another alarm's."""
    first, second = (planned.room_id for planned in night.trip.visits[:2])
    night.store.append([*a_week(night, first, 0), *a_week(night, second, 0)])
    begin_again(night)
    assert found(night) == {}, "nobody speaks"
    night.say("life", {"life": "ready", "fw": "1"}, device=first)
    night.now += 86_400
    night.say("life", {"life": "ready", "fw": "1"}, device=first)
    night.step(30)
    assert {about: word for about, (word, _) in found(night).items()} == {f"drift/dark/{first}": "calls_drift_dark"}
    begin_again(night)
    assert list(found(night)) == [f"drift/dark/{first}"]
