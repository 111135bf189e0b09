"""What a run teaches of how late runs begin: by its first stay, once that is over."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.rules.dispatch.runs.run_progress import follow
from broker.rules.effects.effect import Effect, Keep
from broker.rules.effects.records import put
from broker.rules.states.visit import Visit
from broker.rules.tracking.types import TrackEvent, TrackKind
from tests.support.bridge.morning import Morning

LATE_S, STAY_S = 240, 120


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[Morning]:
    day = Morning(tmp_path / "records", alone=True)
    day.step(1)
    yield day
    day.close()


def lessons(morning: Morning, *seen: tuple[TrackKind, int], begun_at: int | None = None) -> list[int]:
    """How late its run began, by what was seen of its first room at (so long after its time)."""
    day = morning.bridge.dispatch.day
    run = day.runs[morning.run_id]
    first = next(iter(day.visits.of(run.order)))
    planned_at = first.planned_at or 0
    effects = []
    for kind, late_s in seen:
        begun = None if begun_at is None or kind != TrackKind.LEFT else planned_at + begun_at
        event = TrackEvent(kind, first.key[1:], planned_at + late_s, exact=True, arrived_at=begun)
        effects += follow(day, run, [event], planned_at + late_s)
    return [one.body["late_s"] for one in effects if isinstance(one, Keep) and one.kind == "start"]


def test_the_first_stay_teaches_how_late_the_run_began(morning: Morning) -> None:
    """By when the truck came, as it is known when it leaves."""
    stay = (TrackKind.ARRIVED, LATE_S), (TrackKind.LEFT, LATE_S + STAY_S)
    assert lessons(morning, *stay, begun_at=LATE_S + 15) == [LATE_S + 15]


def test_a_halt_in_the_traffic_that_was_taken_for_the_first_stay_teaches_nothing(morning: Morning) -> None:
    """The red light before the first room is no start."""
    halt = (TrackKind.ARRIVED, LATE_S), (TrackKind.DROVE_ON, LATE_S + 40)
    assert lessons(morning, *halt) == []
    assert lessons(morning, (TrackKind.ARRIVED, LATE_S + 90), (TrackKind.LEFT, LATE_S + 90 + STAY_S)) == []


def test_a_truck_that_was_held_on_its_way_to_the_first_room_teaches_nothing(morning: Morning) -> None:
    """A blocked lane is no habit of the crew."""
    held = (TrackKind.MOVING, LATE_S - 60)
    assert lessons(morning, held, (TrackKind.ARRIVED, LATE_S), (TrackKind.LEFT, LATE_S + STAY_S)) == []


def test_a_visit_that_makes_up_for_another_one_has_no_time_of_its_own_to_begin_at(morning: Morning) -> None:
    """An extra truck's first room was planned for somebody else."""
    visits = morning.bridge.dispatch.day.visits
    first = next(iter(visits.of(morning.bridge.dispatch.day.runs[morning.run_id].order)))
    visits.place(replace(first, original=False))
    assert lessons(morning, (TrackKind.ARRIVED, LATE_S), (TrackKind.LEFT, LATE_S + STAY_S)) == []


def stayed(morning: Morning, *, by_hand: bool) -> tuple[Visit, list[Effect]]:
    """Its first visit, served by positions or a person's word, after its stay was set right; and what follows."""
    day = morning.bridge.dispatch.day
    run = day.runs[morning.run_id]
    first = next(iter(day.visits.of(run.order)))
    at = first.planned_at or 0
    if by_hand:
        put(day, first.served_by_hand(at), at)
    else:
        follow(day, run, [TrackEvent(TrackKind.ARRIVED, first.key[1:], at)], at)
        follow(day, run, [TrackEvent(TrackKind.LEFT, first.key[1:], at + 180)], at + 180)
    right = TrackEvent(TrackKind.STAYED, first.key[1:], at + 540, arrived_at=at + 200)
    effects = follow(day, run, [right], at + 900)
    return day.visits[first.key], effects


def test_a_stay_that_is_set_right_is_on_record_as_it_was(morning: Morning) -> None:
    """The jam before the room was taken for it; nothing else of the visit changes, and it teaches nothing."""
    visit, effects = stayed(morning, by_hand=False)
    at = visit.planned_at or 0
    assert (visit.state, visit.arrived_at, visit.left_at) == ("served", at + 200, at + 540)
    (kept,) = [one for one in effects if isinstance(one, Keep)]
    assert (kept.kind, kept.body["arrived_at"], kept.body["left_at"]) == ("visit", at + 200, at + 540)


def test_what_a_person_said_of_a_visit_is_not_set_right(morning: Morning) -> None:
    """Whoever was asked knows better than two readings of positions."""
    visit, effects = stayed(morning, by_hand=True)
    assert (visit.arrived_at, effects) == (None, [])
