"""Tainan's timetable is taken over route by route: a sound route whole, an unsound one not at all, with reasons."""

import argparse
import os
from datetime import date
from pathlib import Path

import pytest

from broker.commands import import_tainan
from broker.plan.calendar import service_runs
from broker.plan.gtfs.feed import read_gtfs, write_gtfs
from broker.plan.tainan import conversion

SHARED = Path(os.environ.get("ZP_SHARED", Path(__file__).parents[3] / "shared"))
STOPS = SHARED / "data" / "routes_tainan" / "stops.csv"
HEAD = "route,route_id,seq,stop_id,stop_name,lon,lat,sched_hhmm,estimate,car,weekdays,recycle_days"
GOOD = [
    '東區_1,1,1,11,甲,120.20,23.00,16:43,,,"一,三,五,六",一',
    '東區_1,1,2,12,乙,120.21,23.00,16:52,,,"一,三,五,六",一',
    '東區_1,1,3,13,丙?,120.21,23.01,17:02,,,"一,三,五,六",一',
]


def timetable(*lines: str) -> str:
    """A CSV of the sound route 東區_1 and further lines."""
    return "\n".join([HEAD, *GOOD, *lines]) + "\n"


def other_route(line: int, old: str, new: str) -> str:
    """A second sound route, 南區_2, with one text of one of its three lines replaced."""
    rows = [
        '南區_2,2,1,21,丁,120.19,23.00,18:00,,,"二,四",',
        '南區_2,2,2,22,戊,120.19,23.01,18:05,,,"二,四",',
        '南區_2,2,3,23,己,120.19,23.02,18:10,,,"二,四",',
    ]
    assert old in rows[line - 1]
    rows[line - 1] = rows[line - 1].replace(old, new, 1)
    return "\n".join(rows)


def test_a_sound_route_becomes_a_run_of_its_weekdays() -> None:
    """Times, places, weekdays, district and a truck of its own."""
    imported = conversion.convert(timetable())
    plan = imported.plan
    run = plan.runs["k1-1"]
    assert not imported.refused
    assert [visit.arrive_day_s for visit in run.visits] == [60_180, 60_720, 61_320]
    assert run.truck_id == "t1"
    assert plan.routes["k1"].name == "東區_1"
    assert plan.estates[plan.rooms["s11"].estate_id].name == "東區"
    assert service_runs(plan, date(2026, 11, 23)) == (run,)  # a Monday
    assert service_runs(plan, date(2026, 11, 24)) == ()


DIRT = {
    "backwards": (other_route(2, "18:05", "17:55"), 6, "the time runs backwards, by 5 min to 17:55"),
    "past midnight": (other_route(3, "18:10", "00:10"), 7, "the time runs backwards, by 1075 min to 00:10"),
    "far": (other_route(2, "23.01", "3.01"), 6, "戊 lies 2,2"),
    "swapped": (other_route(2, "120.19,23.01", "23.01,120.19"), 6, "lat must be a number from -90 to 90"),
    "nan": (other_route(2, "23.01", "nan"), 6, "lat must be a number from -90 to 90, got 'nan'"),
    "hop": (other_route(2, "23.01", "23.61"), 6, "no truck drives 6"),
    "same turn": (other_route(2, "2,2,2,", "2,2,1,"), 6, "seq 1 comes after 1"),
    "blank time": (other_route(2, "18:05", ""), 6, "sched_hhmm is empty"),
    "bad time": (other_route(2, "18:05", "18:65"), 6, "sched_hhmm must be a time HH:MM, got '18:65'"),
    "blank name": (other_route(2, "戊", ""), 6, "stop_name is empty"),
    "blank days": (other_route(2, '"二,四"', ""), 6, "weekdays is empty"),
    "bad day": (other_route(2, '"二,四"', "二、四"), 6, "weekdays must be of"),
    "other days": (other_route(2, '"二,四"', "二"), 6, "weekdays are 2, on the line before 24"),
    "reused id": (other_route(2, "2,22,", "2,12,"), 6, "stop_id 12 is another place (乙) on line 3"),
    "reused route": (other_route(1, "南區_2,2,", "南區_2,1,"), 5, "route_id '1' is already that of 東區_1"),
    "two ids": (other_route(2, "南區_2,2,", "南區_2,3,"), 6, "the route has the ids '2' and '3'"),
    "long name": (other_route(2, "戊", "戊" * 201), 6, "stop_name has 201 characters, at most 200 can be shown"),
    "long id": (other_route(2, "2,22,", f"2,{'2' * 45},"), 5, "route_id and stop_id are longer than 46"),
    "long route": ("\n".join(f"南區_2,2,{n},{n + 100},丁,120.19,23.{n % 2},{n // 30}:{n % 30 + 10},,,二,"
                             for n in range(401)), 5, "the route has 401 stops, an itinerary holds 400"),
    "one place": ('南區_2,2,1,21,丁,120.19,23.00,18:00,,,二,', 5, "a route needs stops at two places at least"),
    "no district": ('南區,2,1,21,丁,120.19,23.00,18:00,,,二,\n'
                    '南區,2,2,22,戊,120.19,23.01,18:05,,,二,', 5, "the route's name '南區' does not say its district"),
}  # fmt: skip


@pytest.mark.parametrize("case", DIRT)
def test_a_route_with_dirt_is_refused_whole_with_its_line(case: str) -> None:
    """One thing that cannot be right refuses its route, tells the line, and leaves the other route alone."""
    lines, line, reason = DIRT[case]
    imported = conversion.convert(timetable(lines))
    assert list(imported.plan.runs) == ["k1-1"]
    assert [(refusal.line, refusal.reason[: len(reason)]) for refusal in imported.refused][:1] == [(line, reason)]
    assert len(imported.refused_routes) == 1


def test_a_stop_id_of_a_refused_route_is_free() -> None:
    """A room's id is taken only by a route that is taken over."""
    refused = other_route(3, "18:10", "18:01")
    again = '北區_3,3,1,21,庚,120.18,23.00,19:00,,,二,\n北區_3,3,2,24,辛,120.18,23.01,19:05,,,二,'
    imported = conversion.convert(timetable(refused, again))
    assert imported.refused_routes == ("南區_2",)
    assert imported.plan.rooms["s21"].name == "庚"


def test_the_report_counts_and_names_everything() -> None:
    """What was taken, what was refused and why, and what the data does not know."""
    text = conversion.report(conversion.convert(timetable(other_route(2, "18:05", "17:55"))))
    assert "read 2 routes with 6 stops" in text
    assert "took over 1 routes with 3 stops, 3 rooms" in text
    assert "refused 1 routes with 3 stops:\n  南區_2\n    line 6: the time runs backwards" in text
    assert "1 stop names contain ?" in text
    assert "1 routes also name recycling days" in text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no column"),
        ("a,b\n1,2\n", "has no column route "),
        (HEAD + "\n", "has no stops"),
        (HEAD + "\n" + GOOD[0] + "\n", "none of the 1 routes can be taken over; the first reason: line 2"),
    ],
)
def test_a_file_that_is_not_this_timetable_is_an_error(text: str, reason: str) -> None:
    """Nothing to take over is an error that says why."""
    with pytest.raises(conversion.TainanError, match=reason.replace("(", r"\(")):
        conversion.convert(text)


def run(*words: str) -> int:
    """Call the command as the server's command line does."""
    parser = argparse.ArgumentParser()
    import_tainan.add_commands(parser.add_subparsers())
    arguments = parser.parse_args(["import-tainan", *words])
    return int(arguments.run(arguments))


def test_the_command_writes_a_feed_and_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """import-tainan writes what read_gtfs takes, prints the report and exits 0."""
    (tmp_path / "stops.csv").write_bytes(b"\xef\xbb\xbf" + timetable(other_route(2, "23.01", "3.01")).encode())
    assert run(str(tmp_path / "stops.csv"), str(tmp_path / "tn.zip"), "--area", "tn", "--waste", "unit_wet") == 0
    assert "refused 1 routes" in capsys.readouterr().out
    plan = read_gtfs(tmp_path / "tn.zip")
    assert (plan.area_id, plan.rooms["s11"].wastes) == ("tn", ("unit_wet",))


@pytest.mark.parametrize(
    ("content", "words", "code", "said"),
    [
        (None, [], 1, "nothing was taken over"),
        (b"\xa4\xa4\xa4\xe5", [], 1, "is not UTF-8"),
        (b"x", [], 1, "nothing was taken over: line 1: has no column"),
        (b"x", ["--area", "t/n"], 2, "cannot be an id"),
    ],
)
def test_the_command_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, words: list[str], code: int, said: str
) -> None:
    """A file that is absent, in another encoding or something else gives a sentence and no feed."""
    if content is not None:
        (tmp_path / "stops.csv").write_bytes(content)
    assert run(str(tmp_path / "stops.csv"), str(tmp_path / "tn"), *words) == code
    assert said in capsys.readouterr().err
    assert not (tmp_path / "tn").exists()


@pytest.fixture(scope="module")
def real() -> conversion.Imported:
    """The city's whole timetable, converted once."""
    if not STOPS.is_file():
        pytest.skip(f"{STOPS} is absent (set ZP_SHARED): the real timetable was NOT imported")
    return conversion.convert(STOPS.read_text(encoding="utf-8"))


def test_the_citys_timetable_imports(real: conversion.Imported) -> None:
    """Of 382 routes at least 340 are sound, and every one is either taken over or refused with a reason."""
    assert real.routes_read == 382
    assert real.stops_read == 16_967
    assert len(real.plan.runs) >= 340
    assert len(real.plan.runs) + len(real.refused_routes) == real.routes_read


def test_the_citys_known_dirt_is_refused(real: conversion.Imported) -> None:
    """The 23 routes whose times go backwards and the 6 stops in another part of the world are all found."""
    reasons = [refusal.reason for refusal in real.refused]
    backwards = {refusal.route for refusal in real.refused if "runs backwards" in refusal.reason}
    assert len(backwards) == 23
    assert sum("from the middle of all stops" in reason for reason in reasons) == 4
    assert sum("must be a number from -90 to 90" in reason for reason in reasons) == 1
    assert any("no truck drives 63" in reason for reason in reasons)


@pytest.mark.real
def test_the_citys_feed_is_accepted(real: conversion.Imported, tmp_path: Path) -> None:
    """What the converter writes is a feed that read_gtfs takes back with every run, room and time."""
    write_gtfs(real.plan, tmp_path / "tainan.zip")
    plan = read_gtfs(tmp_path / "tainan.zip")
    assert plan.rooms == real.plan.rooms
    assert plan.services == real.plan.services
    assert [(run.trip_id, [v.arrive_day_s for v in run.visits]) for run in plan.runs.values()] == [
        (run.trip_id, [v.arrive_day_s for v in run.visits]) for run in real.plan.runs.values()
    ]
