"""The figures where the records are odd: clicks days later, presses without a clock, what never was, wrong types."""

from pathlib import Path

import pytest

from broker.reports import tables
from broker.reports.day_report import DAYS_SHOWN
from broker.reports.figures import facts_of, figures_of
from broker.rules.statistics.cube import count, total
from broker.rules.statistics.findings import disagreeing, lanes, weigh_ins
from broker.store import Record
from broker.store.days import Days
from broker.store.sqlite.store import SQLiteStore
from broker.web.pages import day_report
from tests.support.bridge.morning import DAY as MORNING
from tests.support.bridge.morning import Morning
from tests.support.facts import DAY, NAMES, NOON, ZONE, Fact, day_total, keeper, visit, weighing, workflow

HOUR, NEXT = 3600, "2026-11-23"
MIDNIGHT = Days(ZONE).start(NEXT)


# --- minutes outside ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "minutes"),
    [
        ({"arrived_at": None, "left_at": NOON + 48 * HOUR}, None),
        ({"arrived_at": None, "left_at": NOON + 48 * HOUR, "passed_at": NOON}, 16),
        ({"left_at": NOON + 48 * HOUR}, 16),
        ({"left_at": NOON - 60}, 16),
        ({"left_at": NOON + 4 * HOUR}, 16 + 240),
        ({"state": "skipped", "arrived_at": None, "at": NOON + 48 * HOUR}, None),
        ({"state": "skipped", "arrived_at": None, "at": NOON + 48 * HOUR, "passed_at": NOON + 60}, 17),
        ({"state": "skipped", "arrived_at": None, "at": NOON + 600, "passed_at": NOON}, 26),
        ({"state": "skipped", "arrived_at": None, "at": NOON + 5 * HOUR, "passed_at": NOON + 2 * HOUR}, 316),
    ],
    ids=["served by a click", "passed, then a click", "left by a click", "left before it came", "a long stay",
         "skipped days later", "passed, skipped days later", "skipped at once", "held for hours, then skipped"],
)  # fmt: skip
def test_bins_do_not_stand_outside_until_somebody_tidies_up(changes, minutes):
    """A click hours later says when a person looked at the list, not when the bins were gone."""
    figures = day_total(visit(**changes))
    assert (figures["outside_s"] // 60 if figures["outside_known"] else None) == minutes


def test_a_click_on_a_passed_visit_two_days_later_ends_its_minutes_when_the_truck_passed(tmp_path: Path):
    """Called, passed without a stop, and found on the list at the weekend."""
    key = "run1/r01/1"
    due = visit(key, at=NOON - 960, state="due", arrived_at=None, left_at=None)
    passed = visit(key, at=NOON, number=2, state="due", arrived_at=None, left_at=None, passed_at=NOON)
    clicked = visit(key, at=NOON + 48 * HOUR, number=3, arrived_at=None, left_at=NOON + 48 * HOUR, passed_at=NOON)
    store = SQLiteStore(tmp_path / "s", "xh", ZONE, lambda: NOON, min_free_bytes=0)
    store.append([Record(one.id, "visit", key, one.at, one.at, "xh", one.body) for one in (due, passed, clicked)])
    figures = total(figures_of(store, DAY, DAY, ZONE), DAY, DAY)
    assert figures is not None and (figures["served"], figures["outside_s"]) == (1, 960)
    store.close()


@pytest.mark.parametrize(
    ("state", "minutes"), [("served", [20, 18]), ("pending", [18])], ids=["it was served", "its truck is on the way"]
)
def test_a_press_belongs_to_the_visit_it_was_made_for(state, minutes):
    """One keeper, two trucks: bins rolled out for the first waste's call are not counted for the next waste too."""
    first = visit(due_at=NOON - 960, state=state, left_at=NOON + 300)
    if state != "served":
        first = visit(due_at=NOON - 960, state="due", arrived_at=None, left_at=None)
    second = visit(
        "run2/r01/1", run_id="run2", waste="hazardous", due_at=NOON + 600, arrived_at=NOON + 1500, left_at=NOON + 1680
    )
    cube = count([first, second, keeper(NOON - 900)], ZONE)
    found = [figures["outside_s"] // 60 for figures in cube.values() if figures["outside_known"]]
    assert sorted(found, reverse=True) == minutes


def test_bins_rolled_out_for_a_run_that_does_not_come_wait_for_the_next_of_its_waste():
    """A press in the time of another waste is that one's; in the time of a late run of the same waste it counts."""
    late = visit(due_at=NOON - 3600, state="due", arrived_at=None, left_at=None)
    came = visit("run2/r01/1", run_id="run2", due_at=NOON - 960)
    assert day_total(late, came, keeper(NOON - 3000))["outside_s"] == 3240
    assert day_total(visit("x/r01/1", waste="hazardous", run_id="x", due_at=NOON - 3600, arrived_at=None, state="due"),
                     came, keeper(NOON - 3000))["outside_s"] == 1200  # fmt: skip


def test_a_second_visit_without_a_mark_is_known_by_its_number():
    """A record of an early release does not say `original`: the first visit is, the others are not."""
    for number, returned in ((1, 0), (2, 1)):
        body = visit(f"run1/r01/{number}", visit_number=number)
        assert "original" not in body.body and day_total(body)["returned"] == returned
    assert day_total(visit("run1/r01/2", visit_number=2, original=None))["returned"] == 1


# --- presses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [{"pressed_at": None, "raised_at": NOON}, {"pressed_at": None, "raised_at": None}], ids=["raised", "noted"]
)
def test_a_press_without_a_clock_lies_where_it_came_in(body):
    """It does not move when somebody clears it next day, and it has its minutes."""
    cleared = MIDNIGHT + HOUR
    press = {**workflow(1, NOON).body, **body, "cleared_at": None}
    facts = [
        Fact("workflow", "t01/i1", "workflow:t01/i1:1", NOON, press),
        Fact("workflow", "t01/i1", "workflow:t01/i1:2", cleared, {**press, "cleared_at": cleared}),
    ]
    figures = day_total(*facts)
    assert (figures["incidents"], figures["incident_s"]) == (1, cleared - NOON)
    (lane,) = lanes(facts, ZONE)
    assert (lane.hour, lane.blocked_s) == (12, cleared - NOON)


def test_what_was_taken_back_never_was(tmp_path: Path):
    """On the bridge: a press withdrawn within seconds, and the decision to wait, leave no visit and no minutes."""
    before: dict[str, int] = {}
    for how in ("not pressed", "withdrawn", "wait"):
        morning = Morning(tmp_path / how)
        morning.serve(0)
        morning.drive_to(1)
        morning.step(2)
        if how != "not pressed":
            incident_id = morning.press()
            morning.step(5)
            if how == "wait":
                morning.act("decide", incident_id, decision="wait")
            else:
                morning.press(incident_id=incident_id, withdrawn=True, pressed_at=int(morning.now) - 5)
        morning.step(5)
        day = str(MORNING)
        figures = total(figures_of(morning.store, day, day, ZONE), day, day)
        morning.close()
        assert figures is not None
        names = ("visits", "served", "skipped", "cancelled")
        before = before or figures
        assert [figures[name] for name in names] == [before[name] for name in names]
        assert (figures["incidents"], figures["incidents_withdrawn"]) == {
            "not pressed": (0, 0), "withdrawn": (0, 1), "wait": (1, 0),
        }[how]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "cancelled"),
    [({}, 0), ({"due_at": NOON}, 1), ({"undone": False}, 1)],
    ids=["taken back", "already called", "given up by a person"],
)
def test_a_cancelled_visit_counts_unless_it_was_never_to_happen(changes, cancelled):
    """Only the second visit that an undo takes back before its call is none."""
    undone = {"state": "cancelled", "reason": "other", "original": False, "due_at": None, "arrived_at": None,
              "undone": True}  # fmt: skip
    figures = day_total(visit(), visit("run1/r02/2", visit_number=2, **{**undone, **changes}))
    assert (figures["visits"], figures["cancelled"]) == (1 + cancelled, cancelled)


def test_a_withdrawn_press_has_no_minutes():
    """It is counted, apart from the incidents."""
    figures = day_total(workflow(1, NOON), workflow(2, NOON, workflow="withdrawn"))
    assert (figures["incidents"], figures["incidents_withdrawn"], figures["incident_s"]) == (1, 1, 600)


def test_a_lane_that_is_still_blocked_has_no_minutes_yet():
    """None, and not 0, where no press of it has ended."""
    (lane,) = lanes([workflow(1, NOON, cleared_at=None)], ZONE)
    assert (lane.blocked_s, lane.still_blocked) == (None, 1)


# --- punctuality and calls ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("late_s", "on_time"), [(-301, 0), (-300, 1), (300, 1), (301, 0), (-1200, 0)])
def test_too_early_is_not_on_time(late_s, on_time):
    """Five minutes count on both sides, against the plan and against the promise."""
    figures = day_total(visit(planned_at=NOON - late_s, promised_at=NOON - late_s))
    assert (figures["plan_on_time"], figures["promise_on_time"]) == (on_time, on_time)


def test_a_corrected_arrival_moves_the_call_s_lead_too():
    """The call's record keeps what was noted; the figures take its visit's arrival as it stands now."""
    about = {"run_id": "run1", "room": "r01", "visit_number": 1, "called_at": NOON - 960, "lead_s": 960}
    call = Fact("call", "c", "call:c:1", NOON, {**about, "arrived_at": NOON})
    for arrived_at, scored, good in ((NOON, 1, 1), (NOON + 600, 1, 0), (None, 0, 0)):
        figures = day_total(visit(arrived_at=arrived_at), call)
        assert (figures["calls_scored"], figures["calls_13_to_19"]) == (scored, good)
    assert day_total(call)["calls_13_to_19"] == 1  # its visit is not on record: as it says itself
    early = Fact("call", "c", "call:c:1", NOON, {**about, "lead_s": None, "arrived_at": NOON - 360})
    assert day_total(early)["calls_short"] == 0 and day_total(early)["calls_scored"] == 1


def test_a_day_asked_alone_has_what_lies_over_midnight(tmp_path: Path):
    """A call before midnight and its arrival after it, the keeper's button between: each figure lies on its day."""
    call = {"run_id": "run1", "room": "r01", "visit_number": 1, "waste": "unit_wet", "called_at": MIDNIGHT - 960}
    facts = [
        visit(at=MIDNIGHT - 960, state="due", due_at=MIDNIGHT - 960, arrived_at=None, left_at=None),
        visit(at=MIDNIGHT + 300, number=2, due_at=MIDNIGHT - 960, arrived_at=MIDNIGHT, left_at=MIDNIGHT + 240),
        Fact("call", "c", "call:c:1", MIDNIGHT - 960, {**call, "lead_s": None}),
        Fact("call", "c", "call:c:2", MIDNIGHT, {**call, "lead_s": 960}),
        keeper(MIDNIGHT - 600),
    ]
    store = SQLiteStore(tmp_path / "s", "xh", ZONE, lambda: NOON, min_free_bytes=0)
    store.append([Record(fact.id, fact.kind, fact.key, fact.at, fact.at, "xh", fact.body) for fact in facts])
    before, after = (total(figures_of(store, day, day, ZONE), day, day) for day in (DAY, NEXT))
    assert before is not None and (before["calls_13_to_19"], before["visits"]) == (1, 0)
    assert after is not None and (after["served"], after["outside_s"], after["calls"]) == (1, 840, 0)
    store.close()


@pytest.mark.parametrize("gap_s", [600, 86_400], ids=["over midnight", "a day later"])
def test_a_day_asked_alone_knows_what_its_records_follow_from(tmp_path: Path, gap_s: int):
    """A lamp that stayed lit over midnight, a run that was weighed before, a call that was scored afterwards."""
    before, after = MIDNIGHT - 600, MIDNIGHT - 600 + gap_s + 600
    skipped = {"state": "skipped", "arrived_at": None, "left_at": None, "due_at": before - 960, "kept_lit": True}
    back = {"original": False, "visit_number": 2, "due_at": after - 900, "arrived_at": after, "left_at": after}
    call = {"run_id": "other", "waste": "unit_wet", "called_at": before}
    facts = [
        visit(at=before, **skipped), visit("run1/r01/2", at=after, **back),
        weighing(1, 1000, at=before), weighing(2, 2000, at=after),
        Fact("call", "c", "call:c:1", before, {**call, "lead_s": None}),
        Fact("call", "c", "call:c:2", after, {**call, "lead_s": 960}),
    ]  # fmt: skip
    store = SQLiteStore(tmp_path / "s", "xh", ZONE, lambda: NOON, min_free_bytes=0)
    store.append([Record(fact.id, fact.kind, fact.key, fact.at, fact.at, "xh", fact.body) for fact in facts])
    day, next_day = Days(ZONE).of(before), Days(ZONE).of(after)
    figures = [total(figures_of(store, one, one, ZONE), one, one) for one in (day, next_day)]
    assert figures[0] is not None and figures[0]["calls_13_to_19"] == 1
    assert figures[1] is not None and figures[1]["outside_s"] == after - before
    assert weigh_ins(facts_of(store, next_day, next_day, ZONE), ZONE, next_day, next_day) == []
    store.close()


# --- weigh-ins ---------------------------------------------------------------------------------------------


def test_every_weigh_in_counts_whatever_its_key():
    """The key of a weigh-in is its truck: each record is one of its own."""
    loads = [
        Fact("weighing", "t01", f"weighing:t01:{n}", NOON + n, {**weighing(n, grams).body, "at": NOON + n})
        for n, grams in enumerate((100_000, 200_000, 50_000))
    ]
    figures = day_total(*loads)
    assert (figures["weighings"], figures["weighed_grams"]) == (3, 350_000)
    assert [one.weighed_grams for one in weigh_ins(loads, ZONE)] == [350_000]


@pytest.mark.parametrize("names", [(1, 2), (9, 2)], ids=["in order", "the later id is the smaller"])
def test_a_run_weighed_over_midnight_is_of_the_day_it_was_first_weighed(names):
    """One row, whichever record comes first; asked for the second day alone it is not there again."""
    late, early = weighing(names[1], 50_000, at=MIDNIGHT + 600), weighing(names[0], 100_000, at=MIDNIGHT - 600)
    for facts in ([visit(), early, late], [late, early, visit()]):
        (one,) = weigh_ins(facts, ZONE, DAY, DAY)
        assert (one.day, one.weighed_grams, one.rooms_grams) == (DAY, 150_000, 250_000)
        assert weigh_ins(facts, ZONE, NEXT, NEXT) == []


# --- disagreements -----------------------------------------------------------------------------------------

NO_COUNT = {"bins_before": None, "bins_after": None}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bins_before": 0, "bins_after": 3, "grams_before": None}, ("count_rose",)),
        ({"bins_before": 2, "bins_after": 3, "grams_before": None}, ("count_rose",)),
        ({**NO_COUNT, "grams_before": 100, "grams_after": 900_000}, ("weight_rose",)),
        ({**NO_COUNT, "grams_before": 300_000, "grams_after": 299_800}, ("served_but_weight_stayed",)),
        ({**NO_COUNT, "grams_before": 1000, "grams_after": 1000}, ()),
        ({**NO_COUNT, "grams_before": 300_000, "grams_after": 150_000}, ()),
        ({**NO_COUNT, "state": "skipped", "grams_before": 300_000, "grams_after": 0}, ("skipped_but_weight_fell",)),
        ({**NO_COUNT, "state": "skipped", "grams_before": 300_000, "grams_after": 299_000}, ()),
        ({**NO_COUNT, "state": "skipped", "grams_before": 0, "grams_after": 90_000}, ()),
    ],
)
def test_rooms_with_a_load_cell_only_can_contradict_too(changes, words):
    """The weight against the crew where nobody counts, and rises, which nobody collects."""
    fact = visit(**changes)
    assert tuple(word for one in disagreeing([fact], ZONE) for word in one.words) == words
    figures = day_total(fact)
    assert figures["disagreements"] == bool(words)
    page = day_report.day_report([fact], count([fact], ZONE), "xh", DAY, "zh", ZONE, NAMES)
    assert "served_but" not in page and "_rose" not in page


def test_a_disagreement_says_nothing_where_nothing_is_said():
    """A record without room, truck or waste does not print None."""
    (row,) = tables.finding_rows(
        "disagreements", [visit(room=None, truck=None, waste=None, bins_after=6)], ZONE, DAY, DAY
    )
    assert (row["room"], row["truck"], row["waste"]) == ("", "", "")


# --- what is not known, and what is no time ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "bins"),
    [
        ([visit(state="pending", arrived_at=None, left_at=None, due_at=None)], None),
        ([workflow(1, NOON)], None),
        ([weighing(1, 1000)], None),
        ([visit(state="skipped"), visit("x/r02/1", room="r02", state="pending")], None),
        ([visit(state="skipped"), visit("x/r02/1", room="r02", state="cancelled")], 0),
    ],
    ids=["pending", "only an incident", "only a weigh-in", "one skipped, one open", "skipped and cancelled"],
)
def test_nothing_collected_is_known_only_of_visits_that_are_over(facts, bins):
    """A zero needs visits, all of them skipped or cancelled; else the cell is empty and the chart has a gap."""
    (row,) = tables.rows(count(facts, ZONE), "day", [], DAY, DAY)
    assert (row["bins"], row["grams"], row["gap"]) == (bins, bins, False)
    page = day_report.day_report(facts, count(facts, ZONE), "xh", DAY, "en", ZONE, NAMES)
    last_days = page[page.index("Bins collected") : page.index("How early")]
    assert last_days.count('class="gap"') == DAYS_SHOWN - (bins == 0)


def test_days_known_are_those_that_were_asked():
    """A week of which one day was asked knows one day, whatever lies around it."""
    cube = count([visit(), visit("x/r02/1", arrived_at=NOON - 86_400)], ZONE)
    (row,) = tables.rows(cube, "week", [], DAY, DAY)
    assert (row["days"], row["days_known"]) == (1, 1)


@pytest.mark.parametrize("wrong", ["x", 1.5, True, [1], -1, 10**15])
def test_times_of_a_wrong_type_stop_no_figure(wrong):
    """What is no time is not known: the record still counts, on the day of what is known."""
    times = ("planned_at", "promised_at", "due_at", "arrived_at", "left_at", "passed_at")
    for name in times:
        assert day_total(visit(**{name: wrong}))["served"] == 1
    figures = day_total(visit(**dict.fromkeys(times, wrong)))
    assert [figures[name] for name in ("served", "plan_known", "promise_known", "outside_known")] == [1, 0, 0, 0]
    facts = [workflow(1, NOON, **{name: wrong}) for name in ("cleared_at",)]
    facts += [workflow(2, NOON, pressed_at=wrong, raised_at=NOON), weighing(1, 1000, at=wrong)]
    facts[-1] = Fact("weighing", "t01", "weighing:t01:1", NOON, facts[-1].body)
    facts += [Fact("call", "c", "call:c:1:1", NOON, {"called_at": wrong, "lead_s": 960})]
    figures = day_total(*facts)
    assert (figures["incidents"], figures["incidents_open"], figures["weighings"], figures["calls"]) == (2, 1, 1, 0)
    assert lanes(facts, ZONE)[0].incidents == 2 and len(weigh_ins(facts, ZONE)) == 1
