"""A stored day fed through the rules again gives the visits that are on record."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tinydb.queries import QueryInstance

from broker.__main__ import main
from broker.commands.record.replay import Outcome, heard, replay
from broker.plan.calendar import day_start_at
from broker.plan.demo_area import demo_plan
from broker.plan.gtfs.feed import write_gtfs
from broker.rules.dispatch.actions import Act
from broker.rules.settings import CallSettings, DispatchSettings
from broker.rules.tracking.types import FUTURE_S
from broker.store import Record
from broker.store.opening import open_store
from broker.store.pushdown import where_of
from tests.support.bridge.morning import DAY, Morning
from tests.support.record.samples import NOON


def _day(folder: Path) -> Morning:
    morning = Morning(folder)
    for number in range(3):
        morning.serve(number)
    incident_id = morning.press()
    morning.step(20, 5.0)
    morning.act("acknowledge", incident_id)
    morning.act("decide", incident_id, decision="return_later")
    morning.serve(4)
    return morning


@pytest.mark.real
def test_the_same_rules_give_the_same_day(tmp_path: Path) -> None:
    """Every visit ends in the state and at the times it had."""
    morning = _day(tmp_path / "records")
    start = day_start_at(morning.plan, DAY)
    end = int(morning.now) + 1
    outcome = replay(morning.store, morning.plan, DispatchSettings(), start, end, tmp_path / "scratch")
    morning.close()
    assert outcome.records > 100
    assert outcome.visits >= 10
    assert outcome.differences == []


@pytest.mark.real
def test_what_people_said_could_not_be_done_is_the_same_day_again(tmp_path: Path) -> None:
    """A road closed and opened, rooms skipped for reasons, a truck full and emptied, an offer that was chosen."""
    morning = Morning(tmp_path / "records")
    rooms, run_id = [visit.room_id for visit in morning.trip.visits], morning.run_id
    morning.serve(0)
    until_at = int(morning.now) + 5400
    morning.bridge.act(Act("close_road", "Li", room=rooms[4], until_at=until_at), morning.now)
    morning.bridge.act(Act("close_road", "Li", room=rooms[6], other_room=rooms[7], until_at=until_at), morning.now)
    morning.step(60, 5.0)
    morning.bridge.act(Act("skip", "crew", visit=(run_id, rooms[3], 1), reason="no_access"), morning.now)
    morning.bridge.act(Act("full", "crew", run_id=run_id), morning.now)
    morning.step(60, 5.0)
    first = next(iter(morning.bridge.dispatch.day.closures))
    morning.bridge.act(Act("open_road", "Li", closure=first), morning.now)
    morning.bridge.act(Act("emptied", "crew", run_id=run_id), morning.now)
    blocked = morning.press()
    morning.step(10)
    room = morning.bridge.dispatch.day.incidents[morning.truck, blocked].room
    for event in ("bins_out", "lane_clear"):  # said by the page: each came of an action, and comes of it once
        morning.bridge.act(Act("keeper", "Kim", room=room, event=event), morning.now)
    assert morning.bridge.dispatch.day.incidents[morning.truck, blocked].condition == "cleared"
    incident_id = morning.press("breakdown")
    morning.step(40)
    morning.act("decide", incident_id, decision="extra_truck", truck="t99")
    morning.step(30)
    states = {key: visit.state for key, visit in morning.bridge.dispatch.day.visits.items() if key[0] == run_id}
    start, end = day_start_at(morning.plan, DAY), int(morning.now) + 1
    outcome = replay(morning.store, morning.plan, DispatchSettings(), start, end, tmp_path / "scratch")
    morning.close()
    assert outcome.visits >= len(states) and "skipped" in states.values()
    assert outcome.differences == []


@pytest.mark.real  # seconds of work
def test_a_run_that_was_going_on_is_taken_up(tmp_path: Path) -> None:
    """From the middle of a run, as from a midnight: its visits before are known, those after end as they did."""
    morning = Morning(tmp_path / "records")
    for number in range(2):
        morning.serve(number)
    middle = int(morning.now) + 1
    for number in range(2, 5):
        morning.serve(number)
    end = int(morning.now) + 1
    outcome = replay(morning.store, morning.plan, DispatchSettings(), middle, end, tmp_path / "scratch")
    morning.close()
    assert outcome.visits >= 3
    for difference in outcome.differences:  # how fast the truck had been is learned anew: a promise may move a little
        assert difference.then and difference.now
        one, other = difference.then.pop("promised_at"), difference.now.pop("promised_at")
        assert difference.then == difference.now and abs(one - other) <= 120


def _configured(folder: Path, timezone: str = "Asia/Shanghai") -> str:
    """The path of a configuration for the demo's plan and the records in `folder`."""
    write_gtfs(replace(demo_plan(), timezone=timezone), folder / "gtfs.zip")
    config = folder / "broker.toml"
    config.write_text(f'[area]\nplan = "{folder / "gtfs.zip"}"\n[store]\nurl = "{folder / "records"}"\n')
    return str(config)


def test_a_day_of_25_hours_is_replayed_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One day ends where the next begins, also when the clocks are changed."""
    asked: list[tuple[int, int]] = []

    def noted(_store: object, _plan: object, _settings: object, from_at: int, to_at: int, _folder: object) -> Outcome:
        asked.append((from_at, to_at))
        return Outcome(0, 0, [])

    config = _configured(tmp_path, "Europe/Berlin")
    open_store(tmp_path / "records", demo_plan().area_id, "Europe/Berlin", time.time).close()
    monkeypatch.setattr("broker.commands.record.replay.replay", noted)
    for day in ("2026-10-24", "2026-10-25", "2026-10-26"):
        assert main(["--config", config, "replay", day]) == 0
    assert asked[0][1] == asked[1][0] and asked[1][1] == asked[2][0]
    assert sorted(to_at - from_at for from_at, to_at in asked) == [86_400, 86_400, 90_000]


def test_replay_makes_no_records_where_there_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong path is no day on which nothing was different."""
    assert main(["--config", _configured(tmp_path), "replay", "2026-11-22"]) == 2
    assert f"there are no records at {tmp_path / 'records'}" in capsys.readouterr().err
    assert not (tmp_path / "records").exists()


@pytest.mark.parametrize("day", ["2026-11-22", "2026-11-23", "2099-01-01"])
def test_a_day_on_which_no_bridge_ran_is_no_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], day: str
) -> None:
    """What the rules would have planned for it is no visit that ended otherwise; `--config` may follow the command."""
    config = _configured(tmp_path)
    open_store(tmp_path / "records", demo_plan().area_id, "Asia/Shanghai", time.time).close()
    assert main(["replay", day, "--config", config]) == 0
    assert "0 records replayed, 0 visits, 0 different" in capsys.readouterr().out


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "1999-12-31", "2026-11-31"])
def test_replay_says_what_is_no_day(tmp_path: Path, capsys: pytest.CaptureFixture[str], day: str) -> None:
    """Before any calendar ends there is a word about it."""
    assert main(["--config", _configured(tmp_path), "replay", day]) == 2
    assert "day" in (said := capsys.readouterr().err) and day in said


def test_replay_names_a_record_that_is_damaged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is found while reading, long after the store was opened."""
    noon = day_start_at(demo_plan(), DAY) + 43_200
    store = open_store(tmp_path / "records", demo_plan().area_id, "Asia/Shanghai", lambda: float(noon))
    store.append([Record("r01:1:1", "bins", "r01", noon, noon, "xh", {"device": "r01"})])
    store.close()
    path = tmp_path / "records" / "record.sqlite"
    path.write_bytes(path.read_bytes().replace(b'{"device":"r01"}', b'{"device":"r02"}'))
    assert main(["--config", _configured(tmp_path), "replay", DAY.isoformat()]) == 2
    assert f"{path}: row 1 is not what was written" in capsys.readouterr().err


@pytest.mark.real  # seconds of work
def test_replay_names_a_record_of_another_version_that_cannot_be_fed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The positions of 0.2.0 did not say of which start of the truck's computer they were."""
    shutil.copytree(Path(__file__).parents[1] / "fixtures" / "record-0.2.0", tmp_path / "records")
    assert main(["--config", _configured(tmp_path), "replay", "2026-11-22"]) == 2
    said = capsys.readouterr().err
    assert "the fix t01:1:1 " in said and "boot: is missing" in said


@pytest.mark.parametrize(("kind", "body", "lacks"), [
    ("bins", {"boot": 1, "seq": 1}, "'device' is missing"),
    ("visit", {"run_id": "A1"}, "room"),
    ("action", {"name": "close"}, "name"),
])  # fmt: skip
def test_replay_says_what_any_record_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, body: dict[str, object], lacks: str
) -> None:
    """Whatever it is that today's rules cannot be fed, or compared with."""
    start = day_start_at(demo_plan(), DAY)
    store = open_store(tmp_path / "records", demo_plan().area_id, "Asia/Shanghai", lambda: float(start))
    store.append([Record("odd:1:1", kind, "r01", start, start, "xh", body)])
    store.close()
    assert main(["--config", _configured(tmp_path), "replay", DAY.isoformat()]) == 2
    assert f"the {kind} odd:1:1 " in (said := capsys.readouterr().err) and lacks in said


def test_replay_asks_for_the_records_about_its_day_and_for_presses_of_before(tmp_path: Path) -> None:
    """Years of positions are not looked at for one day; what a device sent late, or dated a little ahead, is fed."""
    start, end = NOON, NOON + 10

    def record(kind: str, seq: int, at: int, received_at: int) -> Record:
        return Record(f"t01:1:{seq}", kind, "t01", at, received_at, "xh", {"device": "t01", "boot": 1, "seq": seq})

    store = open_store(tmp_path / "records", "xh", "Asia/Shanghai", lambda: float(end))
    fed = [record("fix", 1, start - 14 * 86_400, start), record("incident", 3, start - 90 * 86_400, start + 5),
           record("bins", 2, end + FUTURE_S - 1, end - 1)]  # fmt: skip
    years = [record("fix", 100 + n, start - n * 86_400, start - n * 86_400) for n in range(20, 300)]
    store.append([*fed, record("fix", 4, start, end), record("fix", 5, start - 9, start - 1), *years])
    looked_at: list[tuple[bytes]] = []

    class Watched:
        def search(self, query: QueryInstance) -> Iterator[Record]:
            asked = where_of(query)
            assert asked is not None
            looked_at.extend(store.rows_of(f"SELECT id FROM record WHERE {asked.sql}", asked.values))
            return store.search(query)

    assert heard(Watched(), start, end) == fed
    assert len(looked_at) == 5
    store.close()


@pytest.mark.real
def test_another_rule_shows_what_it_would_have_done(tmp_path: Path) -> None:
    """With the lamp called five minutes earlier, the calls differ and the visits are named."""
    morning = _day(tmp_path / "records")
    start = day_start_at(morning.plan, DAY)
    earlier = replace(DispatchSettings(), calls=CallSettings(call_at_s=1260))
    outcome = replay(morning.store, morning.plan, earlier, start, int(morning.now) + 1, tmp_path / "scratch")
    morning.close()
    changed = [d for d in outcome.differences if d.then and d.now and d.then["due_at"] != d.now["due_at"]]
    assert changed
    assert all(d.now["due_at"] < d.then["due_at"] for d in changed if d.then["due_at"] and d.now["due_at"])
