"""A standby of a cell whose disk is gone: what it takes from the city, what it names, and what the old disk closes."""

import json
import time

import pytest

from broker.__main__ import main
from broker.city.takeover import Gap, missing_of
from broker.plan.gtfs.feed import write_gtfs
from broker.store import Record
from tests.support.city.cells import AREA, city_records, plan_of, push_of, record_in

DIED_AT = 1_795_600_000
PLAN = {"t01": "truck", "r01": "room"}


def said(device: str, seq: int, *, kind: str = "fix", boot: int = 3, received_at: int = DIED_AT - 100) -> Record:
    return Record(f"{device}:{boot}:{seq}", kind, device, received_at, received_at, AREA, {"seq": seq})


def gaps_of(*records: Record) -> list[Gap]:
    return missing_of(records, DIED_AT, PLAN).gaps


def test_a_number_that_is_nowhere_between_two_that_are_was_acknowledged_by_the_dead_machine():
    assert gaps_of(said("t01", 7), said("t01", 10, received_at=DIED_AT + 20)) == [
        Gap("truck", "t01", 3, 8, 9, DIED_AT - 100, DIED_AT + 20)
    ]


def test_of_a_start_that_the_city_had_nothing_of_the_first_numbers_are_missing_too():
    assert gaps_of(said("t01", 4, received_at=DIED_AT + 20)) == [Gap("truck", "t01", 3, 1, 3, None, DIED_AT + 20)]
    assert gaps_of(said("t01", 4)) == []  # of which only the later part was fetched


def test_a_gap_of_an_hour_before_is_none_of_the_dead_machines():
    assert gaps_of(said("t01", 1, received_at=DIED_AT - 9000), said("t01", 9, received_at=DIED_AT - 8000)) == []


def test_each_family_and_each_start_has_numbers_of_its_own():
    assert gaps_of(said("t01", 1), said("t01", 2, kind="bins"), said("t01", 3, boot=4)) == []


def test_who_has_not_spoken_since_is_named_for_nothing_is_known_of_theirs():
    found = missing_of([said("t01", 1, received_at=DIED_AT + 5), said("r01", 1, kind="bins")], DIED_AT, PLAN)
    assert found.unheard == [("room", "r01")]


@pytest.mark.real
def test_the_city_gives_what_it_has_the_rest_is_named_and_the_old_disk_delivers_it(tmp_path, database, capsys):
    now = int(time.time())
    old = record_in(tmp_path / "old")
    old.append([said("t01", seq, received_at=now - 60 + seq) for seq in (1, 2, 3)])
    push = push_of(tmp_path / "old", database)
    push.push_all()
    old.append([said("t01", seq, received_at=now - 60 + seq) for seq in (4, 5)])  # acknowledged, and not pushed
    old.append([Record("visit:1", "visit", "a/r01/1", now - 50, now - 50, AREA, {"state": "served"})])
    old.close()

    config = tmp_path / "standby.toml"
    config.write_text(
        f'[area]\nplan = "{_plan(tmp_path)}"\n[mqtt]\nhost = "127.0.0.1"\nport = 1\n'
        f'[store]\nurl = "{tmp_path / "new"}"\n[city]\nurl = "{database}"\n', encoding="utf-8",
    )  # fmt: skip
    assert main(["takeover", "--config", str(config)]) == 0
    assert "3 records" in capsys.readouterr().out
    new = record_in(tmp_path / "new")
    new.append([said("t01", 6, received_at=now + 2)])
    new.close()
    assert main(["missing", "--config", str(config)]) == 3
    told = capsys.readouterr().out
    assert "2 records were acknowledged by the machine that is gone" in told
    assert "truck t01, start 3: 4 to 5, between" in told
    assert "not heard since" in told

    assert main(["push", "--config", str(config), "--data", str(tmp_path / "old")]) == 0
    assert {f"t01:3:{seq}" for seq in range(1, 6)} <= {one.id for one in city_records(database).scan("fix")}
    assert main(["takeover", "--config", str(config)]) == 0
    capsys.readouterr()
    assert main(["missing", "--config", str(config), "--json"]) == 3  # the demo's other devices have not spoken
    assert json.loads(capsys.readouterr().out)["gaps"] == []


def _plan(folder):
    write_gtfs(plan_of(), folder / "plan")
    return folder / "plan"
