"""The load of alarms by EEMUA's figures, counted anew by hand."""

from typing import Any

import pytest

from broker.rules.statistics.alarm_load import alarm_load, flood_s
from tests.support.facts import DAY, NOON, ZONE, Fact, workflow

HOUR = 3600


def told(number: int, at: int, about: str | None = None, **body: Any) -> Fact:
    """An alarm that became unseen."""
    about = about or f"passed/run/{number}/1"
    full = {"about": about, "word": "passed_by", "level": "warning", "state": "unseen_active", "announced_at": at,
            "changed_at": at, **body}  # fmt: skip
    return Fact("alarm", about, f"alarm:{about}:{number:014d}", body.get("changed_at", at), full)


def seen(of: Fact, at: int, state: str = "seen_active") -> Fact:
    """What became of it later: the same announcement."""
    return Fact("alarm", of.key, f"{of.id}9", at, {**of.body, "state": state, "changed_at": at})


def load(*facts: Fact) -> Any:
    """That of the day of all tests."""
    (of_day,) = alarm_load(facts, ZONE, DAY, DAY)
    return of_day


def test_what_was_told_is_counted_once_whatever_became_of_it() -> None:
    """An alarm with its records of seeing and ending, and a press with all of its versions."""
    one = told(1, NOON)
    found = load(one, seen(one, NOON + 30), seen(one, NOON + 300, "normal"), workflow(1, NOON), workflow(1, NOON))
    assert (found.told, found.alarms, found.presses, found.worst_10_min) == (2, 1, 1, 2)
    assert found.per_10_min == round(2 / 144, 4)
    assert (found.severe_share, found.top_ten_share) == (0.5, 1.0)


def test_the_worst_ten_minutes_slide() -> None:
    """Eleven within ten minutes that no clock's tens of minutes hold together."""
    found = load(*(told(number, NOON + 295 + 59 * number) for number in range(11)))
    assert found.worst_10_min == 11


def test_a_day_without_alarms_is_a_day_of_zeros() -> None:
    """And no share of nothing."""
    found = load()
    assert (found.told, found.worst_10_min, found.flood_share, found.top_ten_share) == (0, 0, 0.0, None)


def test_the_days_and_the_whole() -> None:
    """Midnight of the area parts them; the whole has their sum, and a worst moment of its own."""
    midnight = NOON - 12 * HOUR
    facts = [told(number, midnight - 100 + 50 * number) for number in range(4)]
    before, day, whole = alarm_load(facts, ZONE, "2026-11-21", DAY)
    assert (before.told, day.told, whole.told) == (2, 2, 4)
    assert (before.worst_10_min, day.worst_10_min, whole.worst_10_min) == (2, 2, 4)


def test_a_flood_begins_above_ten_and_ends_below_five() -> None:
    """Eleven at once last ten minutes; ten are none; what comes at five a ten minutes keeps it going."""
    assert flood_s([NOON] * 10, NOON + HOUR) == 0
    assert flood_s([NOON] * 11, NOON + HOUR) == 600
    going_on = sorted([*[NOON] * 11, *(NOON + 100 * step for step in range(1, 20))])
    assert flood_s(going_on, NOON + HOUR) == 1900 + 200
    assert flood_s([NOON] * 11, NOON + 60) == 60 or load(*(told(n, NOON) for n in range(11))).flood_share > 0


@pytest.mark.parametrize(("gap_s", "chattering"), [(599, 1), (600, 0)])
def test_what_is_told_again_within_ten_minutes_chatters(gap_s: int, chattering: int) -> None:
    """The same alarm, not another one of the same word."""
    found = load(told(1, NOON, "silent/room/r01"), told(2, NOON + gap_s, "silent/room/r01"), told(3, NOON + 5))
    assert found.chattering == chattering


def test_what_was_gone_within_a_minute_unseen_is_fleeting() -> None:
    """It ended by its deadband of a minute, with nobody having looked."""
    quick, slow, looked = (told(number, NOON) for number in (1, 2, 3))
    found = load(quick, seen(quick, NOON + 90, "gone_unseen"), slow, seen(slow, NOON + 300, "gone_unseen"),
                 looked, seen(looked, NOON + 20), seen(looked, NOON + 90, "normal"))  # fmt: skip
    assert found.fleeting == 1


def test_what_is_so_for_more_than_a_day_stands() -> None:
    """Seen or not; on the shelf or out of service it does not."""
    old = NOON - 30 * HOUR
    one, other, shelved = (told(number, old) for number in (1, 2, 3))
    found = load(one, seen(one, NOON), other, shelved, seen(shelved, NOON, "shelved"), told(4, NOON))
    assert found.standing == 2


def test_that_there_are_too_many_is_no_alarm_of_its_own() -> None:
    """It asks nobody for anything."""
    assert load(told(1, NOON, "flood", word="alarm_flood")).told == 0


@pytest.mark.parametrize("body", [{"announced_at": "x"}, {"announced_at": None}, {"announced_at": True}, {}])
def test_a_record_of_somebody_else_counts_nothing(body: dict[str, Any]) -> None:
    """And stops nothing."""
    assert load(Fact("alarm", "a", "alarm:a:1", NOON, body)).told == 0
