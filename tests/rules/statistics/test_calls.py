"""Calls against what came true: by room, and one by one with the parts of its promise."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.rules.statistics.calls import CallScore, call_scores, scored_calls
from broker.rules.statistics.explained import Explained, Part, explained
from tests.support.facts import DAY, NOON, ZONE, Fact, visit

CALLED = NOON - 960


def call(rests_on: Any = None, room: str = "r03", **body: Any) -> Fact:
    """A call of run1, for noon."""
    about = {"run_id": "run1", "room": room, "visit_number": 1, "truck": "t01", "waste": "unit_wet", "label": "live"}
    full = {**about, "called_at": CALLED, "eta_at": NOON, "arrived_at": None, "how": None, "rests_on": rests_on, **body}
    return Fact("call", f"run1.{room}.1", f"call:run1.{room}.1:1", CALLED, full)


def made(room: str, arrived_at: int | None, left_at: int | None, **body: Any) -> Fact:
    """A visit of run1 as it was."""
    return visit(f"run1/{room}/1", room=room, arrived_at=arrived_at, left_at=left_at, **body)


def told(*facts: Fact, room: str = "r03") -> Explained:
    """That room's call."""
    return explained(facts, f"run1.{room}.1")


BASIS = {"fix_at": CALLED - 4, "visits": [
    ["r01", 1, CALLED + 100, 120, 2], ["r02", 1, CALLED + 400, 100, None], ["r03", 1, NOON, 90, 4]]}  # fmt: skip


def test_the_parts_are_as_believed_beside_what_was() -> None:
    """A stay three times as long is found, with the bins that nobody had counted on."""
    first = made("r01", CALLED + 110, CALLED + 510, bins_before=7)
    one = told(call(BASIS), first, made("r02", CALLED + 700, CALLED + 800), made("r03", NOON + 230, None))
    assert one.parts is not None
    assert [(part.kind, part.room, part.expected_s, part.true_s) for part in one.parts] == [
        ("leg", "r01", 100, 110), ("stay", "r01", 120, 400), ("leg", "r02", 180, 190), ("stay", "r02", 100, 100),
        ("leg", "r03", 460, 390),
    ]  # fmt: skip
    assert (one.lead_s, one.error_s, one.fix_at) == (1190, 230, CALLED - 4)
    assert one.largest == Part("stay", "r01", 120, 400, 2, 7)


def test_a_truck_that_stood_when_the_room_was_called_has_the_rest_of_its_stay() -> None:
    """What it had stood already is no part of the lead."""
    basis = {"fix_at": CALLED, "visits": [["r01", 1, CALLED - 50, 120, 2], ["r03", 1, NOON, 90, None]]}
    one = told(call(basis), made("r01", CALLED - 50, CALLED + 60), made("r03", NOON, None))
    assert one.parts == (Part("stay", "r01", 70, 60, 2, 6), Part("leg", "r03", 890, 900))


def test_a_room_that_was_not_made_is_a_part_of_the_way() -> None:
    """Skipped, or made after all others: nobody knows its stay, and it is named; so is one that nobody believed in."""
    unmade = made("r01", None, None, state="skipped")
    extra = made("r09", CALLED + 600, CALLED + 700)
    one = told(call(BASIS), unmade, made("r02", CALLED + 300, CALLED + 350), extra, made("r03", NOON, None))
    assert one.parts == (
        Part("way", "r02", 400, 300), Part("stay", "r02", 100, 50, None, 6), Part("leg", "r03", 460, 610),
    )  # fmt: skip
    assert (one.unmet, one.between) == (("r01",), ("r09",))
    late = told(call(BASIS), made("r01", NOON + 10, NOON + 99), made("r03", NOON, None))
    assert late.parts == (Part("way", "r03", 960, 960),)
    assert late.unmet == ("r01", "r02")


def test_a_run_that_had_not_begun_has_no_drive_to_its_first_room() -> None:
    """Its start and that drive are one."""
    one = told(call(BASIS, label="timetable"), made("r01", CALLED + 110, CALLED + 200), made("r03", NOON, None))
    assert one.parts is not None
    assert [part.kind for part in one.parts] == ["way", "stay", "way"]


def test_a_call_whose_truck_never_came_has_no_truth_but_what_was_believed() -> None:
    """Of the last leg; what was made before that is known."""
    skipped = made("r03", None, None, state="skipped", reason="lane_blocked")
    one = told(call(BASIS, how="skipped"), made("r01", CALLED + 100, CALLED + 220), skipped)
    assert one.parts is not None and one.parts[-1] == Part("way", "r03", 740, None)
    assert (one.lead_s, one.error_s, one.how, one.reason) == (None, None, "skipped", "lane_blocked")


def test_what_was_learned_stands_beside_the_parts_where_the_call_kept_it() -> None:
    """Of a way of several drives nothing; of rows that are not as the bridge writes them nothing."""
    learned = [[False, 1.0, 1.0, True], [True, 1.2, 0.9, False], [True, 1, 1, True]]
    came = made("r01", CALLED + 110, CALLED + 510), made("r02", CALLED + 700, CALLED + 800), made("r03", NOON, None)
    one = told(call({**BASIS, "learned": learned}), *came)
    assert [(part.known, part.half_hour, part.today) for part in one.parts or ()] == [
        (False, 1.0, 1.0), (True, None, None), (True, 1.2, 0.9), (False, None, None), (True, 1.0, 1.0),
    ]  # fmt: skip
    with_streets = [[*row, [10.0, -30.0]] for row in learned]
    parts = told(call({**BASIS, "learned": with_streets}), *came).parts or ()
    assert [(sum(map(abs, part.streets_s)), len(part.streets_s)) for part in parts if part.streets_s] == [
        (part.expected_s, 2) for part in parts if part.kind == "leg"
    ]
    assert all(part.streets_s[0] > 0 > part.streets_s[1] for part in parts if part.streets_s)
    for odd in ("x", [None], [float("nan")], [True]):
        assert not any(part.streets_s for part in told(
            call({**BASIS, "learned": [[*row, odd] for row in learned]}), *came).parts or ())  # fmt: skip
    for odd in (7, [], [[True]], [[1, "x", 2, 3]] * 3, [None, None, None]):
        parts = told(call({**BASIS, "learned": odd}), *came).parts
        assert parts is not None and {part.known for part in parts} == {None}


@pytest.mark.parametrize("basis", [None, "x", {}, {"visits": []}, {"visits": [["r01", 1, None, 2, 3]]}, {"visits": 7}])
def test_a_call_without_what_it_rested_on_is_scored_all_the_same(basis: Any) -> None:
    """Of an earlier release, or of a file that somebody else wrote."""
    one = told(call(basis), made("r03", NOON + 60, None))
    assert (one.parts, one.error_s) == (None, 60)


def test_what_is_not_called_is_said() -> None:
    """Another id, or a record that says no time."""
    for facts in ((), (call(),), (call(room="r02", called_at=None),)):
        with pytest.raises(ValueError, match=r"no call 'run1\.r02\.1' on record"):
            told(*facts, room="r02")


SECONDS = st.integers(-100, 2000)


@given(st.lists(st.tuples(SECONDS, SECONDS, st.none() | SECONDS, st.none() | SECONDS), max_size=6), SECONDS, SECONDS)
def test_the_parts_add_up_to_the_promise_and_to_the_lead(rows: list[Any], eta_s: int, lead_s: int) -> None:
    """Whatever was believed and whatever came of it."""
    eta_at, arrived_at = CALLED + eta_s, CALLED + abs(lead_s)
    believed = [[f"q{n}", 1, CALLED + row[0], abs(row[1]), None] for n, row in enumerate(rows)]
    came = [
        made(f"q{n}", *(None if one is None else CALLED + one for one in row[2:])) for n, row in enumerate(rows)
    ]
    basis = {"fix_at": None, "visits": [*believed, ["r03", 1, eta_at, 90, None]]}
    one = told(call(basis, eta_at=eta_at), *came, made("r03", arrived_at, None))
    assert one.parts is not None
    assert sum(part.expected_s for part in one.parts) == eta_s
    assert sum(part.true_s or 0 for part in one.parts) == one.lead_s
    assert sum(part.error_s or 0 for part in one.parts) == one.error_s


def scored(*facts: Fact, by: tuple[str, ...] = ("room",)) -> list[CallScore]:
    """The scores of the day."""
    return call_scores(scored_calls(facts, ZONE, DAY, DAY), by)


def test_rooms_are_scored_by_how_far_their_calls_miss_the_band_the_worst_first() -> None:
    """Each call against its visit; a room whose truck never came stands last."""
    facts = [
        call(room="r01"), made("r01", CALLED + 500, None), call(room="r02"), made("r02", CALLED + 900, None),
        call(room="r03"), made("r03", CALLED + 1230, None), call(room="r04"),
    ]  # fmt: skip
    more = Fact("call", "run2.r02.1", "call:run2.r02.1:1", CALLED, {**call(room="r02").body, "run_id": "run2"})
    facts += [more, visit("run2/r02/1", room="r02", run_id="run2", arrived_at=CALLED + 700)]
    rooms = scored(*facts)
    assert [(one.room, one.calls, one.scored, one.outside_band_s) for one in rooms] == [
        ("r01", 1, 1, 310), ("r03", 1, 1, 60), ("r02", 2, 2, 55), ("r04", 1, 0, None),
    ]  # fmt: skip
    second = rooms[2]
    assert (second.calls_13_to_19, second.calls_short, second.median_lead_s) == (1, 0, 800)
    assert (second.worst_call, second.worst_lead_s) == ("run2.r02.1", 700)
    assert scored_calls(facts, ZONE, "2026-11-23", "2026-11-23") == []


def test_a_calls_kind_is_what_its_truck_did_also_where_its_record_does_not_say() -> None:
    """What came upon the truck afterwards goes before that; records of before know a label, the rest is the run's."""
    reached = made("r01", CALLED - 60, CALLED - 10)
    for body, visits, kind in (
        ({"kind": "live"}, (), "live"), ({"kind": "first_leg", "held_at": CALLED + 60}, (), "held"),
        ({"kind": "second", "held_at": CALLED + 60}, (), "second"), ({"label": "timetable"}, (), "not_begun"),
        ({"label": "timetable"}, (reached,), "not_begun"), ({"label": "live"}, (reached,), "live"),
        ({"label": "history"}, (made("r01", CALLED + 60, None),), "first_leg"),
        ({"label": None}, (made("r03", NOON, None, original=False),), "second"),
    ):  # fmt: skip
        (one,) = scored(call(**body), *visits, by=("kind",))
        assert one.kind == kind, (body, visits)


def test_the_first_record_of_a_call_says_what_it_was_made_of_the_last_what_became_of_it() -> None:
    """A later bridge may know neither label nor kind; when the lamp was on is said once."""
    first = call(kind="not_begun", label="timetable")
    forgot = {**first.body, "label": None, "kind": None}
    lit = Fact("call", first.key, "call:x:2", CALLED + 20, {**forgot, "lit_at": CALLED + 9})
    last = Fact("call", first.key, "call:x:3", NOON, {**first.body, "label": "live", "kind": "live", "how": "served"})
    (one,) = scored_calls([last, first, lit, made("r03", NOON + 30, None)], ZONE)
    assert (one.kind, one.late_s, one.dark_s, one.is_unmet, one.route) == ("not_begun", 30, 9, False, "A")


def test_scores_tell_room_route_day_and_kind_apart_the_worst_first() -> None:
    """And say which part of the promises was off most; a call that no truck answered counts as such."""
    off = [["stay", "r01", 400], ["leg", "r03", -30]]
    facts = [
        call(room="r03", kind="live", off=off), made("r03", NOON + 370, None),
        call(room="r02", kind="live", off=[["leg", "r02", 10]]), made("r02", NOON + 10, None),
        call(room="r04", kind="live", how="skipped"), made("r04", None, None, state="skipped"),
    ]  # fmt: skip
    rows = scored(*facts, by=("room", "route", "day", "kind"))
    assert [(one.room, one.route, one.day, one.kind) for one in rows] == [
        ("r03", "A", DAY, "live"), ("r02", "A", DAY, "live"), ("r04", "A", DAY, "live"),
    ]  # fmt: skip
    assert (rows[0].off_most, rows[0].off_room, rows[0].off_s, rows[0].median_late_s) == ("stay", "r01", 400, 370)
    (whole,) = scored(*facts, by=("kind",))
    assert (whole.calls, whole.scored, whole.unmet, whole.off_s) == (3, 2, 1, 200)


@pytest.mark.parametrize("off", [None, 7, "x", [7], [["leg", "r01"]], [["leg", "r01", True]], [[1, 2, 3]]])
def test_what_was_off_is_read_as_the_bridge_writes_it_or_not_at_all(off: Any) -> None:
    """A record may be somebody else's."""
    (one,) = scored(call(off=off), made("r03", NOON + 60, None))
    assert (one.off_most, one.median_late_s) == (None, 60)


def test_a_lamp_that_came_on_late_is_what_was_off() -> None:
    """The keeper saw it so much later: the lead that was met is shorter."""
    (one,) = scored(call(lit_at=CALLED + 240, off=[["leg", "r03", 30]]), made("r03", NOON + 30, None))
    assert (one.off_most, one.off_room, one.off_s) == ("lamp", "r03", -240)
