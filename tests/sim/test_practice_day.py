"""A practice on a day on record: it goes as it went, what happened is the record's own, your deeds change the rest."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from broker.plan.gtfs.writing import write_gtfs
from broker.plan.model import Plan
from broker.rules.dispatch.actions import Act
from broker.store import Store
from broker.store.opening import reading_store
from broker.words import LANGUAGES
from sim.practice import command
from sim.practice.command import main
from sim.practice.morning import CLICKS, Morning
from sim.practice.page import WORDS
from sim.practice.score import Score
from sim.practice.stored_day import on_record, stored_day
from sim.scenario.scenario import load

pytestmark = pytest.mark.real
USUAL = load("blocked_lane")
SCENARIO = replace(USUAL, area={**USUAL.area, "first_visits": 4}, from_s=USUAL.from_s + 600, to_s=USUAL.to_s - 900)
DAY = SCENARIO.date
NEAR_S = 30


@dataclass(frozen=True)
class Record:
    """A day that somebody's bridge has on record: simulated here, and from then on only read."""

    folder: Path
    plan: Plan

    @contextmanager
    def read(self) -> Iterator[Store]:
        with reading_store(self.folder / "store", self.plan.area_id, self.plan.timezone, lambda: 0.0) as store:
            yield store

    def newest(self, kind: str) -> dict[str, dict[str, Any]]:
        with self.read() as store:
            return {record.key: dict(record.body) for record in store.scan(kind)}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    folder = tmp_path_factory.mktemp("day")
    with Morning(SCENARIO, folder, practised=False) as morning:
        morning.score()
        plan = morning.plan
    return Record(folder, plan)


@pytest.fixture(scope="module")
def again(record: Record, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Morning, Score]]:
    """The day of the record, played with the deeds of then."""
    with record.read() as store:
        day = stored_day(record.plan, store, DAY, 1)
    with Morning(day, tmp_path_factory.mktemp("again"), practised=False) as morning:
        yield morning, morning.score()


def test_a_day_on_record_goes_as_it_went_while_everybody_does_what_they_did(
    record: Record, again: tuple[Morning, Score]
) -> None:
    """Each room is reached and left within half a minute of then, the press comes then, and the bins are as many."""
    morning, _ = again
    played = {one.key: one.body for one in morning.bridge.store.scan("visit")}
    presses = [one.body for one in morning.bridge.store.scan("incident")]
    worked = {one.key: one.body for one in morning.bridge.store.scan("workflow")}
    then = record.newest("visit")
    assert {key: body["state"] for key, body in played.items()} == {key: body["state"] for key, body in then.items()}
    made = [key for key, body in then.items() if body["arrived_at"]]
    assert len(made) == 4 and any(then[key]["visit_number"] == 2 for key in made)
    for key in made:
        assert abs(played[key]["arrived_at"] - then[key]["arrived_at"]) <= NEAR_S, key
        assert abs(played[key]["left_at"] - then[key]["left_at"]) <= NEAR_S, key
        assert played[key]["bins_before"] == then[key]["bins_before"]
        assert abs(played[key]["grams_before"] - then[key]["grams_before"]) <= 20  # of so many bins, each a whole gram
    (press,), (pressed,) = presses, record.newest("incident").values()
    assert abs(press["pressed_at"] - pressed["pressed_at"]) <= NEAR_S
    (work,), (worked_then,) = worked.values(), record.newest("workflow").values()
    for what in ("acknowledged_at", "decided_at", "cleared_at"):
        assert abs(work[what] - work["raised_at"] - worked_then[what] + worked_then["raised_at"]) <= NEAR_S, what


def test_your_clicks_on_a_day_on_record_are_one_score_again_and_what_happened_is_the_records_own(
    record: Record, again: tuple[Morning, Score], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Who sees the press late is scored so, from a file alike; beside it stands what the record alone says."""
    write_gtfs(record.plan, tmp_path / "plan.zip")
    day, by_record = on_record(record.folder, str(tmp_path / "plan.zip"), DAY, 1)
    with Morning(day, tmp_path / "first", practised=True) as morning:
        while morning.first_press_at is None:
            morning.step()
        morning.play(morning.now + 300)
        (incident,) = morning.bridge.store.scan("incident")
        morning.do(Act("acknowledge", "demo", (incident.body["device"], incident.body["incident_id"])))
        morning.play(morning.end_at)
        yours, clicks = morning.score(), morning.clicks
    given = tmp_path / "clicks.json"
    given.write_bytes(CLICKS.dump_json(clicks, exclude_defaults=True))
    monkeypatch.setattr(command, "played_by_itself", lambda *_: (again[1], None))  # it was played already
    words = ["--day", str(DAY), "--data", str(record.folder), "--plan", str(tmp_path / "plan.zip")]
    assert main([*words, "--clicks", str(given), "--folder", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["yours"] == {"total": yours.total, "minutes": yours.minutes, "counts": yours.counts}
    assert told["happened"] == {"total": by_record.total, "minutes": by_record.minutes, "counts": by_record.counts}
    (work,) = record.newest("workflow").values()
    assert told["happened"]["minutes"]["unseen"] == round((work["acknowledged_at"] - work["raised_at"]) / 60, 1)
    late = [max(0, body["arrived_at"] - body["planned_at"]) for body in record.newest("visit").values()
            if body["arrived_at"] and body["planned_at"]]  # fmt: skip
    assert told["happened"]["minutes"]["late"] == round(sum(late) / 60, 1)
    assert told["yours"]["minutes"]["unseen"] > told["happened"]["minutes"]["unseen"]
    assert told["again"]["minutes"]["unseen"] == told["happened"]["minutes"]["unseen"]
    for language in LANGUAGES:
        page = (tmp_path / f"practice-{DAY}.{language}.html").read_text()
        assert all(WORDS.say(language, "page", word) in page.replace("&#34;", '"') for word in ("on_record", "again"))


def test_a_day_of_which_nothing_is_on_record_is_refused_and_said(
    record: Record, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another day, no folder, another area: a line that says so, and code 2."""
    words = ["--data", str(record.folder), "--folder", str(tmp_path), "--day"]
    assert main([*words, "2026-11-01"]) == 2
    assert "2026-11-01" in capsys.readouterr().err
    assert main(["--data", str(tmp_path), "--day", str(DAY)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
    for unclear in ([], ["blocked_lane", "--day", str(DAY), "--data", str(record.folder)], ["--day", str(DAY)]):
        with pytest.raises(SystemExit):
            main(unclear)
