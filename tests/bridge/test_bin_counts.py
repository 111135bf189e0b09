"""What the sensors say around a visit becomes what was collected, or a contradiction that the figures name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.rules.dispatch.actions import Act
from broker.rules.statistics.cube import disagreements
from firmware import wire
from tests.support.bridge.morning import Morning


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[Morning]:
    day = Morning(tmp_path / "records")
    yield day
    day.close()


def report(morning: Morning, count: int | None, grams: int | None, **more: Any) -> None:
    """The first room's unit says how many bins and grams it has."""
    bins = [{"waste": morning.waste, "count": count, "grams": grams, "quality": 0}]
    body = {"at": int(morning.now), "late": False, "bins": bins, **more}
    morning.say("bins", body, device=morning.trip.visits[0].room_id)
    morning.step(1)


def life(morning: Morning, word: str) -> None:
    """The first room's unit comes, or its will does."""
    topic = wire.topic("life", "xh", morning.trip.visits[0].room_id, family="room")
    body = {"life": word, "boot": 1, "fw": "1"} if word == "ready" else {"life": word, "boot": 1}
    morning.bridge.receive(topic, wire.pack(topic, body), morning.now)


def first_visit(morning: Morning) -> dict[str, Any]:
    """The first room's visit as it is on record."""
    key = f"{morning.run_id}/{morning.trip.visits[0].room_id}/1"
    return dict(morning.store.latest("visit", key)[key].body)


def test_count_and_weight_may_come_one_after_the_other(morning: Morning) -> None:
    """A count that falls while the truck stands, a weight that settles after it left: both are collected."""
    report(morning, 6, 300_000)
    morning.drive_to(0)
    morning.step(60)
    report(morning, 1, 300_000)
    morning.step(60)
    morning.step(60, 5.0)
    report(morning, 1, 50_000)
    report(morning, 2, 90_000)  # somebody's new bin is not given back
    body = first_visit(morning)
    assert (body["state"], body["bins_before"], body["bins_after"]) == ("served", 6, 1)
    assert (body["grams_before"], body["grams_after"]) == (300_000, 50_000)
    assert disagreements(body) == []


def test_what_a_scale_wavers_is_not_written_down(morning: Morning) -> None:
    """Less than half a kilogram is noise: it makes no record."""
    report(morning, 6, 300_000)
    morning.serve(0)
    report(morning, 1, 50_000)
    morning.step(60, 5.0)
    written = len(list(morning.store.scan("visit")))
    report(morning, 1, 49_700)
    assert len(list(morning.store.scan("visit"))) == written


@pytest.mark.parametrize(("count", "words"), [(1, ["skipped_but_count_fell"]), (6, [])])
def test_a_crew_that_skips_and_takes_is_contradicted(morning: Morning, count: int, words: list[str]) -> None:
    """Stood there, said "not out", and then five bins are gone: the figures say so; if none is gone they do not."""
    report(morning, 6, 300_000)
    morning.drive_to(0)
    morning.step(60)
    assert first_visit(morning)["state"] == "at_stop"
    visit = (morning.run_id, morning.trip.visits[0].room_id, 1)
    morning.bridge.act(Act("skip", "crew", visit=visit, reason="not_out"), morning.now)
    report(morning, count, 300_000 - (6 - count) * 50_000)
    body = first_visit(morning)
    assert body["state"] == "skipped" and disagreements(body) == words


def test_a_unit_that_was_away_says_later_what_was_collected(morning: Morning) -> None:
    """An old count is not taken for what was left; the backlog of the visit fills it, that of other hours does not."""
    life(morning, "ready")
    report(morning, 6, 300_000)
    life(morning, "lost")
    morning.serve(0)
    morning.step(60, 5.0)
    body = first_visit(morning)
    assert (body["state"], body["bins_before"], body["bins_after"], body["grams_after"]) == ("served", 6, None, None)
    morning.step(1200)
    newest = morning.seq + 10
    morning.seq = newest
    life(morning, "ready")
    report(morning, 3, 150_000)  # of now: somebody brought bins since
    assert first_visit(morning)["bins_after"] is None
    for number, (at, count) in enumerate([
        (body["arrived_at"] - 60, 0), (body["left_at"] + 700, 0), (body["arrived_at"] + 50, 1), (body["left_at"], 2),
    ]):  # fmt: skip
        morning.seq = newest - 9 + number
        report(morning, count, None, at=at, late=True)
        morning.seq = newest + 10 + number
    assert first_visit(morning)["bins_after"] == 1
    day = morning.bridge.dispatch.day
    assert day.devices.rooms[morning.trip.visits[0].room_id].bins[morning.waste].count == 3


def test_a_unit_that_is_there_and_says_nothing_new_has_what_it_had(morning: Morning) -> None:
    """Counts are sent when they change: nothing was collected, and that is on record."""
    life(morning, "ready")
    report(morning, 6, 300_000)
    morning.serve(0)
    morning.step(60, 5.0)
    body = first_visit(morning)
    assert (body["state"], body["bins_before"], body["bins_after"]) == ("served", 6, 6)
