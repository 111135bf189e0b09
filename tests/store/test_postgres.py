"""What only PostgreSQL can go wrong with: lost connections, several writers, a server that dies, passwords."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from broker.__main__ import main
from broker.store import Conflict, Refused, Unavailable
from broker.store.postgres import PostgresStore
from tests.support.record.samples import bins, visit
from tests.support.record.store_faults import NOON, batch, check, counted, killed_writer

pytestmark = pytest.mark.real
ZONE = "Asia/Shanghai"


def opened(address: str, area: str) -> PostgresStore:
    """The store of an area."""
    return PostgresStore(address, area, ZONE, lambda: NOON)


def test_postgres_goes_on_after_a_lost_connection(database):
    """The server cuts every connection: one call says so, the next one works, nothing is stored twice."""
    store = opened(database, "cut")
    store.append(batch(1))
    store.get("r01:1:1")
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'zhanpai'")
    with pytest.raises(Unavailable):
        store.append(batch(2))
    with pytest.raises(Unavailable):
        store.get("r01:1:1")
    assert store.append([*batch(1), *batch(2)]).stored == 5
    assert store.get("r01:1:1") is not None
    store.close()


def test_postgres_takes_the_same_batches_from_several_writers(database):
    """Four bridges append the same batches at once: each record is stored once and counted once."""
    stores = [opened(database, "many") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        work = [(store, number) for number in range(1, 16) for store in stores]
        receipts = list(pool.map(lambda pair: pair[0].append([*batch(pair[1]), bins(pair[1], room="r9")]), work))
    assert sum(receipt.stored for receipt in receipts) == 15 * 6
    assert stores[0].health()["records"] == 90
    assert stores[0].stored_and_there() == (90, 90)
    for store in stores:
        store.close()


def test_postgres_survives_kill_9_of_a_writer(database):
    """A writing process is killed at three moments: all it acknowledged is there, no batch by halves."""
    acknowledged: list[int] = []
    for pause_s in (0.05, 0.13, 0.21):
        killed_writer("postgres", database, acknowledged, pause_s)
    with closing(opened(database, "killed")) as store:
        check(acknowledged, counted(store), "kill -9")
    assert acknowledged


def test_postgres_lets_one_of_two_win_who_amend_at_once(database, monkeypatch):
    """Both saw the same record: the second is told of the first, and the first's amendment stays."""
    store, other = opened(database, "race"), opened(database, "race")
    one = visit(1, "served")
    store.append([one])
    append = PostgresStore.append

    def overtaken(self, records):
        if self is store:  # the moment between reading and writing
            other.amend(one.id, {"bins_before": 7}, "first", "bob", NOON)
        return append(self, records)

    monkeypatch.setattr(PostgresStore, "append", overtaken)
    with pytest.raises(Conflict, match="amended by somebody else just now"):
        store.amend(one.id, {"bins_before": 9}, "second", "ann", NOON)
    found = store.get(one.id)
    assert found is not None and found.body["bins_before"] == 7
    store.close()
    other.close()


def test_postgres_misses_deleted_records(database, capsys):
    """Whoever deletes rows past us leaves a hole that fsck names; a copy brings them back, none counted twice."""
    store = opened(database, "holes")
    records = [visit(number, "served", key=f"run1/r0{number}/1") for number in range(3)]
    store.append(records)
    asked = ["fsck", "--store", database, "--area", "holes", "--timezone", ZONE]
    assert main(asked) == 0 and "GOOD  holes: 3 records" in capsys.readouterr().out
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM zp_record WHERE id = %s", (records[0].id,))
    assert main(asked) == 1
    assert "3 records were stored, 2 are there" in capsys.readouterr().out
    assert main([*asked, "--repair"]) == 3 and main(asked) == 0
    store.append(records)
    assert main(asked) == 0 and "GOOD  holes: 3 records" in capsys.readouterr().out
    store.close()


def test_commands_name_the_areas_of_a_database(database, tmp_path, capsys):
    """A mistyped area is no empty one: it is refused with those that have records, and nothing is made of it."""
    opened(database, "typed").close()
    target = str(tmp_path / "x.jsonl")
    for command in (["fsck"], ["export", target], ["stats", "--from", "2026-11-22"], ["fsck", "--repair"]):
        assert main([*command, "--store", database, "--area", "mistyped", "--timezone", ZONE]) == 1
        assert re.search(r"no records of area 'mistyped'; it has those of .*\btyped\b", capsys.readouterr().err)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT 1 FROM zp_area WHERE area = 'mistyped'").fetchone() is None


def test_postgres_keeps_areas_apart(database):
    """Two areas in one database see their own records only; another time zone for an area is refused."""
    one, two = opened(database, "one"), opened(database, "two")
    one.append([bins(1)])
    two.append([bins(1), bins(2)])
    assert len(list(one.scan("bins"))) == 1 and len(list(two.scan("bins"))) == 2
    with pytest.raises(Conflict, match="time zone"):
        PostgresStore(database, "one", "Europe/Berlin", lambda: NOON)
    one.close()
    two.close()


def test_postgres_takes_no_password_in_its_address(database):
    """A password in the address would end up in configurations and logs: refused, and not repeated."""
    with pytest.raises(Refused, match="PGPASSFILE") as refused:
        opened("postgresql://someone:secret@127.0.0.1/x", "xh")
    assert "secret" not in str(refused.value)
    for address in (
        "postgresql://someone@127.0.0.1/x?password=secret",
        "postgresql://someone@127.0.0.1/x?sslpassword=secret",
        "postgresql://someone:sec%ret@127.0.0.1/x",
        "postgresql://someone:secret@[127.0.0.1/x",
    ):
        with pytest.raises(Refused, match=r"PGPASSFILE|write postgresql://USER") as refused:
            opened(address, "xh")
        assert "sec" not in str(refused.value)
    with pytest.raises(Unavailable):
        opened("postgresql://postgres@127.0.0.1:1/x", "xh")
