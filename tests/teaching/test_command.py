"""`python3 -m broker teach` and `python3 tools/teach.py`: from a record or a file to a feed that the bridge takes."""

import csv
import gzip
import json
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from broker.__main__ import main
from broker.plan.gtfs.feed import read_gtfs
from broker.plan.model import Plan
from broker.rules.teaching.positions import Position
from broker.store import Record
from broker.store.opening import open_store
from sim.scenario.scenes.feed import plan_of_feed
from tests.support.teaching.drives import BEGIN_AT, KINDS, Driven, driven
from tools import teach

pytestmark = pytest.mark.real  # tenths of a second each

SHARED = Path(os.environ.get("ZP_SHARED", Path(__file__).parents[3] / "shared")) / "data" / "trucks_jersey"
SHANGHAI = 8 * 3600
DRIVE = driven(KINDS["plain"], 1)


def csv_of(said: Iterable[Position], head: str = "time,lat,lon,speed") -> str:
    """A file of positions."""
    return "\n".join([head, *(f"{one.at:.0f},{one.lat:.7f},{one.lon:.7f},{one.speed_mps}" for one in said)]) + "\n"


def is_of(plan: Plan, drive: Driven) -> bool:
    """Whether a plan has the stops and the visits of a drive."""
    run = plan.runs["taught-1"]
    order = {stop: number for number, stop in enumerate(dict.fromkeys(stop for stop, _, _ in drive.visits), start=1)}
    rooms = [f"taught-r{order[stop]:02d}" for stop, _, _ in drive.visits]
    midnight = BEGIN_AT - 6 * 3600
    return [visit.room_id for visit in run.visits] == rooms and all(
        abs(visit.arrive_day_s + midnight - arrived_at) < 30 and abs(visit.leave_day_s + midnight - left_at) < 30
        for visit, (_, arrived_at, left_at) in zip(run.visits, drive.visits, strict=True)
    )


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A bridge's record of the drive of t01, and of a word of t02."""
    place = tmp_path / "record"
    store = open_store(place, "xh", "Asia/Shanghai", lambda: BEGIN_AT + 20_000.0)
    said = [("t01", one) for one in DRIVE.reported()] + [("t02", Position(BEGIN_AT + 60, 31.0, 121.0, 0.0))]
    store.append([
        Record(f"{truck}:1:{number}", "fix", truck, int(one.at), int(one.at), "xh",
               {"boot": 1, "seq": number, "fix_at": int(one.at), "lat": one.lat, "lon": one.lon,
                "speed_mps": one.speed_mps, "late": False})
        for number, (truck, one) in enumerate(said, start=1)
    ])  # fmt: skip
    store.close()
    return place


def test_the_record_of_a_drive_becomes_a_feed(record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With placeholders in both languages, the line, stays and times; a page to look at; what is doubtful is said."""
    out = tmp_path / "feed.zip"
    asked = ["teach", "--store", str(record), "--truck", "t01", "--day", "2026-11-29", "--from", "05:00"]
    asked += ["--to", "12:00", "--out", str(out), "--waste", "unit_wet"]
    assert main(asked) == 0
    plan = read_gtfs(out)
    assert is_of(plan, DRIVE) and plan_of_feed(str(out)) == plan
    assert plan.area_id == "xh" and plan.runs["taught-1"].truck_id == "t01"
    assert plan.rooms["taught-r01"].name == "箱房 1 / Room 1" and plan.rooms["taught-r01"].wastes == ("unit_wet",)
    assert plan.estates["taught-e01"].name == "小区 1 / Estate 1"
    page = (tmp_path / "feed.html").read_text(encoding="utf-8")
    assert page.count('class="stop') >= len(plan.rooms) and "站点 1 · stop 1" in page and "http://" not in page.replace(
        "http://www.w3.org/2000/svg", ""
    )
    said = capsys.readouterr().out
    assert f"{len(DRIVE.visits)} visits at {len(plan.rooms)} stops" in said and "--keep" in said and str(out) in said


def test_a_halt_is_dropped_and_the_run_begins_when_it_should(
    record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its number in what was printed; all times move with the begin."""
    asked = ["teach", "--store", str(record), "--truck", "t01", "--day", "2026-11-29", "--route", "north"]
    assert main([*asked, "--out", str(tmp_path / "a"), "--begins", "09:30"]) == 0
    visits = read_gtfs(tmp_path / "a").runs["north-1"].visits
    assert abs(visits[0].arrive_day_s - (DRIVE.visits[0][1] - BEGIN_AT) - 9.5 * 3600) < 30
    printed = capsys.readouterr().out
    halt = next(line.split()[0] for line in printed.splitlines() if "stop 2" in line)
    again = [*asked, "--out", str(tmp_path / "b"), "--drop", halt]
    assert main(again) == 0
    assert [one.room_id for one in read_gtfs(tmp_path / "b").runs["north-1"].visits] != [one.room_id for one in visits]
    assert len(read_gtfs(tmp_path / "b").runs["north-1"].visits) == len(visits) - 1
    assert main([*again, "--keep", halt]) == 1


def test_what_the_driver_marked_in_the_cab_is_a_stop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """However short; one on the way is said and left out, one of another day is none, one without times refused."""
    path, marks = tmp_path / "drive.csv", tmp_path / "marks.csv"
    path.write_text(csv_of(DRIVE.reported()), encoding="utf-8")
    asked = ["teach", str(path), "--stay-from", "250", "--out", str(tmp_path / "feed.zip")]
    assert main(asked) == 0 and not is_of(read_gtfs(tmp_path / "feed.zip"), DRIVE)
    stands = [one.at for one in DRIVE.reported() if (one.speed_mps or 0) < 1]
    on_the_way = max((one.at for one in DRIVE.reported()), key=lambda at: min(abs(at - other) for other in stands))
    times = [*((since + until) // 2 for _, since, until in DRIVE.visits), DRIVE.visits[0][1] - 86_400]
    marks.write_text("acted_at,clock_off_s,truck\n" + "".join(f"{at:.0f},-600,t01\n" for at in times), encoding="utf-8")
    assert main([*asked, "--marks", str(marks)]) == 0
    assert is_of(read_gtfs(tmp_path / "feed.zip"), DRIVE) and "did not stand" not in capsys.readouterr().out
    marks.write_text(f"acted_at\n{on_the_way:.0f}\n{times[0]:.0f}\n", encoding="utf-8")
    assert main([*asked, "--marks", str(marks)]) == 0
    assert capsys.readouterr().out.count("marked where the truck did not stand") == 1
    marks.write_text("when\n5\n", encoding="utf-8")
    assert main([*asked, "--marks", str(marks)]) == 1
    assert "acted_at" in capsys.readouterr().err


def test_stops_at_rooms_of_the_plan_are_these_rooms_where_that_is_asked(
    record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A unit that hangs there keeps its id; without being asked it is only said."""
    first = tmp_path / "first"
    asked = ["teach", "--store", str(record), "--truck", "t01", "--day", "2026-11-29", "--route", "old"]
    assert main([*asked, "--out", str(first)]) == 0
    config = tmp_path / "broker.toml"
    config.write_text(f'[area]\nplan = "{first}"\n[store]\nurl = "{record}"\n', encoding="utf-8")
    again = ["--config", str(config), *asked[:-1], "new", "--out", str(tmp_path / "again"), "--waste", "unit_wet"]
    assert main(again) == 0
    assert "old-r01" in capsys.readouterr().out and "new-r01" in read_gtfs(tmp_path / "again").rooms
    assert main([*again, "--rooms"]) == 0
    known, old = read_gtfs(tmp_path / "again"), read_gtfs(first)
    assert known.rooms.keys() == old.rooms.keys() and known.estates == old.estates
    assert known.rooms["old-r01"].wastes == ("residential_wet", "unit_wet")


def test_a_new_stop_never_takes_the_id_of_a_room_that_hangs_elsewhere(
    record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plan that was taught under the same route's id has such rooms: another id is asked for."""
    asked = ["teach", "--store", str(record), "--truck", "t01", "--day", "2026-11-29"]
    assert main([*asked, "--stay-from", "250", "--out", str(tmp_path / "first")]) == 0
    fewer = read_gtfs(tmp_path / "first").rooms.keys()
    config = tmp_path / "broker.toml"
    config.write_text(f'[area]\nplan = "{tmp_path / "first"}"\n[store]\nurl = "{record}"\n', encoding="utf-8")
    again = ["teach", "--config", str(config), "--truck", "t01", "--day", "2026-11-29", "--rooms"]
    assert main([*again, "--out", str(tmp_path / "again")]) == 1
    assert "another id with --route" in capsys.readouterr().err and not (tmp_path / "again").exists()
    assert main([*again, "--out", str(tmp_path / "again"), "--route", "new"]) == 0
    more = read_gtfs(tmp_path / "again").rooms.keys()
    assert fewer < more and all(name.startswith("new-") for name in more - fewer)


def test_rooms_that_cannot_be_known_are_said(record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a file, and of a bridge whose configuration is not here: no feed is written that has others' ids."""
    path, out = tmp_path / "drive.csv", ["--rooms", "--out", str(tmp_path / "feed.zip")]
    path.write_text(csv_of(DRIVE.reported()), encoding="utf-8")
    nowhere = ["--config", str(tmp_path / "none.toml"), "--store", str(record), "--truck", "t01", "--day", "2026-11-29"]
    for asked, said in (([str(path)], "a file of positions knows no rooms"), (nowhere, "name one with --config")):
        assert main(["teach", *asked, *out]) == 1
        assert said in capsys.readouterr().err and not (tmp_path / "feed.zip").exists()


def test_a_day_is_taken_out_of_a_file_of_many(tmp_path: Path) -> None:
    """Days that lie far apart are no clock that jumps, once it is said which of them."""
    later = [one._replace(at=one.at + 3 * 86_400) for one in DRIVE.reported()]
    path, out = tmp_path / "days.csv", tmp_path / "feed.zip"
    path.write_text(csv_of([*DRIVE.reported(), *later]), encoding="utf-8")
    assert main(["teach", str(path), "--truck", "t01", "--day", "2026-11-29", "--out", str(out)]) == 0
    assert is_of(read_gtfs(out), DRIVE)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--truck", "t09"], "no position of t09 from 2026-11-29 00:00 to 2026-11-30 00:00; heard were t01 ("),
        (["--truck", "t01", "--day", "2026-11-30"], "it was heard from 2026-11-29 06:00 to 2026-11-29"),
        (["--truck", "t01", "--day", "2026-10-01"], "nor of any other truck then: say the --day"),
        ([], "whose drive? say --truck"),
        (["--truck", "t01", "--to", "06:05"], "only"),
    ],
)
def test_a_record_without_the_drive_says_who_was_heard_when(
    record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: list[str], said: str
) -> None:
    """And nothing is written."""
    day = [] if "--day" in asked else ["--day", "2026-11-29"]
    assert main(["teach", "--store", str(record), "--out", str(tmp_path / "feed.zip"), *day, *asked]) == 1
    assert said in capsys.readouterr().err and not (tmp_path / "feed.zip").exists()


def test_a_receivers_log_becomes_the_same_feed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Packed or not, without a bridge; the bridge's command says who reads it."""
    log = tmp_path / "drive.nmea.gz"
    log.write_bytes(gzip.compress(DRIVE.log)[:-5000])
    assert teach.main([str(log), "--out", str(tmp_path / "feed.zip")]) == 1
    assert "drive.nmea.gz: is damaged" in capsys.readouterr().err
    log.write_bytes(gzip.compress(DRIVE.log))
    assert teach.main([str(log), "--out", str(tmp_path / "feed.zip"), "--truck", "t07", "--area", "xh"]) == 0
    plan = read_gtfs(tmp_path / "feed.zip")
    assert is_of(plan, DRIVE) and plan.trucks() == ("t07",)
    assert main(["teach", str(log), "--out", str(tmp_path / "no.zip")]) == 1
    assert f"`python3 tools/teach.py {log}` reads it" in capsys.readouterr().err


def test_files_of_positions_in_many_forms_are_read_alike(tmp_path: Path) -> None:
    """CSV by heads or by told columns, with times of many kinds; JSON as the wire, an export and gpsd have it."""
    said = list(DRIVE.reported())
    bodies = [{"fix_at": int(one.at), "lat": one.lat, "lon": one.lon, "speed_mps": one.speed_mps} for one in said]
    forms = {
        "a.csv": csv_of(said),
        "b.csv": csv_of(said, "Timestamp,Latitude,Longitude,speed_mps").replace(",", ";"),
        "c.csv": csv_of(one._replace(at=one.at * 1000) for one in said),
        "d.jsonl": "".join(json.dumps(body) + "\n" for body in bodies),
        "e.jsonl": "".join(json.dumps({"kind": "fix", "key": "t01", "at": 1, "body": body}) + "\n" for body in bodies),
        "f.jsonl": '{"class":"VERSION"}\n' + "".join(
            json.dumps({"class": "TPV", "time": body["fix_at"], "speed": body["speed_mps"], **body}) + "\n"
            for body in bodies
        ),
    }  # fmt: skip
    for name, text in forms.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert main(["teach", str(tmp_path / name), "--out", str(tmp_path / "feed.zip")]) == 0, name
        assert is_of(read_gtfs(tmp_path / "feed.zip"), DRIVE), name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("31.2,121.4,t01,2026-11-29T06:00:00\n" * 3, "--columns at,lat,lon,-"),
        ("time,lat,lon\nyesterday,here,there\n", "1 of 1 lines hold no time and place"),
        ('{"speed": 3}\n', "no position in 1 lines of JSON"),
        ("truck,time,lat,lon\nt1,1795903200,31.2,121.4\nt2,1795903201,31.2,121.4\n", "2 trucks: t1 (1), t2 (1);"),
        ("", "names no time, lat and lon"),
        ("time,lat,lon\n1e300,31.2,121.4\n", "1 of 1 lines hold no time and place"),
        ('time,lat,lon\n"1,31.2,' + "9" * 200_000, "is damaged, or no such file (field larger than field limit"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    """In a line that names it."""
    csv.field_size_limit(131_072)  # Python's own: whoever read a register's sheet in this process has raised it
    (tmp_path / "drive.csv").write_text(text, encoding="utf-8")
    assert main(["teach", str(tmp_path / "drive.csv"), "--out", str(tmp_path / "feed.zip")]) == 1
    assert said in capsys.readouterr().err


def test_the_recorded_trucks_of_a_city_are_survived(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Positions of a minute each, without speeds: each truck becomes a feed, or is refused in a sentence."""
    if not SHARED.is_dir():
        pytest.skip(f"the recorded trucks are not on this machine: {SHARED}")
    asked = ["--columns", "lat,lon,truck,-,at", "--timezone", "America/New_York", "--out", str(tmp_path / "feed.zip")]
    made = 0
    for truck in ("S-4", "P-1", "TC-1"):
        code = main(["teach", str(SHARED / "all_dedup.csv"), "--truck", truck, *asked, "--day", "2015-12-10"])
        said = capsys.readouterr()
        assert (code == 0 and "thin: a position each" in said.out) or (code == 1 and len(said.err.splitlines()) == 1)
        made += code == 0 and len(read_gtfs(tmp_path / "feed.zip").rooms) > 0
    assert made >= 2
