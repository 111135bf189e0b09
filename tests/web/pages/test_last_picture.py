"""A picture that cannot be made: the screen goes on, nothing old is passed off as new, no press is hidden."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from broker.store import Corrupt, Unavailable
from broker.web.desk import Desk
from broker.web.stream.changes import applied, change, parts_of, picture_of
from broker.web.view import picture
from broker.web.view.last_picture import LOOK_EVERY_S, Pictures
from tests.support.bridge.morning import Morning
from tests.support.bridge.rehearsal import InjectedError, Rehearsal
from tests.support.people import screen_of

pytestmark = pytest.mark.real  # tenths of a second each

PARTS = [
    "_truck", "_room", "_run", "VisitRows.of", "incident_row", "attention", "second_visit", "_oldest_fix_at",
    "record_key",
]  # fmt: skip
LATER_S = 40


def fault(*_: object, **__: object) -> None:
    """Whatever is asked."""
    raise InjectedError("injected")


def stood() -> Rehearsal:
    """A truck at its first room, with a lamp lit at the second and bins counted at a third."""
    morning = Rehearsal()
    morning.serve(0)
    room = morning.trip.visits[2].room_id
    morning.say("life", {"life": "ready", "fw": "1.0.0"}, device=room)
    rows = [{"waste": morning.waste, "count": 3, "grams": None, "quality": 0}]
    morning.say("bins", {"at": int(morning.now), "late": False, "bins": rows}, device=room)
    lamps = [{"waste": morning.waste, "lamp": "due", "lit": True, "call_id": "c"}]
    morning.say("lamp", {"at": int(morning.now), "lamps": lamps}, device=room)
    morning.press(incident_id="t01-1-first")
    morning.step(2)
    return morning


def words(shown: dict[str, Any]) -> dict[str, str]:
    """What is on the list, with how much it matters."""
    return {row["word"]: row["level"] for row in shown["attention"]}


@pytest.mark.parametrize("part", PARTS)
def test_whatever_fails_in_a_picture_the_last_good_one_stays_and_says_that_it_is_old(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No truck of it is fresh and no lamp known; a press that came since is there, and what became of another."""
    morning = stood()
    pictures = Pictures(morning.bridge)
    good, good_at = pictures.newest(morning.now), int(morning.now)
    assert good["old_since_at"] is None and good == picture.snapshot(morning.bridge, morning.now)
    monkeypatch.setattr(f"{picture.__name__}.{part}", fault)
    morning.act("resolve", "t01-1-first")
    morning.press("breakdown", incident_id="t01-1-second")
    morning.step(LATER_S)
    shown = pictures.newest(morning.now)
    assert (shown["at"], shown["old_since_at"]) == (int(morning.now), good_at)
    assert words(shown)["picture_failed"] == "severe"
    rows = {row["incident_id"]: row for row in shown["incidents"]}
    assert rows["t01-1-second"]["open"] and rows["t01-1-second"]["reason"] == "breakdown"
    assert rows["t01-1-first"]["workflow"] == "resolved"
    assert set(rows["t01-1-second"]) == set(good["incidents"][0])
    assert not any(truck["fresh"] for truck in shown["trucks"]) and any(truck["fresh"] for truck in good["trucks"])
    assert not any(room["lamps"] for room in shown["rooms"]) and any(room["lamps"] for room in good["rooms"])
    passed_s = int(morning.now) - good_at
    for name, key, age in (("trucks", "truck", "fix_age_s"), ("rooms", "room", "lamps_age_s")):
        ages = {row[key]: row[age] + passed_s for row in picture.aged(good)[name] if row[age] is not None}
        assert {row[key]: row[age] for row in picture.aged(shown)[name] if row[age] is not None} == ages
    assert picture_of(applied({}, change({}, parts_of(shown), shown["at"])), shown["at"]) == shown
    labels = {visit["label"] for run in shown["runs"] for visit in run["visits"]}
    assert labels <= {"stale", None} and "stale" in labels
    monkeypatch.undo()
    again = pictures.newest(morning.now)
    assert again["old_since_at"] is None and "picture_failed" not in words(again)


def test_a_picture_that_fails_from_the_start_on_is_an_empty_one_with_every_press(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bridge starts, the page opens, and what is known is there."""
    morning = stood()
    monkeypatch.setattr(picture, "snapshot", fault)
    shown = Pictures(morning.bridge).newest(morning.now)
    assert shown["old_since_at"] == shown["at"] == int(morning.now)
    assert [row["incident_id"] for row in shown["incidents"]] == ["t01-1-first"]
    assert words(shown)["picture_failed"] == "severe" and shown["trucks"] == shown["runs"] == []


def test_a_picture_that_is_old_is_ill_health_and_the_pages_open_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with a reason; the picture, the trucks and the figures for Prometheus are answered."""
    morning = Morning(tmp_path / "records")
    pictures, desk = Pictures(morning.bridge), Desk()
    client = screen_of(desk, morning.store)
    for broken in (False, True):
        if broken:
            # A fault of ours in one part of it.
            monkeypatch.setattr(picture, "_run", fault)
        desk.show(pictures.newest(morning.now))
        answer = client.get("/healthz")
        assert (answer.status_code, answer.json()["ok"]) == ((503, False) if broken else (200, True))
        for path in ("/api/v1/picture", "/api/v1/trucks", "/metrics"):
            assert client.get(path).status_code == 200
    assert "no picture can be made" in answer.json()["trouble"]
    morning.close()


def rotten(morning: Morning) -> None:
    """A row of the record is not what was written any more, and somebody reads it."""
    with morning.store.database.writing() as connection:
        connection.execute("UPDATE record SET body = '{}' WHERE row = (SELECT max(row) FROM record)")
    for kind in morning.store.kinds():
        list(morning.store.scan(kind))


def unreadable(morning: Morning) -> None:
    """Nothing of the record can be read."""

    def health() -> None:
        raise Corrupt("the file is no database")

    morning.store.health = health


@pytest.mark.parametrize(
    ("damage", "why"), [(rotten, "is not what was written"), (unreadable, "the file is no database")]
)
def test_damage_of_the_record_is_on_the_screen_and_severe(
    damage: Callable[[Morning], None], why: str, tmp_path: Path
) -> None:
    """Within seconds, since when it is known, and it stays there as long as it is so."""
    morning = Morning(tmp_path / "records")
    pictures = Pictures(morning.bridge)
    morning.press("breakdown")
    morning.step()
    assert "record_damaged" not in words(pictures.newest(morning.now))
    damage(morning)
    morning.step(LOOK_EVERY_S)
    since = int(morning.now)
    for _ in range(2):
        shown = pictures.newest(morning.now)
        row = next(row for row in shown["attention"] if row["word"] == "record_damaged")
        assert (row["level"], row["since"]) == ("severe", since) and why in row["values"]["why"]
        morning.step(LOOK_EVERY_S)
    morning.store.health = lambda: {"damage": []}
    assert "record_damaged" not in words(pictures.newest(morning.now))
    morning.close()


@pytest.mark.parametrize("damaged", [False, True])
def test_a_record_that_is_away_for_a_moment_is_not_damaged_and_heals_nothing(damaged: bool, tmp_path: Path) -> None:
    """It is said as what it is, on the screen and by /healthz once each, and it is over when the record answers."""
    morning = Morning(tmp_path / "records")
    pictures, desk, health = Pictures(morning.bridge), Desk(), morning.store.health
    client = screen_of(desk, morning.store)

    def away() -> None:
        raise Unavailable("no server at this address")

    if damaged:
        morning.press("breakdown")
        morning.step()
        rotten(morning)
    pictures.newest(morning.now)
    morning.step(LOOK_EVERY_S)
    morning.store.health = away
    desk.show(pictures.newest(morning.now))
    assert [(row["word"], row["why"]) for row in desk.picture["health"]] == [
        ("store_trouble", "no server at this address")
    ]
    assert [row["word"] for row in client.get("/healthz").json()["reasons"]] == ["store_trouble"]
    assert ("record_damaged" in words(desk.picture)) == damaged
    morning.step(LOOK_EVERY_S)
    morning.store.health = health
    shown = pictures.newest(morning.now)
    assert shown["health"] == [] and ("record_damaged" in words(shown)) == damaged
    morning.close()
