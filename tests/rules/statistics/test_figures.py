"""The figures: pure, addable, honest about gaps, in the area's calendar, in both languages."""

import csv
import io
import json
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.__main__ import main
from broker.plan.demo_area import demo_plan
from broker.reports import tables
from broker.reports import words as report_words
from broker.reports.day_report import DAYS_SHOWN
from broker.reports.figures import figures_of
from broker.reports.sentences import sentences
from broker.rules.statistics.cube import DIMENSIONS, MEASURES, count, fold, series, total
from broker.rules.statistics.findings import disagreeing, lanes, weigh_ins
from broker.rules.statistics.periods import days_between, period_of, periods_between
from broker.store import Record
from broker.store.days import Days
from broker.store.sqlite.store import SQLiteStore
from broker.web.api.figures.record import record_router
from broker.web.pages import day_report
from firmware.wire import SKIP_REASONS, WASTES
from tests.support.facts import DAY, NAMES, NOON, ZONE, Fact, day_total, keeper, visit, weighing, workflow
from tests.support.people import behind_the_door


def test_statistics_count_a_served_visit():
    """Collected bins and grams, punctuality against plan and promise, minutes outside from the call."""
    figures = day_total(visit())
    assert figures["visits"] == figures["served"] == 1 and figures["skipped"] == figures["returned"] == 0
    assert (figures["bins"], figures["grams"]) == (5, 250_000)
    assert (figures["plan_on_time"], figures["plan_known"], figures["plan_late_s"]) == (1, 1, 120)
    assert (figures["promise_on_time"], figures["promise_known"], figures["promise_late_s"]) == (0, 1, 600)
    assert (figures["outside_s"], figures["outside_known"]) == (1200, 1)


def test_statistics_take_the_newest_state_of_a_visit_only():
    """Five transitions are one visit; which record came last does not matter, `at` does."""
    facts = [visit(at=NOON), visit(at=NOON - 900, number=2, state="due", arrived_at=None)]
    assert day_total(*facts) == day_total(*reversed(facts)) == day_total(facts[0])


def test_statistics_do_not_count_what_is_not_known():
    """A visit without count, weight, plan or call is served and nothing else; its shares have no denominator."""
    names = ("bins_before", "grams_after", "planned_at", "promised_at", "due_at")
    figures = day_total(visit(**dict.fromkeys(names)))
    known = ("bins_known", "grams_known", "plan_known", "promise_known", "outside_known")
    assert figures["served"] == 1 and all(figures[name] == 0 for name in known)
    assert tables.share(figures, "plan_on_time_share") is None


def test_statistics_count_a_visit_by_appointment_in_kilograms_only():
    """Hazardous waste is weighed out of a bin that stays: no bin is counted, and none is missed."""
    stayed = {"bins_before": 1, "bins_after": 1, "grams_before": 40_000, "grams_after": 8_000, "by_appointment": True}
    figures = day_total(visit(waste="hazardous", **stayed))
    assert (figures["bins"], figures["bins_known"], figures["grams"]) == (0, 0, 32_000)
    assert figures["disagreements"] == 0
    rose = {**stayed, "grams_after": 80_000}
    assert day_total(visit(waste="hazardous", **rose))["disagreements"] == 1


def test_statistics_tell_skips_by_reason_and_second_visits():
    """A skipped visit and its return are two visits, one of them returned."""
    figures = day_total(
        visit(state="skipped", reason="lane_blocked", arrived_at=None, left_at=None, at=NOON),
        visit("run1/r01/2", visit_number=2, original=False),
        visit("run1/r02/1", state="skipped", reason="a word of a newer release", arrived_at=None),
        visit("run1/r03/1", state="cancelled"),
        visit("run1/r04/2", room="r04", visit_number=2, original=True),  # a loop that calls twice at a room
    )
    assert (figures["visits"], figures["served"], figures["skipped"], figures["cancelled"]) == (5, 2, 2, 1)
    assert figures["skipped_lane_blocked"] == figures["skipped_other"] == figures["returned"] == 1


@pytest.mark.parametrize(
    ("out_s", "due_s", "expected_s"),
    [(-900, -960, 1140), (-1200, -960, 1440), (None, -960, 1200), (-700, None, 940), (-9999, -960, 1200),
     (None, None, None), (10, -960, 230), ((-6000, -900), -960, 1140), ((-6000, -5000), -960, 5240)],
    ids=["after the call", "before the call", "no button", "no call", "long before", "nothing known", "too late",
         "for another waste, then after the call", "twice before the call"],
)  # fmt: skip
def test_statistics_know_how_long_bins_stood_outside(out_s, due_s, expected_s):
    """From bins-out where the keeper pressed, else from the call, until the truck has left."""
    facts = [visit(due_at=None if due_s is None else NOON + due_s)]
    if out_s is not None:
        facts += [keeper(NOON + at_s) for at_s in (out_s if isinstance(out_s, tuple) else (out_s,))]
        facts.append(Fact("keeper", "r01", "r01:1:2", NOON - 100, {"device": "r01", "event": "lane_clear"}))
    figures = day_total(*facts)
    assert (figures["outside_s"] if figures["outside_known"] else None) == expected_s


@pytest.mark.parametrize(
    ("kept_lit", "out_s", "minutes"),
    [(None, [-3600], 10 + 20), (False, [-3600, -1000], 10 + 20), (True, [-3600], 10 + 54), (True, [], 11 + 54)],
    ids=["not decided", "rolled in again", "lamp stayed lit", "lamp stayed lit, no button"],
)
def test_statistics_count_no_minute_outside_twice(kept_lit, out_s, minutes):
    """Called and out at eleven, skipped ten minutes later, back at noon: the lamp tells what the second visit adds."""
    skipped = visit(
        at=NOON - 3000, state="skipped", reason="lane_blocked", due_at=NOON - 3660, arrived_at=None, kept_lit=kept_lit
    )
    back = visit("run1/r01/2", visit_number=2, original=False)
    figures = day_total(skipped, back, *(keeper(NOON + at_s) for at_s in out_s))
    assert (figures["outside_s"] // 60, figures["outside_known"]) == (minutes, 2)


def test_statistics_end_the_minutes_outside_when_the_visit_was_skipped():
    """What is noted of a skipped visit later (a lamp kept lit, a count) does not keep its bins outside."""
    changes = {"state": "skipped", "reason": "not_out", "arrived_at": None, "left_at": None, "due_at": NOON - 900}
    noted = [
        visit(at=NOON - 600, state="due"),
        visit(at=NOON, number=2, **changes),
        visit(at=NOON + 300, number=3, **changes),
    ]
    assert day_total(*noted)["outside_s"] == 900


def test_statistics_place_calls_incidents_and_weigh_ins_where_their_visits_were():
    """Their records name no route, some no estate or waste: the visit or the run they belong to does."""
    of_visit = {"run_id": "run1", "room": "r01", "visit_number": 1, "truck": "t01"}
    facts = [
        visit(),
        Fact("call", "c", "call:c:1", NOON, {**of_visit, "waste": "unit_wet", "called_at": NOON, "lead_s": 960}),
        workflow(1, NOON, **of_visit),
        workflow(2, NOON, reason="breakdown", run_id="run1", room=None, visit_number=None, estate=None),
        weighing(1, 1000),
    ]
    cube = count(facts, ZONE)
    by_route = fold(cube, "day", ["route", "waste"], DAY, DAY)
    assert list(by_route) == [(DAY, "A", "unit_wet")]
    row = by_route[DAY, "A", "unit_wet"]
    assert (row["visits"], row["calls_scored"], row["incidents"], row["weighings"]) == (1, 1, 2, 1)
    by_estate = fold(cube, "day", ["estate"], DAY, DAY)
    assert by_estate[DAY, "e1"]["calls"] == 1 and by_estate[DAY, "e1"]["incidents"] == 1


def test_statistics_score_calls_in_the_benchmark_s_bands():
    """13.5-19.5, 11-21 and under 10 minutes, bounds included; a call without arrival is a call without score."""
    leads = [809, 810, 1170, 1171, 660, 1260, 599, 600, None]
    facts = [
        Fact("call", f"c{n}", f"call:c{n}:1:1", NOON, {"called_at": NOON, "lead_s": lead, "waste": "unit_wet"})
        for n, lead in enumerate(leads)
    ]
    figures = day_total(*facts)
    assert figures["calls"] == 9 and figures["calls_scored"] == 8
    assert figures["calls_13_to_19"] == 2 and figures["calls_11_to_21"] == 6 and figures["calls_short"] == 1


def test_statistics_count_incident_minutes_and_open_ones():
    """From the press until cleared, else closed; an open one has no minutes yet."""
    figures = day_total(
        workflow(1, NOON), workflow(2, NOON, cleared_at=None, closed_at=NOON + 60), workflow(3, NOON, cleared_at=None)
    )
    assert (figures["incidents"], figures["incident_s"], figures["incidents_open"]) == (3, 660, 1)


def test_findings_name_chronic_lanes_by_estate_and_hour():
    """Three different days at the same hour are chronic, three times on one day are not; withdrawn ones never count."""
    chronic = [workflow(n, NOON + n * 86_400) for n in range(3)]
    once = [workflow(10 + n, NOON + 7200 + n * 60, estate="e2") for n in range(3)]
    withdrawn = [workflow(20 + n, NOON + n * 86_400, estate="e3", workflow="withdrawn") for n in range(3)]
    found = lanes([*chronic, *once, *withdrawn], ZONE)
    assert [(lane.estate, lane.hour, lane.days, lane.chronic) for lane in found] == [
        ("e1", 12, 3, True),
        ("e2", 14, 1, False),
    ]
    (lane,) = lanes([workflow(1, NOON), workflow(2, NOON, cleared_at=None)], ZONE)
    assert (lane.incidents, lane.blocked_s, lane.still_blocked) == (2, 600, 1)


def test_findings_compare_weigh_ins_with_the_rooms():
    """All weigh-ins of a run against the sum of its rooms; a room without scale makes the difference unknown."""
    (one,) = weigh_ins([visit(), visit("run1/r02/1", room="r02"), weighing(1, 400_000), weighing(2, 110_000)], ZONE)
    assert (one.weighed_grams, one.rooms_grams, one.difference_grams) == (510_000, 500_000, 10_000)
    (one,) = weigh_ins([visit(), visit("run1/r02/1", grams_after=None), weighing(1, 400_000)], ZONE)
    assert one.difference_grams is None and one.rooms_without_scale == 1


def test_findings_compare_a_weigh_in_without_run_with_the_truck_s_day():
    """The office may not know the run: then the truck's rooms of that day count, but none of a run that was weighed."""
    other = visit("run2/r02/1", run_id="run2", room="r02", grams_before=70_000, grams_after=0)
    yesterday = visit("run0/r03/1", run_id="run0", arrived_at=NOON - 86_400)
    found = weigh_ins(
        [visit(), other, yesterday, weighing(1, 251_000), weighing(2, 69_000, run_id=None)], ZONE, DAY, DAY
    )
    assert [(one.run_id, one.truck, one.difference_grams) for one in found] == [
        ("", "t01", -1000),
        ("run1", "t01", 1000),
    ]
    assert weigh_ins([visit(), weighing(1, 1)], ZONE, "2026-11-23", "2026-11-30") == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, None),
        ({"bins_after": 6}, "served_but_count_stayed"),
        ({"state": "skipped", "arrived_at": None}, "skipped_but_count_fell"),
        ({"grams_after": 300_000}, "count_fell_but_not_weight"),
        ({"bins_before": 2, "bins_after": 1, "grams_after": 0}, "too_heavy_for_the_count"),
        ({"bins_before": 1, "bins_after": 1, "grams_after": 0}, "weight_fell_but_not_count"),
    ],
)
def test_findings_name_where_count_weight_and_crew_disagree(changes, word):
    """Each contradiction has its word; agreement has none; the count of the statistics is the length of the list."""
    found = disagreeing([visit(**changes)], ZONE)
    assert (found == []) if word is None else (word in found[0].words)
    assert day_total(visit(**changes))["disagreements"] == len(found)


def test_statistics_leave_gaps_where_there_is_no_data():
    """A day without records is None in a series and a row of nulls in a table; a day with zeros is not."""
    cube = count([visit(), visit("x/r01/1", at=NOON + 2 * 86_400, arrived_at=NOON + 2 * 86_400)], ZONE)
    days = list(series(cube, "day", "2026-11-21", "2026-11-24"))
    assert [(day, figures and figures["visits"]) for day, figures in days] == [
        ("2026-11-21", None), (DAY, 1), ("2026-11-23", None), ("2026-11-24", 1),
    ]  # fmt: skip
    table = tables.rows(cube, "day", ["waste"], "2026-11-21", DAY)
    assert table[0]["gap"] and table[0]["visits"] is None and not table[1]["gap"] and table[1]["skipped"] == 0
    assert total(cube, "2027-01-01", "2027-01-31") is None


def test_periods_follow_the_calendar():
    """ISO weeks cross the year, months end where they end, a wrong word is refused."""
    assert period_of("2027-01-01", "week") == "2026-W53" and period_of("2026-12-28", "week") == "2026-W53"
    assert periods_between("2026-11-29", "2026-12-01", "week") == ["2026-W48", "2026-W49"]
    assert periods_between("2026-11-29", "2026-12-01", "month") == ["2026-11", "2026-12"]
    with pytest.raises(ValueError, match="must be one of day week month"):
        period_of(DAY, "year")
    with pytest.raises(ValueError, match="no such dimension driver; there are waste"):
        fold({}, "day", ["driver"], DAY, DAY)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [("Europe/Berlin", "2026-03-29", 23), ("Europe/Berlin", "2026-10-25", 25), ("Asia/Shanghai", DAY, 24),
     ("America/Sao_Paulo", "2018-11-04", 23), ("Asia/Kathmandu", DAY, 24)],
)  # fmt: skip
def test_days_have_as_many_hours_as_the_clocks_say(zone, day, hours):
    """Days of 23 and 25 hours, and one whose midnight does not exist, hold exactly their own seconds."""
    days = Days(zone)
    start, end = days.span(day, day)
    assert end - start == hours * 3600
    assert days.of(start) == days.of(end - 1) == day and days.of(start - 1) < day < days.of(end)
    facts = [visit(f"x/r/{n}", arrived_at=at) for n, at in enumerate((start - 1, start, end - 1, end))]
    figures = total(count(facts, zone), day, day)
    assert figures is not None and figures["visits"] == 2


_facts = st.lists(
    st.builds(
        lambda n, day, room, waste, state, reason, bins, late_s: visit(
            f"run{n}/{room}/1", at=NOON + day * 86_400, run_id=f"run{n}", room=room, waste=waste, state=state,
            reason=reason, due_at=NOON + day * 86_400 - 960, arrived_at=NOON + day * 86_400, left_at=None,
            planned_at=NOON + day * 86_400 - late_s,
            bins_before=bins, estate=f"e{room[-1]}", truck=f"t{n % 3}",
        ),
        st.integers(0, 30), st.integers(-40, 40), st.sampled_from(["r1", "r2", "r3"]), st.sampled_from(WASTES),
        st.sampled_from(["served", "skipped", "cancelled", "pending"]), st.sampled_from([None, *SKIP_REASONS]),
        st.integers(0, 9) | st.none(), st.integers(-900, 900),
    ),
    max_size=25,
)  # fmt: skip


@settings(max_examples=40, deadline=None, database=None)
@given(facts=_facts)
def test_statistics_add_up_whichever_way_they_are_cut(facts):
    """Days make weeks and months, every dimension makes the whole, each day alone is what it is in the whole."""
    cube = count(facts, ZONE)
    first, last = "2026-10-01", "2027-01-31"
    whole = total(cube, first, last)
    for period in ("day", "week", "month"):
        for by in ((), *((name,) for name in DIMENSIONS), DIMENSIONS):
            folded = fold(cube, period, by, first, last).values()
            added = {name: sum(figures[name] for figures in folded) for name in MEASURES}
            assert added == (whole or dict.fromkeys(MEASURES, 0))
    if whole is not None:
        assert whole["visits"] == len({fact.key for fact in facts})
        assert whole["skipped"] == sum(whole[f"skipped_{reason}"] for reason in SKIP_REASONS)
    for day in days_between("2026-11-20", "2026-11-24"):
        alone = [fact for fact in facts if _day(fact) == day and _newest(fact, facts)]
        assert total(count(alone, ZONE), day, day) == total(cube, day, day)


def _day(fact: Fact) -> str:
    return Days(ZONE).of(fact.body["arrived_at"])


def _newest(fact: Fact, facts: list[Fact]) -> bool:
    return all((other.at, other.id) <= (fact.at, fact.id) for other in facts if other.key == fact.key)


def test_statistics_from_a_store_equal_a_recount_with_late_records_and_corrections(tmp_path):
    """A record that comes a day late counts on its own day, a correction counts at once."""
    clock = [float(NOON)]
    store = SQLiteStore(tmp_path / "s", "xh", ZONE, lambda: clock[0], export_in_background=False, min_free_bytes=0)
    facts = [visit(), visit("run1/r02/1", room="r02")]
    records = [Record(fact.id, fact.kind, fact.key, fact.at, NOON, "xh", fact.body) for fact in facts]
    store.append(records[:1])
    clock[0] += 86_400
    store.append(records[1:])
    assert figures_of(store, DAY, DAY, ZONE) == count(facts, ZONE)
    store.amend(records[0].id, {"bins_after": 0}, "one more", "ann", NOON)
    figures = total(figures_of(store, DAY, DAY, ZONE), DAY, DAY)
    assert figures is not None and figures["bins"] == 11
    store.close()


def test_figures_of_a_day_know_what_came_weeks_later(tmp_path):
    """A late press, an incident closed late, a visit settled late: a day asked alone is what it is in its month."""
    store = SQLiteStore(tmp_path / "s", "xh", ZONE, lambda: NOON, export_in_background=False, min_free_bytes=0)
    late = NOON + 9 * 86_400
    pressed, closed = workflow(1, NOON, cleared_at=None), workflow(1, NOON, cleared_at=late)
    delivered, settled = workflow(2, NOON), visit(at=late, number=2, arrived_at=None, left_at=late)
    facts = [
        (pressed, NOON),
        (closed, late),
        (delivered, late + 60 * 86_400),
        (visit(state="pending"), NOON),
        (settled, late),
    ]
    store.append([
        Record(f"{fact.id}:{at}", fact.kind, fact.key, at, at, "xh", fact.body) for fact, at in facts
    ])  # fmt: skip
    alone = total(figures_of(store, DAY, DAY, ZONE), DAY, DAY)
    assert alone == total(figures_of(store, DAY, "2027-06-30", ZONE), DAY, DAY)
    assert alone is not None and (alone["incidents"], alone["incidents_open"], alone["served"]) == (2, 0, 1)
    store.close()


def test_figures_take_what_is_no_number_as_not_known():
    """A record that somebody else's program wrote stops no report."""
    facts = [visit(bins_before="six", grams_after=[1]), weighing(1, "heavy")]
    figures = day_total(*facts)
    assert (figures["served"], figures["bins_known"], figures["weighings"], figures["weighed_grams"]) == (1, 0, 1, 0)
    assert weigh_ins(facts, ZONE)[0].rooms_without_scale == 1


def test_tables_say_how_many_days_a_period_is_about():
    """A week of which two days were asked, one of them a gap, does not look like a whole week."""
    (row,) = tables.rows(count([visit()], ZONE), "week", [], "2026-11-21", DAY)
    assert (row["days"], row["days_known"], row["gap"]) == (2, 1, False)
    (row,) = tables.rows({}, "month", [], "2026-11-01", "2026-11-30")
    assert (row["days"], row["days_known"], row["gap"]) == (30, 0, True)


def test_tables_and_reports_give_no_zero_for_what_nobody_counted():
    """Without count and scale a day's bins are not known: empty in the table, a gap in the chart, unsaid in words."""
    names = ("bins_before", "grams_after", "planned_at", "promised_at", "due_at")
    facts = [visit(**dict.fromkeys(names))]
    (row,) = tables.rows(count(facts, ZONE), "day", [], DAY, DAY)
    unknown = ("bins", "grams", "plan_late_s", "promise_late_s", "outside_s", "weighed_grams")
    assert [row[name] for name in unknown] == [None] * 6 and row["served"] == 1
    page = day_report.day_report(facts, count(facts, ZONE), "xh", DAY, "en", ZONE, NAMES)
    assert (
        "0.0 kg" not in page and page.count('class="gap"') == DAYS_SHOWN + 1 and 'class="bar"' not in page
    )
    (row,) = tables.rows(count([visit(state="skipped")], ZONE), "day", [], DAY, DAY)
    assert (row["bins"], row["grams"]) == (0, 0)  # nothing was served: that is known


def test_tables_hold_the_findings_of_the_asked_days_only():
    """Lanes, weigh-ins and disagreements as rows; what lies around the days, which figures need, is not in them."""
    facts = [visit(bins_after=6), workflow(1, NOON), workflow(2, NOON + 86_400), weighing(1, 260_000)]
    for name, about in (
        ("lanes", {"estate": "e1", "hour": 12, "incidents": 1, "days": 1, "blocked_s": 600, "chronic": False}),
        ("weigh_ins", {"day": DAY, "run_id": "run1", "weighed_grams": 260_000, "difference_grams": 10_000}),
        ("disagreements", {"day": DAY, "room": "r01", "words": "served_but_count_stayed weight_fell_but_not_count"}),
    ):
        (row,) = tables.finding_rows(name, facts, ZONE, DAY, DAY)
        assert about.items() <= row.items()
        assert tables.finding_rows(name, facts, ZONE, "2026-11-24", "2026-11-25") == []
        assert tables.as_csv([], name).lstrip("\ufeff").strip() == ",".join(row)


def test_tables_are_answered_over_http_too(tmp_path):
    """Figures and findings, as JSON and as CSV."""
    store = SQLiteStore(tmp_path / "s", "xh", ZONE, lambda: NOON, min_free_bytes=0)
    fact = visit(bins_after=6)
    store.append([Record(fact.id, "visit", fact.key, fact.at, NOON, "xh", fact.body)])
    asked = f"/api/v1/stats?from_day={DAY}&to_day={DAY}"
    client = behind_the_door(record_router(store, demo_plan()))
    assert client.get(asked).json()[0]["disagreements"] == 1
    (row,) = client.get(f"{asked}&table=disagreements").json()
    assert (row["room"], row["day"]) == ("r01", DAY) and "served_but_count_stayed" in row["words"]
    assert "served_but_count_stayed" in client.get(f"{asked}&table=disagreements&format=csv").text
    assert client.get(f"{asked}&table=lanes").json() == []
    assert client.get(f"{asked}&table=moons").status_code == 422
    store.close()


def test_corrections_come_over_http_with_who_and_why(tmp_path):
    """The figures follow at once; what is not there, and a value that nobody could count, is refused."""
    store = SQLiteStore(tmp_path / "s", "xh", ZONE, lambda: NOON, min_free_bytes=0)
    fact = visit()
    store.append([Record(fact.id, "visit", fact.key, fact.at, NOON, "xh", fact.body)])
    client = behind_the_door(record_router(store, demo_plan()), name="ann")
    told = {"record": f"visit:{fact.key}", "patch": {"bins_after": 0}, "reason": "one more"}
    assert client.post("/api/v1/amendments", json=told).json()["body"]["bins_after"] == 0
    assert client.get(f"/api/v1/stats?from_day={DAY}&to_day={DAY}").json()[0]["bins"] == 6
    kept = store.get(f"{fact.id}#1")
    assert kept is not None and (kept.body["who"], kept.body["reason"]) == ("ann", "one more")
    for wrong, status in (
        ({"record": "visit:nobody"}, 404), ({"patch": {"moon": 1}}, 422), ({"patch": {"bins_after": "many"}}, 422),
        ({"patch": {"bins_after": -1}}, 422), ({"patch": {}}, 422), ({"who": "bob"}, 422), ({"reason": " "}, 422),
    ):  # fmt: skip
        assert client.post("/api/v1/amendments", json={**told, **wrong}).status_code == status
    assert store.get(f"{fact.id}#2") is None
    store.close()


def test_tables_come_out_as_csv_and_json():
    """CSV opens in a spreadsheet (mark, commas, no formulas), JSON has the same rows."""
    cube = count([visit(estate="=cmd()"), visit("x/r02/1", estate="逸仙, 北")], ZONE)
    table = tables.rows(cube, "month", ["estate"], DAY, DAY)
    text = tables.as_csv(table)
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text[1:])))
    assert [row["estate"] for row in rows] == ["'=cmd()", "逸仙, 北"] and rows[0]["bins"] == "5"
    assert [row["estate"] for row in json.loads(tables.as_json(table))] == ["=cmd()", "逸仙, 北"]


class Tags(HTMLParser):
    """Checks that tags are closed and nothing is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        assert not {"src", "href", "onload"} & {name for name, _ in attrs}
        if tag not in ("meta", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag != "rect":
            assert self.open.pop() == tag


@pytest.mark.parametrize("language", report_words.LANGUAGES)
def test_report_is_one_page_that_says_what_happened(language):
    """Sentences, charts and tables in one file without links; names from outside are escaped."""
    facts = [
        visit(), visit("run1/r02/1", room="<r02>", bins_after=6, grams_after=300_000), weighing(1, 260_000),
        *(workflow(n, NOON - n * 86_400, estate="<b>e</b>") for n in range(3)),
        Fact("call", "c", "call:c:1:1", NOON, {"called_at": NOON, "lead_s": 960}),
    ]  # fmt: skip
    page = day_report.day_report(facts, count(facts, ZONE), "xh", DAY, language, ZONE, NAMES)
    parser = Tags()
    parser.feed(page)
    assert parser.open == [] and "<b>e" not in page and "&lt;r02&gt;" in page and "http" not in page
    for sentence in sentences(total(count(facts, ZONE), DAY, DAY), DAY, language):
        assert sentence in unescape(page)
    assert 'class="gap"' in page and report_words.word(language, "gap") in page
    assert report_words.WORDS.say(language, "disagreement", "served_but_count_stayed") in page


@pytest.mark.parametrize(("language", "area", "room"), [("zh", "香禾街道", "一村"), ("en", "Xianghe", "First")])
def test_report_names_places_as_people_do(language, area, room):
    """The plan's names in the reader's language, escaped; an id only where there is no name."""
    facts = [visit(bins_after=6), visit("run1/r02/1", room="r02", bins_after=6)]
    facts += [workflow(n, NOON - n * 86_400) for n in range(3)]
    page = day_report.day_report(facts, count(facts, ZONE), "xh", DAY, language, ZONE, NAMES)
    assert f">{room}</td>" in page and ">r02</td>" in page and ">r01</td>" not in page
    assert f">{room} &lt;b&gt;</td>" in page and f"<h1>{area}" in page and " / " not in page


@pytest.mark.parametrize(("late_s", "said"), [(180, "3.0 minutes late"), (-180, "3.0 minutes early")])
def test_report_says_early_and_late_in_words(late_s, said):
    """Nobody reads "-3.0 minutes late"."""
    figures = day_total(visit(planned_at=NOON - late_s))
    assert any(said in sentence for sentence in sentences(figures, DAY, "en"))
    assert any(f"{'晚' if late_s > 0 else '早'} 3.0 分钟" in sentence for sentence in sentences(figures, DAY, "zh"))


def test_report_of_a_gap_says_none_of_nothing():
    """Where nothing is known of the day no chapter says that there was none."""
    facts = [visit(at=NOON - 86_400, arrived_at=NOON - 86_400)]
    for language in report_words.LANGUAGES:
        page = day_report.day_report(facts, count(facts, ZONE), "xh", DAY, language, ZONE, NAMES)
        none, gap = (report_words.word(language, key) for key in ("none", "gap"))
        assert page.count(f"<p>{none}</p>") == 1 and page.count(f"<p>{gap}</p>") == 11  # the lanes are of two weeks


def test_report_says_that_a_day_without_records_is_a_gap():
    """Nothing known is not zero, in both languages."""
    assert "不是零" in sentences(None, DAY, "zh")[0] and "not a zero" in sentences(None, DAY, "en")[0]


def test_every_reason_waste_and_disagreement_has_a_word():
    """What a record may say, the report can say."""
    words = report_words.WORDS.groups("en")
    assert set(words["reason"]) == set(SKIP_REASONS) and set(WASTES) < set(words["waste"])


def test_stats_command_prints_figures_and_reports(tmp_path, capsys):
    """CSV, JSON and HTML from the command line; a wrong day is an error, not a crash."""
    store = SQLiteStore(tmp_path / "s", "xh", ZONE, lambda: NOON, min_free_bytes=0)
    fact = visit()
    store.append([Record(fact.id, "visit", fact.key, fact.at, NOON, "xh", fact.body)])
    store.close()
    asked = ["stats", "--store", str(tmp_path / "s"), "--from", DAY]
    assert main([*asked, "--by", "waste,estate"]) == 0
    assert "unit_wet,e1" in capsys.readouterr().out
    assert main([*asked, "--format", "json", "--period", "week"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["period"] == "2026-W47"
    assert main([*asked, "--format", "html", "--language", "en"]) == 0
    assert "collection report" in capsys.readouterr().out
    assert main([*asked, "--table", "weigh_ins", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["stats", "--store", str(tmp_path / "s"), "--from", "20261122", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["visits"] == 1
    assert main([*asked, "--to", "2026-11-21"]) == 1
    assert "before" in capsys.readouterr().err
    assert main(["stats", "--store", str(tmp_path / "typo"), "--area", "xh", "--from", DAY]) == 1
    assert not (tmp_path / "typo").exists()
    assert main([*asked, "--to", "2026-11-99"]) == main([*asked, "--to", "9999-12-31"]) == 1
    assert "stats" in capsys.readouterr().err
