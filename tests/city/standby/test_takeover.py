"""A standby of a cell whose disk is gone: what it takes from the city, what it names, and what the old disk closes."""

import json
import time
from contextlib import closing

import pytest

from broker.__main__ import main
from broker.city.takeover import LEARNED_S, NAME, Gap, Open, missing_of
from broker.plan.gtfs.feed import write_gtfs
from broker.store import Record
from tests.support.city.cells import AREA, city_records, plan_of, push_of, record_in

DIED_AT = 1_795_600_000
PLAN = {"t01": "truck", "r01": "room"}


def said(device: str, seq: int, *, kind: str = "fix", boot: int = 3, received_at: int = DIED_AT - 100) -> Record:
    return Record(f"{device}:{boot}:{seq}", kind, device, received_at, received_at, AREA, {"seq": seq})


def gaps_of(*records: Record) -> list[Gap]:
    return missing_of(records, DIED_AT, PLAN, DIED_AT - 100).gaps


def open_of(*records: Record, city_at: int = DIED_AT - 100) -> list[Open]:
    return missing_of(records, DIED_AT, PLAN, city_at).open


def test_a_number_that_is_nowhere_between_two_that_are_was_acknowledged_by_the_dead_machine():
    assert gaps_of(said("t01", 7), said("t01", 10, received_at=DIED_AT + 20)) == [
        Gap("truck", "t01", 3, 8, 9, DIED_AT - 100, DIED_AT + 20)
    ]


def test_of_a_start_that_the_city_had_nothing_of_the_first_numbers_are_missing_too():
    assert gaps_of(said("t01", 4, received_at=DIED_AT + 20)) == [Gap("truck", "t01", 3, 1, 3, None, DIED_AT + 20)]
    assert gaps_of(said("t01", 4)) == []  # of which only the later part was fetched


def test_a_gap_of_an_hour_before_is_none_of_the_dead_machines():
    assert gaps_of(said("t01", 1, received_at=DIED_AT - 9000), said("t01", 9, received_at=DIED_AT - 8000)) == []


def test_how_old_a_gap_is_counts_from_what_the_city_had_last_however_long_nobody_took_over():
    records = [said("t01", 1, received_at=DIED_AT - 50_000), said("t01", 9, received_at=DIED_AT - 49_000)]
    found = missing_of(records, DIED_AT, PLAN, DIED_AT - 48_000)
    assert [(gap.first, gap.last) for gap in found.gaps] == [(2, 8)]


def test_of_a_start_that_ended_with_the_dead_machine_nothing_is_known_above_what_the_city_had():
    records = [*(said("t01", seq) for seq in range(1, 8)), said("t01", 1, boot=4, received_at=DIED_AT + 20)]
    assert gaps_of(*records) == []
    assert open_of(*records) == [Open("truck", "t01", 3, 7)]
    assert open_of(*records, said("t01", 8, received_at=DIED_AT + 30)) == []


def test_a_start_that_nobody_here_heard_of_is_open_from_its_first_number():
    found = open_of(said("t01", 7), said("t01", 1, boot=5, received_at=DIED_AT + 20))
    assert found == [Open("truck", "t01", 3, 7), Open("truck", "t01", 4, 0)]


def test_starts_that_ended_long_before_the_end_are_closed_but_for_the_last_of_each_device():
    old, rested = DIED_AT - 40_000, DIED_AT - 30_000
    found = open_of(said("t01", 7, boot=1, received_at=old), said("t01", 3, boot=2, received_at=rested),
                    said("t01", 1, boot=3, received_at=DIED_AT + 20))  # fmt: skip
    assert found == [Open("truck", "t01", 2, 3)]


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

    config = _config(tmp_path, database)
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


@pytest.mark.real
def test_a_standby_that_began_alone_takes_the_rest_and_keeps_its_own(tmp_path, database, capsys):
    """What it decided meanwhile stays; a case that is open for long comes too, with what was corrected of it."""
    now = int(time.time())
    long_ago = now - 2 * LEARNED_S
    with closing(record_in(tmp_path / "old")) as old:
        old.append([Record("case:1:1", "case", "1", long_ago, long_ago, AREA, {"state": "open"}),
                    Record("case:1:2", "case", "1", long_ago + 9, long_ago + 9, AREA, {"state": "waits"}),
                    Record("visit:1", "visit", "a/r01/1", now - 50, now - 50, AREA, {"state": "served"})])  # fmt: skip
        old.amend("case:1:2", {"state": "asked"}, "a slip", "ann", long_ago + 10)
    push_of(tmp_path / "old", database).push_all()
    with closing(record_in(tmp_path / "new")) as new:
        new.append([Record("visit:1", "visit", "a/r01/1", now - 50, now - 5, AREA, {"state": "skipped"})])

    config = _config(tmp_path, "postgresql://nobody@127.0.0.1:1/x")
    assert main(["takeover", "--config", str(config)]) == 1
    noted = json.loads((tmp_path / "new" / NAME).read_bytes())
    assert noted["at"] >= now, "from then on it speaks for the cell, whether the city is there or not"
    _config(tmp_path, database)
    assert main(["takeover", "--config", str(config)]) == 0
    assert "1 of them are here with another content" in capsys.readouterr().err
    assert json.loads((tmp_path / "new" / NAME).read_bytes()) == {**noted, "city_at": now - 50}
    with closing(record_in(tmp_path / "new")) as new:
        assert {key: one.body["state"] for key, one in new.latest("case").items()} == {"1": "asked"}
        assert [one.body["state"] for one in new.scan("visit")] == ["skipped"]


def _config(folder, database):
    config = folder / "standby.toml"
    config.write_text(
        f'[area]\nplan = "{_plan(folder)}"\n[mqtt]\nhost = "127.0.0.1"\nport = 1\n'
        f'[store]\nurl = "{folder / "new"}"\n[city]\nurl = "{database}"\n', encoding="utf-8",
    )  # fmt: skip
    return config


def _plan(folder):
    write_gtfs(plan_of(), folder / "plan")
    return folder / "plan"
