"""A backup has all that a bridge keeps, is whole or not there, and comes back as it was."""

import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from broker.store.opening import open_store, reading_store
from broker.store.sqlite.store import SQLiteStore
from broker.upkeep.backup import restoring
from broker.upkeep.backup.manifest import backups_in, read_manifest
from broker.upkeep.backup.tree import copy_tree, seal, wrong_in
from tests.support.record.samples import NOON, ZONE
from tests.support.record.store_faults import findings
from tests.support.upkeep.office import Office

pytestmark = pytest.mark.real  # tenths of a second each


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Two days of records, and the rest."""
    office = Office(tmp_path / "office")
    office.stores(1, 20)
    office.stores(21, 30, day=1)
    office.keeps_the_rest()
    return office


def newest(office: Office) -> Path:
    """The backup that was made last."""
    return backups_in(office.folder / "backups")[-1]


def numbers(office: Office) -> list[int]:
    """The numbers of the reports on record."""
    with reading_store(office.records, office.area, ZONE, lambda: NOON) as store:
        return sorted(record.body["seq"] for record in store.scan("bins"))


def test_all_comes_back_after_the_folder_is_gone(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """Record, past days, accounts, registers, reports, and the configuration itself, good by its own check."""
    assert office.does("backup") == 0
    shutil.copytree(office.folder / "backups", office.folder.parent / "elsewhere")
    shutil.rmtree(office.folder)
    assert office.does("restore", str(office.folder.parent / "elsewhere")) == 0
    assert numbers(office) == [*range(1, 31)]
    assert findings(office.records) == []
    assert (office.records / "days" / "2026-11-22" / "bins.json").exists()
    for key in ("people", "registers", "reports", "playback"):
        assert f'"{key}"' in (getattr(office.config, key).folder / f"{key}.json").read_text()
    assert not (office.config.people.folder / "shell.token").exists()
    said = capsys.readouterr().out
    assert f"put back: {office.config_path}" in said and "GOOD" in said


def test_a_backup_is_checked_with_sha256sum_and_refused_when_one_byte_is_another(office: Office, capsys) -> None:
    """By everybody's tool, and by `restore` before anything is touched."""
    assert office.does("backup") == 0
    made = newest(office)
    lines = (made / "SHA256SUMS").read_text().splitlines()
    assert len(lines) == len([path for path in made.rglob("*") if path.is_file()]) - 1
    assert all(len(line.split("  ")[0]) == 64 for line in lines)
    record = made / "store.url" / "record.sqlite"
    content = bytearray(record.read_bytes())
    content[5000] ^= 1
    record.write_bytes(content)
    shutil.rmtree(office.records)
    assert office.does("restore", str(made)) == 1
    assert "store.url/record.sqlite not as written" in capsys.readouterr().err
    assert not office.records.exists()


def test_sha256sum_itself_is_content(office: Office) -> None:
    """The list is in its form."""
    assert office.does("backup") == 0
    subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"], cwd=newest(office), check=True)


def test_late_records_of_a_past_day_that_come_meanwhile_are_in_the_record(office: Office, monkeypatch) -> None:
    """Of what is in a day's files nothing is lost after a restore, and what they lack yet is written then."""
    now = NOON + 86_400

    def opened() -> SQLiteStore:
        return SQLiteStore(office.records, office.area, ZONE, lambda: now, export_in_background=False)

    def comes_late(number: int) -> None:
        store = opened()
        store.append([office.report(number)])
        store.close()
        opened().close()  # a start writes past days anew

    def copied(source: Path, *rest: Any) -> list[tuple[Path, Path]]:
        if source.name != "days":
            return copy_tree(source, *rest)
        comes_late(31)
        doubtful = copy_tree(source, *rest)
        comes_late(32)
        return doubtful

    with monkeypatch.context() as patch:
        patch.setattr("broker.upkeep.backup.making.copy_tree", copied)
        assert office.does("backup", str(office.folder.parent / "kept")) == 0
    shutil.rmtree(office.folder / "data")
    assert office.does("restore", str(office.folder.parent / "kept")) == 0
    assert numbers(office) == [*range(1, 33)]
    day = office.records / "days" / "2026-11-22" / "bins.json"
    assert '"r01:1:31"' in day.read_text() and '"r01:1:32"' not in day.read_text()
    opened().close()
    assert '"r01:1:31"' in day.read_text() and '"r01:1:32"' in day.read_text()


def test_what_has_not_changed_costs_nothing_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one file in both backups; what changed is two."""
    assert office.does("backup") == 0
    first = newest(office)
    (office.config.people.folder / "people.json").write_text("another one")
    monkeypatch.setattr("broker.commands.upkeep.backup.time.time", lambda: 4_000_000_000)
    assert office.does("backup") == 0
    second = newest(office)
    assert second != first
    for name in ("reports.folder/reports.json", "store.url/days/2026-11-22/bins.json"):
        assert (first / name).samefile(second / name)
    assert (first / "people.folder/people.json").read_text() != "another one"
    assert (second / "people.folder/people.json").read_text() == "another one"


@pytest.mark.parametrize("whose", ["backup", "office"])
def test_a_rotten_file_is_not_taken_for_the_same_one(
    office: Office, whose: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte turned under the same size and time: it is said whose is bad, and no good copy goes for it."""
    assert office.does("backup") == 0
    first, name = newest(office), "reports.folder/reports.json"
    good = (first / name).read_bytes()
    bad = first / name if whose == "backup" else office.config.reports.folder / "reports.json"
    turned = bad.stat()
    bad.write_bytes(bytes([good[0] ^ 1]) + good[1:])
    os.utime(bad, ns=(turned.st_atime_ns, turned.st_mtime_ns))
    capsys.readouterr()
    for second, code in ((1, 1), (2, 0)):
        monkeypatch.setattr("broker.commands.upkeep.backup.time.time", lambda second=second: 4_000_000_000 + second)
        assert office.does("backup", "--keep", "3" if second > 1 else "1") == code
        assert wrong_in(newest(office)) == []
        assert (newest(office) / name).read_bytes() == (office.config.reports.folder / "reports.json").read_bytes()
    (said,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("BAD")]
    assert said.startswith(f"BAD   {bad} is not ")
    assert first.exists()


def test_only_so_many_backups_stay(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go, once the newest is whole; another area's are nobody's business."""
    other = office.folder / "backups" / "zhanpai-zz-2001-01-01T00-00-00Z"
    other.mkdir(parents=True)
    (other / "manifest.json").write_text("{}")
    for second in range(4):
        monkeypatch.setattr("broker.commands.upkeep.backup.time.time", lambda second=second: NOON + second)
        assert office.does("backup", "--keep", "2") == 0
    mine = [path for path in backups_in(office.folder / "backups") if path != other]
    assert [read_manifest(path).made_at for path in mine] == [NOON + 2, NOON + 3]
    assert other.exists()


def test_one_night_of_a_wrong_clock_costs_no_backup(office: Office, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """What is dated after now stays and does not count; the one just made is never the oldest; none of them is put
    back unasked."""

    def at(moment: int) -> None:
        for command in ("backup", "restore"):
            monkeypatch.setattr(f"broker.commands.upkeep.{command}.time.time", lambda: moment)

    for moment in (NOON, NOON + 1, 4_000_000_000, NOON + 2, NOON + 3, 1000, NOON + 4):  # 1000: of 1970
        at(moment)
        assert office.does("backup", "--keep", "2") == 0
        kept = [read_manifest(path).made_at for path in backups_in(office.folder / "backups")]
        assert moment in kept
    assert kept == [NOON + 3, NOON + 4, 4_000_000_000]
    assert "dated after now, so it stays" in capsys.readouterr().out
    shutil.rmtree(office.folder / "data")
    at(NOON - 1000)
    assert office.does("restore", str(office.folder / "backups")) == 1
    assert "each backup" in capsys.readouterr().err
    at(NOON + 5)
    assert office.does("restore", str(office.folder / "backups")) == 0
    said = capsys.readouterr().out
    assert "dated after now, so it is not looked at" in said and "2026-11-22 04:00:04 UTC" in said


def test_secrets_are_left_out_and_named_unless_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever carries a backup away carries no password of a device in clear, unless told so."""
    office = Office(tmp_path / "office", '[embedded]\naccounts = "accounts"\n')
    (office.folder / "accounts").write_text("t01:secret\n")
    (office.folder / "accounts").chmod(0o600)
    office.stores(1, 2)
    assert office.does("backup") == 0
    assert "secrets are left out: embedded.accounts" in capsys.readouterr().out
    assert not any("secret" in path.read_text(errors="ignore") for path in newest(office).rglob("*") if path.is_file())
    shutil.move(office.folder, tmp_path / "away")
    assert office.does("restore", str(tmp_path / "away" / "backups")) == 0
    assert "not in the backup (a secret): embedded.accounts" in capsys.readouterr().out
    shutil.rmtree(office.folder)
    shutil.move(tmp_path / "away", office.folder)
    assert office.does("backup", "--secrets", str(tmp_path / "all")) == 0
    shutil.rmtree(office.folder)
    assert office.does("restore", str(tmp_path / "all")) == 0
    assert (office.folder / "accounts").read_text() == "t01:secret\n"
    assert (office.folder / "accounts").stat().st_mode & 0o777 == 0o600


def test_nothing_that_is_there_is_overwritten(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with something in it is refused before anything changes; --aside renames it, --only leaves the rest."""
    assert office.does("backup") == 0
    office.stores(31, 33, day=2)
    before = numbers(office)
    assert office.does("restore", str(office.folder / "backups")) == 1
    assert "holds something already" in capsys.readouterr().err
    assert numbers(office) == before
    assert office.does("restore", str(office.folder / "backups"), "--aside", "--only", "store.url") == 0
    assert numbers(office) == [*range(1, 31)]
    (away,) = office.records.parent.glob("records.before-*")
    said = capsys.readouterr().out
    assert f"set aside: {away}" in said and "r01 start 1: 31 to 33" in said
    assert f"python3 -m broker import {away}" in said
    assert office.does("import", str(away)) == 0
    assert numbers(office) == before


def test_a_record_in_use_is_not_replaced(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """Not by --aside either: what a bridge writes would go into a file that nobody finds again."""
    assert office.does("backup") == 0
    store = open_store(office.records, office.area, ZONE, lambda: NOON)
    try:
        assert office.does("restore", str(office.folder / "backups"), "--aside", "--only", "store.url") == 1
    finally:
        store.close()
    said = capsys.readouterr().err
    assert "in use" in said and "bridge stopped" in said
    assert not [*office.records.parent.glob("records.before-*")]


def test_a_backup_that_was_cut_off_is_none(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no name until it is whole; the next one clears it away."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", "somewhere")

    with monkeypatch.context() as patch:
        patch.setattr("broker.upkeep.backup.making.seal", fail)
        assert office.does("backup") == 1
    assert backups_in(office.folder / "backups") == []
    (office.folder / "backups" / ".unfinished-zhanpai-x").mkdir()  # as a kill leaves it
    assert office.does("backup") == 0
    assert len([path for path in (office.folder / "backups").iterdir() if path.name != ".lock"]) == 1


def test_a_restore_that_was_cut_off_goes_on(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is back already stays, the rest follows."""
    assert office.does("backup", str(office.folder.parent / "kept")) == 0
    shutil.rmtree(office.folder / "data")
    calls = []

    def cut_off(kept: Path, path: Path) -> None:
        calls.append(path)
        if len(calls) == 3:
            raise OSError(5, "Input/output error", str(path))
        put(kept, path)

    put = restoring._put  # where a kill would come
    with monkeypatch.context() as patch:
        patch.setattr(restoring, "_put", cut_off)  # where a kill would come
        assert office.does("restore", str(office.folder.parent / "kept")) == 1
    assert not office.records.exists()
    assert office.does("restore", str(office.folder.parent / "kept")) == 0
    assert numbers(office) == [*range(1, 31)]
    assert office.does("restore", str(office.folder.parent / "kept")) == 0


def test_a_damaged_record_is_backed_up_and_said(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """What can be had is kept, exit code 1, and no older backup goes for it."""
    assert office.does("backup", "--keep", "1") == 0
    good = newest(office)
    good = good.rename(good.with_name(f"zhanpai-{office.area}-2026-11-22T00-00-00Z"))  # another second
    with sqlite3.connect(office.records / "record.sqlite") as database:
        database.execute("UPDATE record SET body = '{}' WHERE row = 7")
    database.close()
    assert office.does("backup", "--keep", "1") == 1
    assert "BAD" in (said := capsys.readouterr().out) and "rows 7" in said
    assert good.exists() and len(backups_in(office.folder / "backups")) == 2


def test_another_areas_backup_is_refused(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """Even into an empty folder."""
    assert office.does("backup", str(office.folder.parent / "kept")) == 0
    (made,) = backups_in(office.folder.parent / "kept")
    said = json.loads((made / "manifest.json").read_bytes())
    (made / "manifest.json").write_text(json.dumps({**said, "area": "zz"}))
    (made / "SHA256SUMS").unlink()
    seal(made)
    shutil.rmtree(office.folder / "data")
    assert office.does("restore", str(made)) == 1
    assert "is of area zz" in capsys.readouterr().err
    assert not office.records.exists()
