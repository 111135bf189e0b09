"""Grounds for a case: often enough at one place, within the days, each thing once; and what was done about cases."""

from typing import Any

import pytest

from broker.rules.statistics.grounds import CaseCount, Ground, cases, grounds
from tests.support.facts import DAY, NOON, ZONE, Fact, visit, workflow

DAY_S = 86_400


def _press(number: int, days_ago: int = 0, room: str = "r01", **body: Any) -> Fact:
    return workflow(number, NOON - days_ago * DAY_S, room=room, **body)


def _skip(number: int, reason: str, **body: Any) -> Fact:
    at = NOON - number * DAY_S
    times = {"arrived_at": at, "due_at": at, "planned_at": at}
    return visit(f"run{number}/r01/1", state="skipped", reason=reason, run_id=f"run{number}", **{**times, **body})


def _found(*facts: Fact, times: int = 3, **given: Any) -> list[Ground]:
    return grounds(facts, NOON - 14 * DAY_S, NOON + DAY_S, times, **given)


def test_a_lane_that_is_blocked_again_and_again_is_a_ground() -> None:
    """Three mornings at one room; the evidence in the order of time."""
    (ground,) = _found(_press(1, 4), _press(2, 2), _press(3, 0))
    assert (ground.kind, ground.estate, ground.room) == ("chronic_lane", "e1", "r01")
    assert [one.at for one in ground.happened] == [NOON - 4 * DAY_S, NOON - 2 * DAY_S, NOON]
    assert {one.key for one in ground.happened} == {"workflow:t01/i1", "workflow:t01/i2", "workflow:t01/i3"}


@pytest.mark.parametrize(
    "third",
    [_press(3, workflow="withdrawn"), _press(3, reason="breakdown"), _press(3, room="r02"), _press(3, 15),
     workflow(2, NOON - 2 * DAY_S, room="r01", version=9)],
)  # fmt: skip
def test_what_does_not_count_makes_no_ground(third: Fact) -> None:
    """Taken back, a breakdown, another room, too long ago, another state of the same press."""
    assert _found(_press(1, 4), _press(2, 2), third) == []


def test_a_driver_who_presses_again_and_again_at_one_van_was_blocked_once() -> None:
    """Each press is evidence; what lies within an hour of another is the same time."""
    presses = [workflow(number, NOON + number * 600, room="r01") for number in range(9)]
    assert _found(*presses) == []
    (ground,) = _found(*presses, _press(20, 1), _press(21, 2))
    assert (ground.times, len(ground.happened)) == (3, 11)


def test_bins_that_are_never_out_and_mixed_waste_are_grounds_by_kind() -> None:
    """The same room, another kind of waste: each for itself."""
    out = [_skip(number, "not_out", waste="unit_wet") for number in range(3)]
    other = [_skip(9, "not_out", waste="residential_dry")]
    mixed = [
        visit(f"m{number}/r01/1", run_id=f"m{number}", contamination=1, arrived_at=NOON - number * DAY_S)
        for number in range(3)
    ]
    found = _found(*out, *other, *mixed)
    assert [(one.kind, one.waste, len(one.happened)) for one in found] == [
        ("mixed_waste", "unit_wet", 3), ("not_out", "unit_wet", 3),
    ]  # fmt: skip


@pytest.mark.parametrize("load", [_skip(1, "contamination"), visit(contamination=3)])
def test_a_contaminated_load_is_one_at_once(load: Fact) -> None:
    """What was left behind for it, or what nobody could take by its name; a few wrong pieces are none."""
    assert [one.kind for one in _found(load)] == ["contaminated_load"]
    assert _found(visit(contamination=2)) == []


def test_what_is_evidence_already_is_no_ground_again() -> None:
    """Of four mornings one is used: three are left; of three, two."""
    presses = [_press(number, number) for number in range(4)]
    assert len(_found(*presses, used={"workflow:t01/i0"})[0].happened) == 3
    assert _found(*presses[:3], used={"workflow:t01/i0"}) == []


def _version(number: int, state: str, at: int, case: str = "c1", **body: Any) -> Fact:
    full = {"kind": "not_out", "estate": "e1", "state": state, "version": number, "changed_at": at, **body}
    return Fact("case", case, f"case:{case}:{number:06d}", at, full)


def test_deeds_on_cases_are_counted_on_their_day() -> None:
    """Opened, handed over, taken back (which opens nothing anew), handed over, answered; each once on its day."""
    facts = [
        _version(1, "opened", NOON), _version(2, "handed_over", NOON + 60), _version(3, "opened", NOON + 120),
        _version(4, "handed_over", NOON + 180), _version(1, "opened", NOON, "c2"),
        _version(5, "answered", NOON + DAY_S, handed_over_at=NOON + 180), _version(6, "closed", NOON + DAY_S + 60),
    ]  # fmt: skip
    assert cases([*facts, facts[0]], ZONE, DAY, DAY) == [CaseCount("not_out", "e1", opened=2, handed_over=2)]
    after = CaseCount("not_out", "e1", answered=1, closed=1, answer_s=DAY_S - 180)
    assert cases(facts, ZONE, "2026-11-23", "2026-11-23") == [after]
