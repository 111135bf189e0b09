"""`explain call`: what a keeper's complaint is answered with, from the record of a morning."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.__main__ import main
from broker.plan.model import Route
from broker.reports import day_report
from broker.reports.explained_call import as_text, explained_in
from broker.reports.words import WORDS, word
from broker.rules.arrival.believed import learned_on_the_way
from broker.rules.arrival.prediction import Eta
from broker.rules.learning.history import History, HistorySettings
from broker.rules.learning.observations import LegRecord
from broker.rules.settings import FirstStay, Streets
from broker.rules.statistics.cube import count
from broker.rules.statistics.explained import explained
from broker.rules.statistics.periods import Period
from broker.rules.tracking.tracker import RunTracker
from broker.rules.tracking.types import TrackVisit
from tests.support.bridge.morning import DAY, Morning
from tests.support.facts import DAY as FACTS_DAY
from tests.support.facts import NAMES, NOON, ZONE, Fact, visit

LONG_STAY_S = 500
KINDS = {language: WORDS.groups(language)["call_kind"] for language in ("en", "zh")}


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Morning]:
    """Three rooms served, a long stay at the third, and on to the fourth."""
    day = Morning(tmp_path_factory.mktemp("morning") / "records", alone=True)
    for number in range(4):
        day.serve(number, LONG_STAY_S if number == 2 else 100)
    day.step(60, 5.0)
    yield day
    day.close()


def call_of(morning: Morning, number: int) -> str:
    """The id of the call of the trip's room."""
    room = morning.trip.visits[number].room_id
    return next(record.key for record in morning.store.scan("call") if record.body["room"] == room)


def test_the_long_stay_is_found_in_the_call_that_came_too_early(morning: Morning) -> None:
    """What the bridge believed when it called adds up to its promise, what happened to the arrival."""
    one = explained_in(morning.store, call_of(morning, 3))
    assert one.parts is not None and one.eta_at is not None and one.lead_s is not None
    assert sum(part.expected_s for part in one.parts) == one.eta_at - one.called_at
    assert sum(part.true_s or 0 for part in one.parts) == one.lead_s
    largest, third = one.largest, morning.trip.visits[2].room_id
    assert largest is not None and (largest.kind, largest.room) == ("stay", third)
    assert largest.true_s == pytest.approx(LONG_STAY_S, abs=30)
    assert one.fix_at is not None and 0 <= one.called_at - one.fix_at <= 90


def test_every_call_of_a_bridge_keeps_what_it_rests_on(morning: Morning) -> None:
    """Once, in its first record; each ends with the room that it is for, at the time that is promised."""
    first, later = {}, []
    for record in morning.store.scan("call"):
        if record.key in first:
            later.append(record.body)
        first.setdefault(record.key, record.body)
    assert len(first) >= 4
    for body in first.values():
        assert body["rests_on"]["visits"][-1][:3] == [body["room"], 1, body["eta_at"]]
    assert later and not any("rests_on" in body for body in later)


def test_the_last_record_of_a_call_says_its_kind_and_what_was_off(morning: Morning) -> None:
    """What was off adds up to how late the truck was; the record says where it belongs, without its visit."""
    last = {record.key: record.body for record in morning.store.scan("call")}
    bodies = [last[call_of(morning, number)] for number in range(4)]
    assert [body["kind"] for body in bodies] == ["first_leg"] * 3 + ["live"]
    for body in bodies:
        assert sum(seconds for _, _, seconds in body["off"]) == body["arrived_at"] - body["eta_at"]
        assert (body["route"], body["how"]) == (morning.route.route_id, "served")


def test_what_was_learned_of_each_part_is_told(morning: Morning) -> None:
    """Seen before or not; the time of day and today where they made a drive longer."""
    one = explained_in(morning.store, call_of(morning, 3))
    assert one.parts is not None
    drives = [part for part in one.parts if part.kind == "leg"]
    assert drives and {part.known for part in one.parts} == {False}, "of a first morning nothing was seen before"
    assert {(part.half_hour, part.today) for part in drives} == {(1.0, 1.0)}
    page = as_text(one, ZONE, {})
    assert "not seen before" in page and " today" not in page
    assert any(line.endswith("  learned") for line in page.splitlines())


def test_a_drive_is_told_street_by_street(morning: Morning) -> None:
    """A hundred metres each, together the drive; those that nobody ever drove are marked, until somebody has."""
    first, last = (explained_in(morning.store, call_of(morning, number)) for number in (0, 3))
    for one in (first, last):
        drives = [part for part in one.parts or () if part.kind == "leg"]
        assert drives and all(sum(map(abs, part.streets_s)) == part.expected_s for part in drives if part.streets_s)
    assert min(len(part.streets_s) for part in last.parts or () if part.kind == "leg") >= 5, "rooms are far apart"
    assert all(street_s <= 0 for part in first.parts or () for street_s in part.streets_s)
    assert "by 100 m of street: " in as_text(last, ZONE, {}) and "nobody ever drove there" in as_text(last, ZONE, {})
    for number in range(4):
        assert all(row[4] for row in first_record(morning, number)["rests_on"]["learned"][1:]), "those ahead are told"


def first_record(morning: Morning, number: int) -> dict[str, Any]:
    """The body of the first record of the room's call."""
    key = call_of(morning, number)
    return next(dict(record.body) for record in morning.store.scan("call") if record.key == key)


def test_factors_of_the_time_of_day_and_of_today_are_told_apart() -> None:
    """Slow streets of today are no slow half-hour; what only one half-hour shows is not today's."""
    history = History(Streets(), FirstStay(), HistorySettings(timezone=ZONE))
    noon = NOON - NOON % 86_400
    for day in range(30):
        for half_hour in range(0, 48, 6):
            slow = 2 if half_hour == 24 else 1
            at = noon - (40 - day) * 86_400 + half_hour * 1800
            history.learn_leg(LegRecord("A", "r01", "r02", 200 * slow, at, "t01", 1000.0))
    tracker = RunTracker("run1", Route("A", "A", "unit_wet", ()), "t01", two_rooms(), noon, Streets())
    etas = [Eta((room, 1), noon, noon, noon, "live") for room in ("r01", "r02")]
    quiet = learned_on_the_way(tracker, history, etas, noon)[1]
    for minute in range(5, 60, 5):
        history.learn_leg(LegRecord("A", "r01", "r02", 800, noon - 900 - minute * 60, "t01", 1000.0))
    slow = learned_on_the_way(tracker, history, etas, noon)[1]
    assert quiet.leg_known and quiet.today == pytest.approx(1.0, abs=0.01)
    assert slow.today > 1.1 and slow.half_hour == pytest.approx(quiet.half_hour, rel=0.2)


def two_rooms() -> list[TrackVisit]:
    """A kilometre apart."""
    places = {"r01": 0.0, "r02": 1000.0}
    return [TrackVisit((room, 1), 31.0, 121.0, "unit_wet", 0, None, along) for room, along in places.items()]


def test_what_a_call_remembers_is_known_after_a_restart(tmp_path: Path) -> None:
    """Its label, its kind and what it rested on: the record that a later bridge writes is as whole as any."""
    day = Morning(tmp_path / "records", alone=True)
    day.step(900)
    called = next(visit for visit in day.bridge.dispatch.day.visits.values() if visit.state == "due")
    before = day.bridge.dispatch.day.visits.watch(called.key)
    day.store.close()
    day.open()
    after = day.bridge.dispatch.day.visits.watch(called.key)
    assert (after.label, after.kind, after.rests_on) == (before.label, before.kind, before.rests_on)
    assert before.kind == "not_begun" and before.rests_on is not None
    day.close()


def test_a_correction_of_the_arrival_is_what_came_true(morning: Morning) -> None:
    """As in the figures: what a person has put right counts."""
    call_id, room = call_of(morning, 3), morning.trip.visits[3].room_id
    before = explained_in(morning.store, call_id)
    key = f"{morning.run_id}/{room}/1"
    record = morning.store.latest("visit", key)[key]
    assert before.arrived_at is not None
    morning.store.amend(record.id, {"arrived_at": before.arrived_at + 60}, "seen", "wang", int(morning.now))
    after = explained_in(morning.store, call_id)
    assert (after.lead_s, after.error_s) == ((before.lead_s or 0) + 60, (before.error_s or 0) + 60)


@pytest.mark.real
def test_the_command_tells_it_in_words_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the area's time, with sums; an id that is none is said in a line, and the ids stand in a table."""
    day = Morning(tmp_path / "records", alone=True)
    day.serve(0)
    day.serve(1)
    call_id = call_of(day, 1)
    day.close()
    where = ["--store", str(tmp_path / "records")]
    assert main(["explain", "call", call_id, *where]) == 0
    page = capsys.readouterr().out
    assert f"call {call_id}: room" in page and str(DAY) in page
    assert "believed" in page and "\ntogether " in page and "came true 0" in page
    assert main(["explain", "call", call_id, "--json", *where]) == 0
    body = json.loads(capsys.readouterr().out)
    assert body["error_s"] == sum(part["error_s"] for part in body["parts"]) == body["arrived_at"] - body["eta_at"]
    assert main(["explain", "call", "no-such", *where]) == 1
    assert "no call 'no-such' on record" in capsys.readouterr().err
    assert main(["stats", "--table", "calls", "--from", str(DAY), *where]) == 0
    assert call_id in capsys.readouterr().out


def told(*facts: Fact) -> str:
    """The page of the one call of some records."""
    (call,) = [fact for fact in facts if fact.kind == "call"]
    return as_text(explained(facts, call.key), ZONE, {})


def call(**body: object) -> Fact:
    """A call for noon."""
    about = {"run_id": "run1", "room": "r01", "visit_number": 1, "truck": "t01", "waste": "unit_wet", "label": "live"}
    return Fact("call", "c1", "call:c1:1", NOON - 960, {**about, "called_at": NOON - 960, "eta_at": NOON, **body})


def test_when_the_lamp_was_on_and_when_the_truck_was_held_is_said() -> None:
    """By any record of the call, the first time each."""
    first = call(kind="live")
    later = Fact("call", "c1", "call:c1:2", NOON - 900, {**first.body, "lit_at": NOON - 950, "held_at": NOON - 930})
    last = Fact("call", "c1", "call:c1:3", NOON, {**later.body, "lit_at": None, "held_at": NOON - 60, "how": "served"})
    page = as_text(explained([last, first, later, visit()], "c1"), ZONE, {})
    assert "while the truck was between rooms\n" in page
    assert "lamp on   11:44:10," in page and "held      11:44:30:" in page
    bare = told(call())
    assert "lamp on" not in bare and "held " not in bare and "while" not in bare


def test_nothing_is_said_of_what_is_not_known() -> None:
    """Not yet come, skipped for a reason, served at a time that nobody knows, made by an earlier release."""
    assert "came true not yet" in told(call(), visit(arrived_at=None, left_at=None, state="due"))
    skipped = visit(arrived_at=None, left_at=None, state="skipped", reason="lane_blocked")
    assert "came true it was skipped (lane_blocked)" in told(call(how="skipped"), skipped)
    by_hand = visit(arrived_at=None, left_at=None, by_hand=True)
    assert "came true nobody knows when" in told(call(how="served"), by_hand)
    early = told(call(), visit())
    assert "16:00 after the call (within 13.5 to 19.5 min)\n" in early
    assert "was not kept with this call" in early


@pytest.mark.parametrize(("language", "title"), [("en", "Calls by room, the worst first"), ("zh", "各箱房的到站提醒")])
def test_the_days_report_has_each_rooms_calls_the_worst_first(language: str, title: str) -> None:
    """By their names, with how many were within the band and how far the others were off; then by route and kind."""
    late = call(room="r02", called_at=NOON - 1500)
    facts = [call(), Fact("call", "c2", "call:c2:1", NOON, late.body), visit(), visit("run1/r02/1", room="r02")]
    period = Period.around("day", FACTS_DAY)
    report = day_report.period_report(facts, count(facts, ZONE), "xh", period, language, ZONE, NAMES)
    (chapter,) = [chapter for chapter in report.chapters if title in chapter.title]
    assert chapter.table is not None
    (worst, best) = chapter.table.rows
    assert list(worst) == ["r02", "1", "0/1", "5.5", "25.0", "25.0", ""]
    assert list(best)[1:] == ["1", "1/1", "0.0", "16.0", "16.0", ""]
    assert best[0] in ("First", "一村")
    (by_kind,) = [chapter for chapter in report.chapters if chapter.title == word(language, "calls_by_kind")]
    assert by_kind.table is not None
    assert [list(row)[:4] for row in by_kind.table.rows] == [["A", KINDS[language]["first_leg"], "2", "1/2"]]
