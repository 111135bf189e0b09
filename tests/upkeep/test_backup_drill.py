"""The drill: a backup under load, kill -9, the data folder gone, restored, and every number accounted for."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from broker.store.opening import reading_store
from tests.support.processes import REPO, BridgeProcess, mosquitto, wait_until
from tests.support.record.samples import ZONE
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
    store.append([visit("r01", number) for number in range(1, 4)])
    store.close()


def stored(records: Path) -> set[int]:
    """The numbers of t01's positions on record."""
    with reading_store(records, "xh", ZONE, lambda: 0.0) as store:
        return {record.body["seq"] for record in store.scan("fix") if record.key == "t01"}


def test_a_backup_under_load_brings_everything_back_or_names_it(tmp_path: Path) -> None:
    """What the backup has is there and good; what came after it is named, or sent again by its device; nothing else."""
    broker = mosquitto(tmp_path / "broker", "t01")
    bridge = BridgeProcess(tmp_path / "office", broker.port)
    records, kept = bridge.folder / "records", tmp_path / "kept"
    try:
        bridge.start()
        truck = Outbox(broker.port, "t01")
        truck.start()
        wait_until(lambda: len(truck.acknowledged()) > 20, "the load is under way")
        code, said = typed(bridge.folder, "backup", str(kept))
        assert code == 0, said
        had = truck.acknowledged()
        wait_until(lambda: len(truck.acknowledged()) > len(had) + 20, "more is acknowledged after the backup")
        bridge.kill()
        sent = truck.sent
        wait_until(lambda: truck.sent > sent + 10, "something is said that nobody stores")
        truck.stop()
        before = typed(bridge.folder, "stats", "--from", "2026-01-01", "--to", "2030-01-01", "--period", "day")
        acknowledged = truck.acknowledged()
        copy = max(kept.glob("zhanpai-*")) / "store.url"
        in_backup = stored(copy)
        shutil.rmtree(records)
        shutil.rmtree(bridge.folder / "data")
        code, said = typed(bridge.folder, "restore", str(kept))
        assert code == 0, said
        assert findings(records) == []
        assert stored(records) == in_backup
        lost = acknowledged - in_backup
        assert lost and f"t01 start 1: {min(lost)} to {max(lost)}" in said
        bridge.start()
        again = truck.send_again()
        assert again == set(range(1, truck.sent + 1)) - acknowledged
        wait_until(lambda: again <= truck.acknowledged(), "what was never acknowledged is, by the restored bridge")
        assert stored(records) == set(range(1, truck.sent + 1)) - lost
        after = typed(bridge.folder, "stats", "--from", "2026-01-01", "--to", "2030-01-01", "--period", "day")
        assert after == before
        truck.close()
    finally:
        bridge.stop()
        broker.stop()
