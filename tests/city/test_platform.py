"""The city's platform is told what all cells have: presses, alarms, totals, cases; each once."""

import json
from pathlib import Path

import pytest

from broker.__main__ import main
from broker.city.database import CityDatabase
from broker.city.platform import Platform
from broker.config import OutsideConfig
from broker.rules.states.incident import Incident
from tests.support.city.district import beat_of, case_of, days_of, records_of, say, silent_for
from tests.support.facts import DAY, NOON, Fact
from tests.support.outside import press
from tests.support.processes import wait_until

pytestmark = pytest.mark.real


def pressed(name: str, at: int, **changes) -> Fact:
    """A press as the bridge keeps it."""
    incident: Incident = press(name, at)
    body = {**incident.body(), "room": "r01", **changes}
    return Fact("workflow", f"t01/{name}", f"workflow:t01/{name}:{at}:{len(changes)}", at + len(changes), body)


class Told:
    """A platform over a database, into files, and what it was told of each cell."""

    def __init__(self, folder: Path, database: str) -> None:
        events = ["alarm", "finding", "totals", "case"]
        receiver = {"name": "platform", "folder": str(folder / "told"), "events": events}
        self.folder, self.city = folder, CityDatabase(database, None, lambda: NOON)
        outside = OutsideConfig.model_validate({"folder": str(folder / "waits"), "receiver": [receiver]})
        self.platform = Platform(outside, self.city, self.city.cells)

    def messages(self) -> list[tuple[str, str]]:
        """(area, type) of each, sorted."""
        lines = [line for path in (self.folder / "told").glob("*") for line in path.read_text().splitlines()]
        return sorted((one["data"]["area"], one["type"]) for one in map(json.loads, lines))

    def end(self) -> None:
        """As at the end of the process."""
        self.platform.stop()
        self.city.close()


def test_the_platform_is_told_of_all_cells_and_of_each_thing_once(database, tmp_path):
    """A press, its end, an alarm and a case: of a silent cell when it is back; a restart tells nothing again."""
    day = records_of(days_of(1, days=1), "aa")
    say(database, "aa", beat_of(1, now=NOON), day)
    say(database, "bb", beat_of(2, now=NOON))
    told = Told(tmp_path, database)
    told.platform.look()  # the first look tells of nothing that was there before
    wait_until(lambda: len(list((tmp_path / "waits").glob("*/said-*"))) == 2, "both were looked at")
    one, other = [*day, *records_of([pressed("p1", NOON + 60)], "aa")], records_of([case_of("bb", NOON + 60)], "bb")
    say(database, "aa", beat_of(1, now=NOON + 70, alarms=1, since=NOON + 65), one)
    say(database, "bb", beat_of(2, now=NOON + 70), other)
    told.platform.look()
    expected = [("aa", "alarm.opened"), ("aa", "finding.opened"), ("bb", "case.handed_over")]
    wait_until(lambda: told.messages() == expected, "the platform is told")
    closed = pressed("p1", NOON + 60, workflow="closed", closed_at=NOON + 90, changed_at=NOON + 90)
    one += records_of([closed], "aa")
    say(database, "aa", beat_of(1, now=NOON + 100, alarms=1, since=NOON + 65), one)
    silent_for(database, "aa", 100)
    other += records_of([pressed("p2", NOON + 80)], "bb")
    say(database, "bb", beat_of(2, now=NOON + 100), other)
    told.platform.look()
    expected.insert(2, ("bb", "alarm.opened"))
    wait_until(lambda: told.messages() == expected, "a silent cell is not looked at, others are")
    say(database, "aa", beat_of(1, now=NOON + 4000, alarms=1, since=NOON + 65), one)
    told.platform.look()
    expected.insert(0, ("aa", "alarm.closed"))
    wait_until(lambda: told.messages() == expected, "what happened while it was silent is told")
    told.end()
    again = Told(tmp_path, database)
    say(database, "aa", beat_of(1, now=NOON + 4100, alarms=1, since=NOON + 65), one)
    again.platform.look()
    said = tmp_path / "waits/aa/said-aa.json"
    wait_until(lambda: json.loads(said.read_bytes())["looked_at"] == NOON + 4100, "it looks")
    again.end()
    assert again.messages() == expected
    assert list((tmp_path / "waits").rglob("*/waiting")), "this is where messages wait"
    assert not list((tmp_path / "waits").rglob("*/waiting/*.json")), "nothing is to be told again"


def test_a_days_totals_are_told_when_the_cell_has_pushed_all_of_it(database, tmp_path):
    """A quarter of an hour after its midnight, once."""
    day = records_of(days_of(1, days=1), "aa")
    say(database, "aa", beat_of(1, now=NOON), day)
    told = Told(tmp_path, database)
    told.platform.look()
    wait_until(lambda: (tmp_path / "waits/aa/said-aa.json").exists(), "it was looked at")
    say(database, "aa", beat_of(1, now=NOON + 12 * 3600 + 1000), day)
    told.platform.look()
    wait_until(lambda: told.messages() == [("aa", "totals.day")], "the day is told")
    told.end()
    (line,) = [line for path in (tmp_path / "told").glob("*") for line in path.read_text().splitlines()]
    data = json.loads(line)["data"]
    assert data["day"] == DAY and data["figures"]["visits"] == 5 and data["text"]["zh"]
    assert told.platform.state()[0]["name"] == "aa/platform"


def test_the_command_says_how_the_platform_stands_with_each_cell(database, tmp_path, capsys):
    """What waits, cell by cell; another try for all of them."""
    config = tmp_path / "city.toml"
    receiver = '[[outside.receiver]]\nname = "platform"\nfolder = "told"\n'
    config.write_text(f'[city]\nurl = "{database}"\n[outside]\nfolder = "waits"\n{receiver}')
    say(database, "aa", beat_of(1, now=NOON), records_of(days_of(1, days=1), "aa"))
    told = Told(tmp_path, database)
    told.platform.look()
    told.end()
    assert main(["outside", "list", "--config", str(config)]) == 0
    assert "aa/platform: 0 waiting, 0 given up; well" in capsys.readouterr().out
    assert main(["outside", "retry", "platform", "--config", str(config)]) == 0
    assert "aa/platform: 0 are tried at once" in capsys.readouterr().out
    assert main(["outside", "test", "platform", "--config", str(config)]) == 0
    assert "it took the trial" in capsys.readouterr().out
    assert main(["outside", "dead", "platform", "--config", str(config)]) == 0
