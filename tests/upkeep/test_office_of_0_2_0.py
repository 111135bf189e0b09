"""The folder that 0.2.0 left behind after a live shift: opened, good, its day as it stood, backed up and restored.

`tests/fixtures/office-0.2.0.tar.xz` is what that version's own code (71397ee6) wrote in
`python3 -m sim demo_shift --live --seconds 60`: configuration, plan, record, registers; paths made relative, locks and
reserve left out.
"""

import shutil
import tarfile
from pathlib import Path

import pytest

from broker.__main__ import main
from broker.config import BrokerConfig, read_config
from broker.ingest.restored.day import restore
from broker.settings import configured_plan, dispatch_settings
from broker.store import where
from broker.store.opening import open_store
from tests.support.record.store_faults import findings
from tests.support.registers import open_registers

FIXTURE = Path(__file__).parents[1] / "fixtures" / "office-0.2.0.tar.xz"
STOPPED_AT = 1795558760  # when its bridge stopped: 06:19 in the area
RECORDS = 731
PRESS = ("t01", "t01-347241001-39")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """It, unpacked."""
    with tarfile.open(FIXTURE) as packed:
        packed.extractall(tmp_path / "office", filter="data")
    return tmp_path / "office"


def opened(folder: Path) -> BrokerConfig:
    """Its configuration, as this version reads it."""
    return read_config(folder / "broker.toml")


def test_it_opens_and_each_record_is_as_it_was_written(folder: Path) -> None:
    """Configuration, plan and registers are read, the record is good before and after it was written to."""
    config = opened(folder)
    plan, records = configured_plan(config), Path(config.store.url)
    assert findings(records) == []
    store = open_store(records, plan.area_id, plan.timezone, lambda: float(STOPPED_AT))
    assert store.health()["records"] == RECORDS
    served = [one.key for one in store.search(where("kind") == "visit") if one.body["state"] == "served"]
    assert served
    store.amend(next(store.scan("visit")).id, {"bins_after": 0}, "counted again", "ann", STOPPED_AT)
    store.close()
    assert findings(records) == []
    assert open_registers(config.registers.folder).elections.read().version >= 1


def test_its_day_stands_as_it_stood(folder: Path) -> None:
    """Runs, visits, the press with what was decided: what a bridge of today begins with, and nothing is left out."""
    config = opened(folder)
    plan = configured_plan(config)
    store = open_store(config.store.url, plan.area_id, plan.timezone, lambda: float(STOPPED_AT + 5))
    try:
        day = restore(store, plan, dispatch_settings(config), STOPPED_AT + 5)
        newest = {key: one.body["state"] for key, one in store.latest("visit").items()}
    finally:
        store.close()
    runs = {run_id.rpartition(".")[0] for run_id in day.runs}
    assert runs == {"wet-north-1", "wet-south-1", "dry-east-1", "dry-west-1"}
    assert newest["wet-north-1.20261125/r01/1"] == "skipped" and "wet-north-1.20261125/r01/2" in newest
    assert PRESS in day.incidents and not day.incidents[PRESS].open
    assert {"left_out", "run_unread", "visits_unread"}.isdisjoint(one.word for one in day.attention.by_id().values())


def test_it_is_backed_up_and_restored_as_any_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Figures of its day are the same afterwards."""
    figures = ["stats", "--from", "2026-11-25", "--to", "2026-11-25", "--config", str(folder / "broker.toml")]
    assert main(figures) == 0
    before = capsys.readouterr().out
    assert len(before.splitlines()) > 1
    assert main(["backup", str(folder.parent / "kept"), "--config", str(folder / "broker.toml")]) == 0
    shutil.rmtree(folder)
    assert main(["restore", str(folder.parent / "kept"), "--config", str(folder / "broker.toml")]) == 0
    assert findings(folder / "records") == []
    capsys.readouterr()
    assert main(figures) == 0
    assert capsys.readouterr().out == before
