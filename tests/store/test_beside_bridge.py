"""Statistics and corrections from the command line while the bridge works: nobody stops it for a table."""

from pathlib import Path

import pytest

from broker.__main__ import main
from broker.store import Record
from broker.store.sqlite.store import SQLiteStore
from tests.support.facts import NOON, ZONE, visit
from tests.support.processes import BridgeProcess, mosquitto

DAYS = ["--from", "2026-11-20", "--to", "2026-11-26"]
QUESTIONS = [
    ["stats", *DAYS],
    ["stats", *DAYS, "--period", "week", "--by", "waste,room", "--format", "json"],
    ["stats", *DAYS, "--table", "lanes"],
    ["stats", *DAYS, "--table", "disagreements", "--format", "json"],
    ["stats", *DAYS, "--by", "waste, estate"],
    ["stats", *DAYS, "--format", "html", "--language", "en"],
]
REFUSED = [
    (["stats", *DAYS, "--by", "moon"], "by: no such dimension moon; there are waste estate room route truck"),
    (["stats", *DAYS, "--by", "moon", "--table", "lanes"], "by: no such dimension moon"),
    (["stats", "--from", "2025-01-22", "--to", "2026-11-22"], "--to 2026-11-22 is more than 400 days after --from"),
]


@pytest.mark.real
def test_figures_and_corrections_while_the_bridge_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same bytes as from the records themselves, an amendment that counts at once, and errors in words."""
    broker = mosquitto(tmp_path / "mqtt")
    bridge = BridgeProcess(tmp_path / "bridge", broker.port)
    served = visit(sequence=1)
    store = SQLiteStore(bridge.folder / "records", "xh", ZONE, lambda: NOON)
    store.append([Record(served.id, "visit", served.key, NOON, NOON, "xh", served.body)])
    store.close()
    command = ["--config", str(bridge.folder / "broker.toml")]

    def said(arguments: list[str], code: int = 0) -> str:
        assert main([*command, *arguments]) == code
        return capsys.readouterr()[code]

    amend = ["amend", served.id, "bins_before=7", "--reason", "counted again", "--who", "ann"]
    try:
        before = [said(question) for question in QUESTIONS]
        refused = [said(question, 1) for question, _ in REFUSED]
        bridge.start()
        assert [said(question, 1) for question, _ in REFUSED] == refused
        assert all(why in text for (_, why), text in zip(REFUSED, refused, strict=True))
        assert [said(question) for question in QUESTIONS] == before
        assert "bins_before 6 -> 7" in said(amend)
        assert said(QUESTIONS[0]) != before[0]
        assert "has no bins_befor; it has" in said(["amend", amend[1], "bins_befor=1", *amend[3:]], 1)
        assert "there is no record 'nobody'" in said(["amend", "nobody", *amend[2:]], 1)
        assert "arrived_at" in said([*amend[:2], "arrived_at=2026-11-22T11:58", *amend[3:]])
        assert "room says what the record is about" in said([*amend[:2], "room=r02", *amend[3:]], 1)
        assert said(["stats", "--store", str(bridge.folder / "records"), *DAYS]) == said(QUESTIONS[0])
        assert "each as it was written" in said(["fsck", "--store", str(bridge.folder / "records")])
        out = str(tmp_path / "x.jsonl")
        assert f"{out}: " in said(["export", "--store", str(bridge.folder / "records"), out])
        assert "in use by process" in said(["fsck", "--repair", "--store", str(bridge.folder / "records")], 1)
        assert "in use by process" in said(["import", "--store", str(bridge.folder / "records"), out], 1)
        after = said(QUESTIONS[0])
        assert bridge.stop() == 0, bridge.log()
        assert said(QUESTIONS[0]) == after
    finally:
        bridge.stop()
        broker.stop()
