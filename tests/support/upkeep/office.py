"""The folder of an office: a configuration, a record with some days, and a file of each other kind."""

import json
from pathlib import Path

from broker.__main__ import main
from broker.config import BrokerConfig, read_config
from broker.plan.demo_area import demo_plan
from broker.store import Record
from broker.store.opening import open_store
from tests.support.record.samples import NOON, ZONE, bins

SECTIONS = """
[area]
plan = "demo"
[mqtt]
port = 1
[web]
enabled = false
"""


class Office:
    """A folder with all that a bridge keeps, made without one."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.folder, self.config_path = folder, folder / "broker.toml"
        folder.mkdir(parents=True, exist_ok=True)
        self.config_path.write_text(SECTIONS + more)
        self.area = demo_plan().area_id

    @property
    def config(self) -> BrokerConfig:
        """Its configuration as it is read."""
        return read_config(self.config_path)

    @property
    def records(self) -> Path:
        """The folder of its record."""
        return Path(self.config.store.url)

    def stores(self, first: int, last: int, day: int = 0) -> None:
        """Bin reports of r01 with these numbers, on a day after the first one."""
        at = NOON + day * 86_400
        store = open_store(self.records, self.area, ZONE, lambda: at)
        store.append([self.report(number, at) for number in range(first, last + 1)])
        store.close()

    def report(self, number: int, at: int = NOON) -> Record:
        """One of them."""
        return bins(number, at)._replace(area=self.area, received_at=at)

    def keeps_the_rest(self) -> None:
        """A file in each folder beside the record."""
        for key in ("people", "registers", "reports", "playback"):
            folder: Path = getattr(self.config, key).folder
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{key}.json").write_text(json.dumps({"of": key}))
        (self.config.people.folder / "shell.token").write_text("made anew at each start")

    def does(self, *command: str) -> int:
        """A command of the server with this configuration; its exit code."""
        return main([*command, "--config", str(self.config_path)])
