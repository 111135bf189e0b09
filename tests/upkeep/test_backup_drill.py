"""The drill: a backup under load, kill -9, the data folder gone, restored, and every number accounted for."""

import shutil
from pathlib import Path

import pytest

from broker.__main__ import main
from broker.store import Record
from broker.store.opening import open_store, reading_store
from tests.support.facts import NOON, ZONE, visit
from tests.support.processes import BridgeProcess, mosquitto, wait_until
from tests.support.record.store_faults import findings
from tests.support.upkeep.outbox import Outbox

pytestmark = pytest.mark.real


def typed(folder: Path, capsys: pytest.CaptureFixture[str], *command: str) -> str:
    """What a command of the server says, which has to be content."""
    code = main([*command, "--config", str(folder / "broker.toml")])
    said = capsys.readouterr().out
    assert code == 0, said
    return said


def with_visits(records: Path) -> None:
    """A record with visits of a day before, so that there are figures."""
    store = open_store(records, "xh", ZONE, lambda: NOON)
    facts = [visit(f"run1/r01/{number}", number=number) for number in range(1, 4)]
    store.append([Record(one.id, one.kind, one.key, one.at, one.at, "xh", one.body) for one in facts])
    store.close()


def stored(records: Path) -> set[int]:
    """The numbers of t01's positions on record."""
    with reading_store(records, "xh", ZONE, lambda: 0.0) as store:
        return {record.body["seq"] for record in store.scan("fix") if record.key == "t01"}


def test_a_backup_under_load_brings_everything_back_or_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the backup has is there and good; what came after it is named, or sent again by its device; nothing else."""
    broker = mosquitto(tmp_path / "broker", "t01")
    bridge = BridgeProcess(tmp_path / "office", broker.port)
    records, kept = bridge.folder / "records", tmp_path / "kept"
    figures = ("stats", "--from", "2026-11-22", "--to", "2026-11-22", "--period", "day")
    with_visits(records)
    try:
        bridge.start()
        truck = Outbox(broker.port, "t01")
        truck.start()
        wait_until(lambda: len(truck.acknowledged()) > 20, "the load is under way")
        typed(bridge.folder, capsys, "backup", str(kept))
        had = truck.acknowledged()
        wait_until(lambda: len(truck.acknowledged()) > len(had) + 20, "more is acknowledged after the backup")
        bridge.kill()
        sent = truck.sent
        wait_until(lambda: truck.sent > sent + 10, "something is said that nobody stores")
        truck.stop()
        before = typed(bridge.folder, capsys, *figures)
        assert ",15," in before, "three visits, five bins each"
        acknowledged = truck.acknowledged()
        copy = max(kept.glob("zhanpai-*")) / "store.url"
        in_backup = stored(copy)
        shutil.rmtree(records)
        shutil.rmtree(bridge.folder / "data")
        said = typed(bridge.folder, capsys, "restore", str(kept))
        assert findings(records) == []
        assert stored(records) == in_backup
        lost = acknowledged - in_backup
        assert lost and f"t01 start 1: {min(lost)} to {max(lost)}" in said
        bridge.start()
        again = truck.send_again()
        assert again == set(range(1, truck.sent + 1)) - acknowledged
        wait_until(lambda: again <= truck.acknowledged(), "what was never acknowledged is, by the restored bridge")
        assert stored(records) == set(range(1, truck.sent + 1)) - lost
        assert typed(bridge.folder, capsys, *figures) == before
        truck.close()
    finally:
        bridge.stop()
        broker.stop()
