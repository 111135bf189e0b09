"""A record in PostgreSQL is backed up as the store's own export, and comes back into a database or a folder."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from broker.store.opening import open_store
from broker.upkeep.backup.manifest import backups_in, read_manifest
from tests.support.record.postgres import NoPostgresError, postgres_server
from tests.support.record.samples import NOON, ZONE
from tests.support.upkeep.office import Office

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The address of a fresh server."""
    try:
        with postgres_server() as address:
            yield address
    except NoPostgresError as why:
        pytest.skip(f"backup of a record in PostgreSQL NOT RUN: {why}")


def stored(where: str | Path, area: str) -> list[str]:
    """The ids on record."""
    with closing(open_store(where, area, ZONE, lambda: NOON)) as store:
        return sorted(record.id for kind in store.kinds() for record in store.scan(kind))


def test_a_record_in_postgresql_is_exported_and_imported(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Into the same database nothing comes twice; into a folder, where the server is gone, all of it."""
    office = Office(tmp_path / "office", f'[store]\nurl = "{database}"\n')
    with closing(open_store(database, office.area, ZONE, lambda: NOON)) as store:
        store.append([office.report(number) for number in range(1, 31)])
    assert office.does("backup") == 0
    (made,) = backups_in(office.folder / "backups")
    assert read_manifest(made).record == "export"
    assert len((made / "store.url" / "record.jsonl").read_text().splitlines()) == read_manifest(made).records >= 30
    with closing(open_store(database, office.area, ZONE, lambda: NOON)) as store:
        store.append([office.report(31)])
    assert office.does("restore", str(made)) == 0
    assert {f"r01:1:{number}" for number in range(1, 32)} <= set(stored(database, office.area))
    office.config_path.write_text(office.config_path.read_text().replace(database, "records"))
    assert office.does("restore", str(made)) == 0
    assert len(stored(office.folder / "records", office.area)) == read_manifest(made).records
    assert "GOOD" in capsys.readouterr().out


def test_a_folders_backup_comes_back_into_a_database(database: str, tmp_path: Path) -> None:
    """An area that moves to PostgreSQL takes its record along."""
    office = Office(tmp_path / "office", '[store]\nurl = "records"\n')
    office.stores(101, 112)
    assert office.does("backup") == 0
    office.config_path.write_text(office.config_path.read_text().replace('"records"', f'"{database}"'))
    assert office.does("restore", str(office.folder / "backups")) == 0
    assert {f"r01:1:{number}" for number in range(101, 113)} <= set(stored(database, office.area))
