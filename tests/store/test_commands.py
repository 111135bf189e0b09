"""Export, import, amend and stats: what a technician has in a cellar at night."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tinydb import TinyDB

from broker.__main__ import main
from broker.store import Conflict, Corrupt, transfer
from broker.store.postgres import PostgresStore
from broker.store.sqlite.store import SQLiteStore
from tests.support.record.samples import ZONE, bins, visit
from tests.support.record.store_faults import NOON, batch, findings, open_store


def filled(folder: Path) -> SQLiteStore:
    """A store with two past days, today, and an amendment."""
    clock = [float(NOON)]
    store = open_store(folder, lambda: clock[0])
    for day in range(3):
        clock[0] = NOON + day * 86_400.0
        store.append([*batch(10 * day + 1, int(clock[0])), *batch(10 * day + 2, int(clock[0]))])
    store.append([visit(1, "served"), bins(77, count=3, room="r09")])
    store.amend(visit(1, "served").id, {"bins_before": 9}, "miscounted", "ann", NOON)
    return store


def nothing(more: int) -> None:
    """No progress bar."""


@pytest.fixture
def folder(tmp_path) -> Path:
    """The folder of a filled store, closed."""
    filled(tmp_path / "s").close()
    return tmp_path / "s"


@pytest.mark.real
def test_export_and_import_give_the_same_bytes_everywhere(folder, tmp_path, database):
    """Folder to lines to folder, to PostgreSQL, to a TinyDB file and back: every export is byte-equal."""
    source = filled(tmp_path / "other")
    first = tmp_path / "first.jsonl"
    count = transfer.export(source, first, nothing)
    assert count == source.health()["records"] == len(first.read_bytes().splitlines())
    transfer.export(source, tmp_path / "first.json", nothing)
    clock = lambda: NOON  # noqa: E731
    targets = [SQLiteStore(tmp_path / "a", "xh", ZONE, clock), SQLiteStore(tmp_path / "b", "xh", ZONE, clock),
               PostgresStore(database, "transfer", ZONE, clock)]  # fmt: skip
    transfer.import_records(transfer.read(first), targets[0], nothing)
    transfer.import_records(transfer.read(tmp_path / "first.json"), targets[1], nothing)
    transfer.import_records(transfer.records_of(targets[0]), targets[2], nothing)
    for number, target in enumerate(targets):
        again = tmp_path / f"again{number}.jsonl"
        transfer.export(target, again, nothing)
        assert again.read_bytes() == first.read_bytes()
        assert target.get(visit(1, "served").id) == source.get(visit(1, "served").id)
        target.close()
    source.close()


def test_import_says_which_ids_hold_something_else(folder, tmp_path):
    """A record is never dropped in silence because another one has its id; amended records are the same records."""
    source, target = open_store(folder, lambda: NOON + 2 * 86_400), open_store(tmp_path / "t", lambda: NOON)
    records = list(transfer.records_of(source))
    transfer.import_records(records, target, nothing)
    target.amend(bins(77, room="r09").id, {"late": True}, "why", "who", NOON)
    assert transfer.import_records(records, target, nothing).stored == 0
    other = bins(77, count=99, room="r09")
    with pytest.raises(Conflict, match=f"1 of them with other content.*{other.id!r} is the first"):
        transfer.import_records([*records, other], target, nothing)
    source.close()
    target.close()


def test_import_again_stores_nothing_twice(folder, tmp_path):
    """An interrupted import is run again: what is there stays."""
    source, target = open_store(folder, lambda: NOON + 2 * 86_400), open_store(tmp_path / "t", lambda: NOON)
    records = list(transfer.records_of(source))
    transfer.import_records(records[:7], target, nothing)
    receipt = transfer.import_records(records, target, nothing)
    assert receipt.duplicates == 7 and receipt.stored == len(records) - 7
    source.close()
    target.close()


def test_import_names_the_line_that_is_wrong(tmp_path):
    """A file that is not ours is refused with file and line."""
    path = tmp_path / "x.jsonl"
    path.write_text('{"id":"a"}\n')
    with pytest.raises(Corrupt, match=r"x\.jsonl: line 1 is not a record"):
        list(transfer.read(path))
    whole = '{"id":"a","kind":"visit","key":"k","at":1,"received_at":1,"area":"xh","body":5}'
    path.write_text(whole + "\n")
    with pytest.raises(Corrupt, match="its body must be an object"):
        list(transfer.read(path))
    for line, said in (
        ("[]", "it is no object"),
        ("oh", "is not JSON"),
        ('{"id":"a","kind":"visit","key":"k","at":1,"received_at":1}', "it has no area and no body"),
        (whole.replace("5}", '{"a":9007199254740993}}'), "a whole number is beyond"),
        (whole.replace("visit", "amendment").replace("5}", "{}}"), "its record_id must be a text, got None"),
    ):
        path.write_text(whole.replace("5}", "{}}") + "\n" + line + "\n")
        with pytest.raises(Corrupt, match=f"line 2 .*{said}.*; mend or remove it and import again"):
            list(transfer.read(path))
    path = path.with_suffix(".json")
    path.write_text('{"visit":{"1":[1]}}')
    with pytest.raises(Corrupt, match="not a TinyDB file"):
        list(transfer.read(path))


def test_import_passes_empty_lines_over(folder, tmp_path):
    """Line breaks at the end of a file are no records."""
    source, target = open_store(folder, lambda: NOON + 2 * 86_400), open_store(tmp_path / "t", lambda: NOON)
    transfer.export(source, tmp_path / "x.jsonl", nothing)
    with (tmp_path / "x.jsonl").open("ab") as file:
        file.write(b"\n\n")
    transfer.import_records(transfer.read(tmp_path / "x.jsonl"), target, nothing)
    assert list(target.scan("fix")) == list(source.scan("fix")) != []
    source.close()
    target.close()
    assert findings(tmp_path / "t") == []


def test_export_names_the_file_that_the_disk_does_not_take(folder, tmp_path, capsys, monkeypatch):
    """No room, and whatever else a disk says while it is written to."""
    part = tmp_path / "x.json.part"
    part.symlink_to("/dev/full")
    assert main(["export", "--store", str(folder), str(tmp_path / "x.json")]) == 1
    assert f"{part}: No space left on device; make room" in capsys.readouterr().err
    store = open_store(folder, lambda: NOON + 2 * 86_400)

    def failing(_handle: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken, pytest.raises(OSError, match="Input/output") as raised:
        broken.setattr(os, "fsync", failing)
        transfer.export(store, tmp_path / "x.jsonl", nothing)
    assert raised.value.filename == str(tmp_path / "x.jsonl.part")
    store.close()


@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
def test_the_name_of_an_export_survives_a_power_cut(folder, tmp_path, monkeypatch, name):
    """The folder is synced after the file has its name."""
    synced: list[list[str]] = []
    monkeypatch.setattr(
        transfer.Files, "sync_folder", lambda _, path: synced.append([found.name for found in path.glob("x.*")])
    )
    store = open_store(folder, lambda: NOON + 2 * 86_400)
    transfer.export(store, tmp_path / name, nothing)
    assert synced[-1] == [name]
    store.close()


def test_exported_tinydb_file_opens_with_stock_tinydb(folder, tmp_path):
    """One table per kind, all documents there."""
    store = open_store(folder, lambda: NOON + 2 * 86_400)
    transfer.export(store, tmp_path / "all.json", nothing)
    with TinyDB(tmp_path / "all.json") as stock:
        assert stock.tables() == set(store.kinds())
        assert [d["id"] for d in stock.table("bins")] == [r.id for r in store.scan("bins")]
    store.close()


def test_store_commands_from_the_command_line(folder, tmp_path, capsys):
    """The three commands as a technician types them, with exit codes."""
    out = tmp_path / "out.jsonl"
    assert main(["fsck", "--store", str(folder)]) == 0
    assert main(["export", "--store", str(folder), str(out)]) == 0
    arguments = ["import", "--store", str(tmp_path / "new"), "--area", "xh", "--timezone", ZONE, str(out)]
    assert main(arguments) == 0 and main(arguments) == 0
    assert "0 records stored, 33 were there already" in (said := capsys.readouterr().out) and "33 records, each" in said
    (folder / "days" / "2026-11-22" / "bins.json").write_text("oh")
    assert main(["fsck", "--store", str(folder)]) == 1
    assert "BAD" in capsys.readouterr().out
    assert main(["export", "--store", str(folder), str(tmp_path / "x.csv")]) == 2


def test_amend_command_corrects_by_id_or_by_the_newest_of_a_key(folder, capsys):
    """Who and why are kept, the original stays, and a field the record does not have is refused."""
    newest = visit(1, "served")
    asked = ["amend", "--store", str(folder), "--reason", "miscounted", "--who", "ann"]
    assert main([*asked, newest.id, "bins_before=8"]) == 0
    assert "bins_before 9 -> 8" in capsys.readouterr().out
    assert main([*asked, f"visit:{newest.key}", "bins_before=7"]) == 0
    assert main([*asked, newest.id, "bins_befor=7"]) == 1
    assert "has no bins_befor; it has" in capsys.readouterr().err
    assert main([*asked, newest.id, "bins_before=six"]) == main([*asked, newest.id, "state=7"]) == 1
    assert "bins_before is a whole number" in capsys.readouterr().err
    assert main([*asked, newest.id, "bins_before=9223372036854775808"]) == 1  # a time so far off breaks every calendar
    assert "bins_before is a whole number from 0 to" in capsys.readouterr().err
    assert main([*asked, newest.id, "bins_before"]) == main([*asked, "visit:nobody", "bins_before=1"]) == 1
    store = open_store(folder, lambda: NOON + 2 * 86_400)
    amended = store.get(newest.id)
    assert amended is not None and amended.body["bins_before"] == 7
    last = store.get(f"{newest.id}#3")
    assert last is not None and (last.body["who"], last.body["reason"]) == ("ann", "miscounted")
    assert any(record.body == newest.body for record in store.scan("visit", amended=False))
    store.close()


def test_commands_make_no_store_where_there_is_none(folder, tmp_path, capsys):
    """A wrong path to read from is an error: nothing is made there, and nothing looks as if all were well."""
    typo = tmp_path / "missing.jsonl"
    for arguments in (
        ["export", "--store", str(typo), "--area", "xh", str(tmp_path / "out.jsonl")],
        ["import", "--store", str(folder), str(typo)],
        ["amend", "--store", str(typo), "--area", "xh", "--reason", "x", "--who", "y", "id", "a=1"],
    ):
        assert main(arguments) == 1
        assert "there are no records at" in capsys.readouterr().err
        assert not typo.exists() and not (tmp_path / "out.jsonl").exists()
    assert main(["stats", "--store", str(folder), "--timezone", "Europe/Berlin", "--from", "2026-11-22"]) == 1
    assert "holds area xh in time zone Asia/Shanghai" in capsys.readouterr().err
    (folder / "record.note").write_text("{}")
    assert main(["export", "--store", str(folder), str(tmp_path / "out.jsonl")]) == 1
    assert "fsck" in capsys.readouterr().err


def test_commands_say_what_is_wrong_with_a_day_or_a_place(folder, tmp_path, capsys):
    """The text names what was typed and how it is meant; no number of an error alone."""
    missing = str(tmp_path / "nowhere")
    for arguments, said in (
        (["stats", "--store", str(folder), "--from", "2026-11-31"], "'2026-11-31' is no day; write it as 2026-11-22"),
        (["fsck", "--store", missing], f"there are no records at {missing}"),
        (["stats", "--store", missing, "--from", "2026-11-22"], f"there are no records at {missing}"),
        (["export", "--store", str(folder), f"{missing}/x.jsonl"], f"{missing}/x.jsonl.part: No such file"),
    ):
        assert main(arguments) == 1
        assert said in capsys.readouterr().err


def test_commands_refuse_what_is_no_time_zone_and_no_text(folder, tmp_path, capsys):
    """A zone nobody knows, a folder of zones, and bytes that are no UTF-8 end in one line each."""
    source = tmp_path / "x.jsonl"
    source.write_text("")
    for zone in ("Mars/X", "Asia", "../x", ""):
        where = ["--area", "xh", "--timezone", zone or " "]
        assert main(["import", "--store", str(tmp_path / "new"), *where, str(source)]) == 1
        assert f"{zone or ' '!r} is no time zone; write it as Asia/Shanghai" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    asked = ["amend", "--store", str(folder), "--reason", "miscounted", "--who"]
    for words in (["ann", visit(1, "served").id, "state=\udcff"], ["\udcff", visit(1, "served").id, "state=open"]):
        assert main([*asked, *words]) == 1
        assert "is not UTF-8" in capsys.readouterr().err


def test_one_hurt_row_costs_its_own_figures_only(folder, capsys):
    """What can be read is counted and printed, what cannot is named, and the exit code says that it is not all."""
    asked = ["stats", "--store", str(folder), "--from", "2026-11-22"]
    assert main(asked) == 0
    whole = capsys.readouterr().out
    with sqlite3.connect(folder / "record.sqlite") as rows:
        rows.execute("UPDATE record SET body = '{}' WHERE row = 2")  # a position: no figure has it
        ((row,),) = rows.execute("SELECT row FROM record WHERE kind = 'visit' AND key = 'run1/r01/1'")
        rows.execute("UPDATE record SET body = replace(body, 'served', 'seaved') WHERE row = ?", [row])
    rows.close()
    assert main(asked) == 1
    said = capsys.readouterr()
    assert f"row {row} is not what was written" in said.err and "row 2 " not in said.err
    assert said.out.splitlines()[0] == whole.splitlines()[0] and len(said.out.splitlines()) > 1


@pytest.mark.real
@pytest.mark.parametrize(("end", "code", "said"), [("head", 1, ""), ("ctrl-c", 130, "interrupted")])
def test_a_command_that_is_not_heard_to_its_end_ends_quietly(folder, end, code, said):
    """`| head` and Ctrl-C bring no traceback; and what is printed is UTF-8 under any locale."""
    days = ["--from", "2025-11-22", "--to", "2026-11-23"]
    env = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUNBUFFERED": ""}
    argv = [sys.executable, "-m", "broker", "stats", "--store", str(folder), *days]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "pipesize": 4096}  # less than it prints
    with subprocess.Popen(argv, **pipes, env=env) as child:
        assert child.stdout is not None and child.stderr is not None
        assert child.stdout.readline().decode("utf-8-sig").startswith("period,")
        if end == "head":
            child.stdout.close()
        else:
            child.send_signal(signal.SIGINT)
            child.stdout.read()
        error = child.stderr.read().decode()
        assert child.wait(20) == code
    assert "Traceback" not in error and "Exception" not in error and said in error
