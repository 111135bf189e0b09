"""Export, import, amend and stats: what a technician has in a cellar at night."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tinydb import TinyDB

from broker.__main__ import main
from broker.store import Conflict, Corrupt, Record, transfer
from broker.store.postgres import PostgresStore
from broker.store.sqlite.store import SQLiteStore
from tests.support.record.damaged import changed
from tests.support.record.samples import ZONE, bins, visit
from tests.support.record.store_faults import NOON, batch, open_store


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


def test_long_records_are_taken_a_few_at_a_time(tmp_path):
    """Photos of half a megabyte each would be half a gigabyte at once by number alone."""
    store = open_store(tmp_path / "s", lambda: float(NOON))
    photos = [Record(f"photo:{number}", "photo", f"b{number}", NOON, NOON, "xh", {"jpeg": "/" * 500_000})
              for number in range(20)]  # fmt: skip
    taken, written = [], []
    assert transfer.stored_of(photos, store, taken.append)[0].stored == 20
    assert transfer.export(store, tmp_path / "x.jsonl", written.append) == 20
    assert sum(taken) == sum(written) == 20
    assert max(taken + written) * 500_000 <= transfer.BATCH_LETTERS + 500_000
    store.close()


def test_import_says_which_ids_hold_something_else(folder, tmp_path):
    """A record is never dropped in silence because another one has its id; amended records are the same records."""
    source, target = open_store(folder, lambda: NOON + 2 * 86_400), open_store(tmp_path / "t", lambda: NOON)
    records = list(transfer.records_of(source))
    transfer.import_records(records[:7], target, nothing)
    receipt = transfer.import_records(
        records, target, nothing
    )  # an interrupted import is run again: what is there stays
    assert receipt.duplicates == 7 and receipt.stored == len(records) - 7
    target.amend(bins(77, room="r09").id, {"late": True}, "why", "who", NOON)
    assert transfer.import_records(records, target, nothing).stored == 0
    other = bins(77, count=99, room="r09")
    with pytest.raises(Conflict, match=f"1 of them with other content.*{other.id!r} is the first"):
        transfer.import_records([*records, other], target, nothing)
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


def test_store_commands_from_the_command_line(folder, tmp_path, capsys):
    """The three commands as a technician types them, with exit codes; stock TinyDB opens what is exported for it."""
    out = tmp_path / "out.jsonl"
    assert main(["fsck", "--store", str(folder)]) == 0
    for target in (out, tmp_path / "all.json"):
        assert main(["export", "--store", str(folder), str(target)]) == 0
    records = [json.loads(line) for line in out.read_bytes().splitlines()]
    with TinyDB(tmp_path / "all.json") as stock:
        assert stock.tables() == {record["kind"] for record in records}
        assert [found["id"] for found in stock.table("bins")] == [one["id"] for one in records if one["kind"] == "bins"]
    out.write_bytes(out.read_bytes() + b"\n\n")  # empty lines are no records
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


@pytest.mark.parametrize(("typed", "said"), [
    ("export --store TYPO --area xh OUT", "there are no records at TYPO"),
    ("import --store STORE TYPO", "there are no records at TYPO"),
    ("amend --store TYPO --area xh --reason x --who y id a=1", "there are no records at TYPO"),
    ("fsck --store TYPO", "there are no records at TYPO"),
    ("stats --store TYPO --from 2026-11-22", "there are no records at TYPO"),
    ("stats --store STORE --from 2026-11-31", "'2026-11-31' is no day; write it as 2026-11-22"),
    ("stats --store STORE --timezone Europe/Berlin --from 2026-11-22", "holds area xh in time zone Asia/Shanghai"),
    ("export --store STORE TYPO/x.jsonl", "TYPO/x.jsonl.part: No such file"),
    *((f"import --store NEW --area xh --timezone {zone} EMPTY", f"'{zone}' is no time zone; write it as Asia/Shanghai")
      for zone in ("Mars/X", "Asia", "../x")),
    ("amend --store STORE --reason miscounted --who ann VISIT state=\udcff", "is not UTF-8"),
    ("amend --store STORE --reason miscounted --who \udcff VISIT state=open", "is not UTF-8"),
])  # fmt: skip
def test_commands_refuse_in_one_line_and_make_nothing(folder, tmp_path, capsys, typed, said):
    """A wrong path, day, zone or text: it is named with how it is meant, and nothing looks as if all were well."""
    places = {"STORE": folder, "TYPO": tmp_path / "missing", "OUT": tmp_path / "out.jsonl", "NEW": tmp_path / "new",
              "EMPTY": tmp_path / "empty.jsonl", "VISIT": visit(1, "served").id}  # fmt: skip
    places["EMPTY"].write_text("")
    before = sorted(tmp_path.iterdir())

    def filled_in(text: str) -> str:
        for name, place in places.items():
            text = text.replace(name, str(place))
        return text

    assert main([filled_in(word) for word in typed.split(" ")]) == 1
    error = capsys.readouterr().err
    assert filled_in(said) in error and error.count("\n") == 1 and sorted(tmp_path.iterdir()) == before


def test_a_command_beside_a_spoiled_note_sends_to_the_check(folder, tmp_path, capsys):
    """Nobody knows whose the record is."""
    (folder / "record.note").write_text("{}")
    assert main(["export", "--store", str(folder), str(tmp_path / "out.jsonl")]) == 1
    assert "fsck" in capsys.readouterr().err


def test_one_hurt_row_costs_its_own_figures_only(folder, capsys):
    """What can be read is counted and printed, what cannot is named, and the exit code says that it is not all."""
    asked = ["stats", "--store", str(folder), "--from", "2026-11-22"]
    assert main(asked) == 0
    whole = capsys.readouterr().out
    row = 31  # the visit; the second one is a position, which no figure has
    changed(folder, "UPDATE record SET body = '{}' WHERE row IN (2, 31)")
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
