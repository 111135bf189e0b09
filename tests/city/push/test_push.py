"""A cell pushes its records: each once, in whatever order cells and city go away and come back."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from broker.__main__ import main
from broker.city import database as city_tables
from broker.city.cursor import NAME, hole_of
from broker.city.database import CityDatabase, CityShare
from broker.city.push import BATCH, rest_s
from broker.city.standing import standing
from broker.reports.figures import figures_of
from broker.store import Conflict, Corrupt, Record, Refused, Unavailable, transfer
from broker.store.sqlite.reader import SQLiteReader
from tests.support.city.cells import AREA, city_records, push_of, record_in
from tests.support.city.district import days_of, records_of, silent_for
from tests.support.facts import DAY, keeper
from tests.support.outside import picture_of
from tests.support.processes import wait_until
from tests.support.record.samples import NOON, ZONE, bins, visit
from tests.support.settings.broker import PORT, door

pytestmark = pytest.mark.real
REPO = Path(__file__).parents[3]
PLAN = {"state": "running", "known": True, "last_day": "2026-12-31", "next_day": None, "days_left": 30}
SAID = {**picture_of(), "link": {"up": True, "since_at": NOON}, "health": [], "alarms": [], "trucks": [], "plan": PLAN}


def lines(store) -> list[bytes]:
    """All records of a store, as they are exported."""
    return [transfer.codec.encode(record) for record in transfer.records_of(store)]


def same(folder: Path, database: str, area: str = AREA) -> bool:
    """Whether the city has what the cell has, each record once and to the byte."""
    with closing(record_in(folder, area)) as record:
        return lines(record) == lines(city_records(database, area))


def filled(folder: Path, area: str = AREA, first: int = 1, count: int = 30) -> None:
    """Put so many more records into a cell's record."""
    with closing(record_in(folder, area)) as record:
        record.append([bins(number, NOON + number) for number in range(first, first + count)])


def pushed(folder: Path, database: str, area: str = AREA) -> dict:
    """Push all there is; how that stands then."""
    push = push_of(folder, database, area)
    push.push_all()
    return push.state() or {}


def test_what_is_pushed_twice_is_there_once(database, tmp_path):
    """All goes over with its amendments, a second time nothing does, and without the cell's cursor all of it again."""
    filled(tmp_path)
    with closing(record_in(tmp_path)) as record:
        record.append([visit(1, "served")])
        record.amend(visit(1, "served").id, {"bins_before": 7}, "miscounted", "ann", NOON)
    assert pushed(tmp_path, database)["pushed"] == 32
    assert pushed(tmp_path, database)["pushed"] == 0
    (tmp_path / NAME).unlink()
    again = pushed(tmp_path, database)
    assert (again["pushed"], again["others"], again["surplus"]) == (0, 0, 0)
    assert same(tmp_path, database)
    found = city_records(database).get(visit(1, "served").id)
    assert found is not None and found.body["bins_before"] == 7


def test_what_a_cell_has_and_cannot_push_is_known_to_wait(database, tmp_path, monkeypatch):
    """A cell whose records are refused is heard all the same; the totals of its day must not be told meanwhile."""
    filled(tmp_path, count=4)
    push = push_of(tmp_path, database, picture=lambda: SAID)
    push.turn()
    filled(tmp_path, first=5, count=3)

    def refused(*_: object) -> None:
        raise Refused("the database cannot keep this")

    monkeypatch.setattr(CityShare, "push", refused)
    for _ in range(2):  # the first lets go of the database, the next says at once how the cell stands
        push.turn()
    with closing(CityDatabase(database, None, lambda: NOON)) as city:
        assert standing(city.cells()[0])["waiting"] == 3
    push.close()


def test_long_records_go_over_a_few_at_a_time(database, tmp_path, monkeypatch):
    """Photos of half a megabyte each would be half a gigabyte in one batch by number alone."""
    with closing(record_in(tmp_path)) as record:
        record.append([
            Record(f"photo:{number}", "photo", f"b{number}", NOON, NOON, AREA, {"jpeg": "/" * 500_000})
            for number in range(20)
        ])  # fmt: skip
    filled(tmp_path)
    sent, push = list[int](), CityShare.push

    def counted(share: CityShare, records, *more):
        sent.append(sum(transfer.letters_of(one) for one in records))
        return push(share, records, *more)

    monkeypatch.setattr(CityShare, "push", counted)
    assert pushed(tmp_path, database)["pushed"] == 50
    assert len(sent) == 3 and max(sent) <= transfer.BATCH_LETTERS + 500_000
    assert same(tmp_path, database)


def test_a_city_that_lost_its_database_gets_all_of_it_again(server, database, tmp_path):
    """The cell knows that it had pushed; the city knows of nothing: the lower of both counts."""
    filled(tmp_path)
    pushed(tmp_path, database)
    with psycopg.connect(database) as connection:
        connection.execute("DROP TABLE zp_city, zp_cell, zp_pushed, zp_area, zp_record")
    filled(tmp_path, first=31, count=5)
    assert pushed(tmp_path, database)["pushed"] == 35
    assert same(tmp_path, database)


def test_a_cell_that_was_killed_between_commit_and_cursor_goes_on(database, tmp_path):
    """Its own cursor is of before, or says nothing at all: what it sends again is there already."""
    filled(tmp_path)
    pushed(tmp_path, database)
    before = (tmp_path / NAME).read_bytes()
    filled(tmp_path, first=31)
    pushed(tmp_path, database)
    for left in (before, b"", b"{"):
        (tmp_path / NAME).write_bytes(left)
        assert pushed(tmp_path, database)["pushed"] == 0
        assert same(tmp_path, database)


def test_a_record_that_was_restored_from_a_backup_is_found_out(database, tmp_path, caplog):
    """It is older than what came of it, and goes on otherwise: that is said, nothing is skipped, nothing is lost."""
    cell, backup = tmp_path / "cell", tmp_path / "backup"
    filled(cell)
    pushed(cell, database)
    shutil.copytree(cell, backup)
    filled(cell, first=31, count=10)
    pushed(cell, database)
    shutil.rmtree(cell)
    shutil.copytree(backup, cell)
    state = pushed(cell, database)
    assert "a backup that was restored" in caplog.text and state["surplus"] == 10
    filled(cell, first=101, count=20)  # the cell goes on, beyond the row up to which the city has it
    shutil.copy(backup / NAME, cell / NAME)
    state = pushed(cell, database)
    assert (state["surplus"], state["pushed"]) == (10, 20)
    assert pushed(cell, database)["surplus"] == 10, "also at a start with nothing to push"
    with closing(CityShare(database, None, AREA, ZONE, _record_of(cell), lambda: NOON)) as share:
        row = share.pushed()
    assert (row.went_back_from, row.went_back_to) == (40, 30)
    with closing(record_in(cell)) as record:  # which brings them back
        transfer.import_records(transfer.records_of(city_records(database)), record, lambda _: None)
    assert pushed(cell, database)["surplus"] == 0 and same(cell, database)


def test_a_record_that_went_on_otherwise_is_found_out_by_the_id_in_its_row(database, tmp_path, caplog):
    """The restored record has come further than the city's cursor before anybody asked."""
    cell, backup = tmp_path / "cell", tmp_path / "backup"
    filled(cell)
    shutil.copytree(cell, backup)
    filled(cell, first=31, count=10)
    pushed(cell, database)
    shutil.rmtree(cell)
    shutil.copytree(backup, cell)
    filled(cell, first=101, count=50)
    (cell / NAME).write_text(json.dumps({"record": _record_of(cell), "row": 40}))
    assert pushed(cell, database)["pushed"] == 50
    assert "a backup that was restored" in caplog.text
    assert len(lines(city_records(database))) == 90


def _record_of(folder: Path) -> str:
    with closing(record_in(folder)) as record:
        return record.about("record") or ""


def test_an_id_under_which_the_city_has_something_else_is_said(database, tmp_path):
    """The first one stays, in both; how many there are is said, with the first."""
    one, other = tmp_path / "one", tmp_path / "other"
    filled(one)
    pushed(one, database)
    with closing(record_in(other)) as record:
        record.append([bins(1, NOON + 1, count=9), bins(50)])
    state = pushed(other, database)
    assert (state["others"], state["other_id"], state["pushed"]) == (1, bins(1).id, 1)
    assert state["surplus"] == 29, "another record of this area pushed before"


def test_a_city_that_is_away_is_tried_again_and_gets_everything(server, database, tmp_path):
    """It is stopped in the midst of it: the push waits, longer each time, and goes on where the city was."""
    filled(tmp_path, count=BATCH + 10)
    push = push_of(tmp_path, database)
    push.turn()
    assert push.state()["waiting"] == 10, "there is more"
    server.stop()
    assert [push.turn(), push.turn(), push.turn()] == [5.0, 10.0, 20.0]
    filled(tmp_path, first=5000, count=3)
    assert push.turn() == 30.0
    state = push.state()
    assert state["waiting"] == 13 and state["why"] and state["away_since_at"]
    server.start()
    assert push.turn() == 5.0
    assert push.state()["away_since_at"] is None and push.state()["waiting"] == 0
    push.close()
    assert same(tmp_path, database)


def test_a_cell_that_was_cut_off_for_an_hour_is_silent_and_then_whole(server, database, tmp_path):
    """It worked on all the while: an hour of records, presses and a correction; then the figures are the same."""
    hour = [*days_of(4, days=2), *(keeper(NOON + 10 * second) for second in range(360))]
    records = records_of(hour, AREA)
    with closing(record_in(tmp_path)) as record:
        record.append(records[:5])
    push = push_of(tmp_path, database, picture=lambda: SAID)
    push.turn()
    server.stop()
    tries = 0
    for minute in range(60):
        tries += push.turn() > 0 and minute < 3
        with closing(record_in(tmp_path)) as record:
            record.append(records[5 + 6 * minute : 5 + 6 * minute + 6])
    with closing(record_in(tmp_path)) as record:
        record.append(records)
        record.amend(records[0].id, {"bins_after": 0}, "miscounted", "ann", NOON)
    server.start()
    silent_for(database, AREA, 3600)
    with closing(CityDatabase(database, None, lambda: NOON)) as city:
        assert standing(city.cells()[0])["silent"]
        push.turn()
        assert push.state()["waiting"] == 0
        wait_until(lambda: push.turn() and not standing(city.cells()[0])["silent"], "its next beat is due", 15)
        push.close()
        with closing(record_in(tmp_path)) as record:
            assert figures_of(city.records(AREA, ZONE), DAY, DAY, ZONE) == figures_of(record, DAY, DAY, ZONE) != {}
    assert same(tmp_path, database) and tries == 3


def test_a_push_that_is_killed_at_any_moment_goes_on(database, tmp_path):
    """kill -9 in the midst of it, again and again: each record is there once, and none is missing."""
    folder = tmp_path / "data" / "records"
    filled(folder, count=12 * BATCH)
    config = tmp_path / "broker.toml"
    config.write_text(f'[area]\nplan = "demo"\n[city]\nurl = "{database}"\n')
    there = 0
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-m", "broker", "push", "--config", str(config)], cwd=REPO)
        with psycopg.connect(database, autocommit=True) as connection:
            there = wait_until(lambda before=there: _more(connection, before), "it pushes", 60)
        process.kill()
        process.wait(20)
    assert pushed(folder, database)["others"] == 0
    assert same(folder, database)


def _more(connection: psycopg.Connection, before: int) -> int:
    """How many records there are, once they are more."""
    if connection.execute("SELECT to_regclass('zp_record')").fetchone() == (None,):
        return 0
    (found,) = connection.execute("SELECT count(*) FROM zp_record").fetchone() or (0,)
    return found if found > before or found == 12 * BATCH else 0


def test_a_note_that_fails_ends_no_push_and_is_said(database, tmp_path, monkeypatch):
    """Neither does a record that cannot be read just then: what it is called is known."""
    filled(tmp_path)
    push = push_of(tmp_path, database)
    # a page of the very file that it reads is spoiled
    _, reader = push._opened()
    monkeypatch.setattr(type(reader), "about", _refusing(Corrupt("a page")))
    assert push.turn() == 5.0 and (tmp_path / NAME).exists(), "the note needs no look into the record"
    push.close()
    monkeypatch.undo()
    monkeypatch.setattr("broker.city.push.note_row", _refusing(ValueError("no note")))
    monkeypatch.setattr("broker.city.push.NOTED_S", 0)
    assert push.turn() == 5.0 and push.state()["why"] == "no note"
    monkeypatch.undo()
    assert push.turn() == 5.0 and push.state()["why"] == ""
    push.close()


@pytest.mark.parametrize("what", ["refused", "page", "file"])
def test_a_cell_whose_records_do_not_pass_is_heard_all_the_same(database, tmp_path, monkeypatch, what):
    filled(tmp_path)
    push = push_of(tmp_path, database, picture=lambda: SAID)
    push.turn()
    filled(tmp_path, first=31)
    silent_for(database, AREA, 3600)
    push._beat_at = float("-inf")  # it is due again
    if what == "refused":
        monkeypatch.setattr(CityShare, "push", _refusing(Unavailable("the disk is full")))
    elif what == "page":
        monkeypatch.setattr(SQLiteReader, "last_row", _refusing(Corrupt("a page")))
    else:
        # as after a connection that was cut
        push._lose()
        monkeypatch.setattr("broker.city.push.reading_store", _refusing(Corrupt("a page")))
    push.turn()
    assert push.state()["why"] in ("a page", "the disk is full")
    with closing(CityDatabase(database, None, lambda: NOON)) as city:
        assert not standing(city.cells()[0])["silent"]
    push.close()


def _refusing(why: Exception):
    def refuse(*_, **__):
        raise why

    return refuse


def test_a_row_that_cannot_be_read_is_asked_for_again_until_it_is_read_or_given_up():
    assert hole_of(0, 0, 5, {1, 2, 4, 5}, set()) == 3
    assert hole_of(3, 5, 9, {6, 7, 8, 9}, set()) == 3, "others are read meanwhile"
    assert hole_of(3, 2, 5, {3, 4, 5}, set()) == 0, "it is read now"
    assert hole_of(3, 2, 5, {3, 5}, set()) == 4, "and another is not"
    assert hole_of(0, 0, 5, {1, 2, 4, 5}, {3}) == 0, "a repair gave it up"


def test_tries_get_no_rarer_than_the_city_may_wait():
    """A cell that is heard again is shown so within the 90 s in which it would be shown as silent."""
    assert [rest_s(failures, 5) for failures in range(5)] == [5, 10, 20, 30, 30]
    assert max(rest_s(failures, push_s) for failures in range(99) for push_s in range(1, 31)) <= 30


def test_cells_push_at_once_and_are_kept_apart(database, tmp_path):
    """Records of one id in several areas are several; the tables are made once, whoever comes first."""
    folders = {area: tmp_path / area for area in ("xh", "ja", "pt", "hp")}
    for number, (area, folder) in enumerate(folders.items()):
        filled(folder, area, count=30 + number)
    with ThreadPoolExecutor(len(folders)) as pool:
        states = list(pool.map(lambda area: pushed(folders[area], database, area), folders))
    assert [state["pushed"] for state in states] == [30, 31, 32, 33]
    assert all(same(folder, database, area) for area, folder in folders.items())


def test_a_newer_city_is_not_written_to(database, tmp_path, monkeypatch):
    """A step that this release does not know of is said; one that is new is done once, and nothing is lost."""
    filled(tmp_path)
    pushed(tmp_path, database)
    monkeypatch.setattr(city_tables, "STEPS", (*city_tables.STEPS, "ALTER TABLE zp_cell ADD COLUMN more int"))
    for _ in range(2):
        CityShare(database, None, AREA, ZONE, "r", lambda: NOON).close()
    assert same(tmp_path, database)
    monkeypatch.undo()
    with pytest.raises(Conflict, match="newer release"):
        pushed(tmp_path, database)


def test_the_command_pushes_all_there_is_and_ends(database, tmp_path, capsys):
    """An old disk in another machine: its records are brought after, and it is said how many were new."""
    filled(tmp_path / "data" / "records")
    config = tmp_path / "broker.toml"
    config.write_text(f'[area]\nplan = "demo"\n[city]\nurl = "{database}"\n')
    assert main(["push", "--config", str(config)]) == 0, capsys.readouterr().err
    assert "30 records are with the city, 30 of them are new there" in capsys.readouterr().out
    config.write_text('[area]\nplan = "demo"\n')
    assert main(["push", "--config", str(config)]) == 1
    assert "[city] url: is missing" in capsys.readouterr().err
    config.write_text('[area]\nplan = "demo"\n[city]\nurl = "postgresql://nobody@127.0.0.1:1/x"\n')
    assert main(["push", "--config", str(config)]) == 1
    assert "cannot be used now" in capsys.readouterr().err


def test_a_look_at_the_configuration_says_that_the_city_is_not_there(tmp_path, capsys):
    """It keeps no bridge from its work: a note, and all else is good."""
    config = tmp_path / "broker.toml"
    city = '[city]\nurl = "postgresql://nobody@127.0.0.1:1/x"\n'
    config.write_text(f'[area]\nplan = "demo"\n[mqtt]\nport = {PORT}\n[web]\nenabled = false\n{city}')
    with door("127.0.0.1", PORT):
        assert main(["--check-config", "--config", str(config)]) == 0
    assert "note: [city] url: the database cannot be used now" in capsys.readouterr().err


def test_a_database_that_is_not_there_is_no_city():
    """Whoever asks is told, and nothing waits for hours."""
    with pytest.raises(Unavailable):
        CityDatabase("postgresql://nobody@127.0.0.1:1/x", None, lambda: NOON).cells()
