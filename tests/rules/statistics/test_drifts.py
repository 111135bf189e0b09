"""Rooms whose calls were off to one side for a week, and why."""

from dataclasses import replace

import pytest

from broker.rules.statistics.calls import ScoredCall
from broker.rules.statistics.drifts import DRIFT_S, ENDS_S, Drift, drifts

ON_TIME = ScoredCall("c", "2026-11-16", "live", "unit_wet", "e1", "r03", "A", "t01", 960, 0, None, True, ())
DAYS = [f"2026-11-{day:02d}" for day in range(16, 23)]


def week(
    room: str = "r03", late_s: int = 150, part: str = "leg", place: str = "r03", kind: str = "live"
) -> list[ScoredCall]:
    """A call a day, as late as this, give or take half a minute, by one part."""
    return [
        replace(
            ON_TIME, call_id=f"{room}.{day}", day=day, room=room, late_s=late_s + wobble_s,
            off=((part, place, late_s), ("stay", "r09", wobble_s)), kind=kind,
        )
        for day, wobble_s in zip(DAYS, (30, -30, 0, 20, -20, 10, -10), strict=True)
    ]  # fmt: skip


@pytest.mark.parametrize("late_s", [150, -150])
@pytest.mark.parametrize("part", ["leg", "stay", "counts", "start"])
def test_a_room_that_is_off_by_more_than_a_minute_and_a_half_for_a_week_drifts(part: str, late_s: int) -> None:
    """To either side, with the part and the place that most of it belongs to."""
    assert drifts(week(late_s=late_s, part=part, place="r02")) == [Drift(part, "r02", ("r03",), late_s, 7)]
    assert drifts(week(late_s=DRIFT_S if late_s > 0 else -DRIFT_S, part=part)) == []


def test_a_lamp_that_comes_on_late_is_a_reason_too() -> None:
    """The truck came as promised; the keeper had less time."""
    late_lamp = [replace(one, late_s=0, off=(), dark_s=200) for one in week()]
    assert drifts(late_lamp) == [Drift("lamp", "r03", ("r03",), -200, 7)]


def test_a_lamp_that_never_came_on_is_found_where_its_unit_is_heard() -> None:
    """Whatever the truck did; once is enough to show that it works, and of a silent unit nobody knows."""
    calls = [replace(one, late_s=0, off=(), lead_s=960) for one in week()]
    assert drifts(calls, heard=["r03"]) == [Drift("dark", "r03", ("r03",), -960, 7)]
    assert drifts(calls) == drifts(calls, heard=["r04"]) == drifts(calls[:4], heard=["r03"]) == []
    assert drifts([replace(calls[0], dark_s=5), *calls[1:]], heard=["r03"]) == []


def test_rooms_with_one_reason_are_one_finding() -> None:
    """One slow drive moves every room behind it."""
    found = drifts([*week("r03"), *week("r04"), *week("r05", part="stay", place="r05", late_s=300)])
    assert found == [Drift("stay", "r05", ("r05",), 300, 7), Drift("leg", "r03", ("r03", "r04"), 150, 14)]


def test_what_nobody_knows_a_reason_for_is_said_all_the_same() -> None:
    """Calls of before have no parts; a way with rooms that were not made says nothing of what to mend."""
    for off in ((), (("way", "r03", 150),)):
        calls = [replace(one, off=off) for one in week()]
        assert drifts(calls) == [Drift("", "", ("r03",), 150, 7)]


def test_chance_is_no_drift() -> None:
    """Few calls that are far apart have a middle somewhere; a week without calls says nothing; nor do held trucks."""
    apart = zip(week(), (-400, 700, -300, 95, 600, 100, -200), strict=True)
    assert drifts([replace(one, late_s=late_s) for one, late_s in apart]) == []
    assert drifts(week()[:4]) == [] and drifts([]) == []
    assert drifts([*week(kind="held"), *week("r04", kind="second")]) == []
    assert drifts([replace(one, late_s=None) for one in week()]) == []


def test_a_drift_is_over_when_it_is_clearly_better() -> None:
    """Not at the number that made it one: what wavers about that is said once."""
    better = week(late_s=ENDS_S + 10)
    assert drifts(better) == [] and [one.rooms for one in drifts(better, {"r03"})] == [("r03",)]
    assert drifts(week(late_s=ENDS_S - 10), {"r03"}) == []
