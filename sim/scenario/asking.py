"""`python3 -m sim new FILE.toml`: asks what a scenario is about and writes its file.

Every answer is checked at once by the very tables that read the file; an empty one takes what is offered. Nothing is
written before the end, and no file is written over.
"""

import datetime
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sim.scenario.format_page import kinds
from sim.scenario.own_town import town
from sim.scenario.scenario import Scenario, ScenarioError, scenario_of, value_of
from sim.scenario.scenes.choice import runs_of, scene_of
from sim.scenario.schema import DEMANDS, HAPPENINGS, SECTIONS, Key
from sim.scenario.writing import as_text, time_of

USUAL = ("visits_served", "one_call_per_visit", "lamp_lit_before_arrival", "records_stored_once")
TRUE, FALSE = ("y", "yes", "true"), ("n", "no", "false")
Section = dict[str, Any]


class Asking:
    """A conversation: `read` shows a question and gives the answer, `say` shows a line."""

    def __init__(self, read: Callable[[str], str], say: Callable[[str], None]) -> None:
        self._read, self._say = read, say

    def scenario(self, name: str, today: datetime.date) -> Scenario:
        """Ask for everything; raises ScenarioError where what was answered cannot be played, EOFError at its end."""
        about = self._value("What is it a trial of?", SECTIONS["scenario"]["about"])
        begun = self._where(today)
        head = {
            "about": about,
            "date": begun.date.isoformat(),
            "from": self._time("From", begun.from_s),
            "to": self._time("To", begun.to_s),
            "seed": self._value("Seed of the dice", SECTIONS["scenario"]["seed"]),
        }
        area = {key: value for key, value in begun.area.items() if value != SECTIONS["area"][key].default}
        scene = scene_of(begun)
        plan, runs = scene.plan, [run for runs in runs_of(scene, begun).values() for run in runs]
        places: dict[str, tuple[str, ...]] = {"room": tuple(sorted(plan.rooms)), "truck": plan.trucks()}
        places["run"] = tuple(run.run_id for run in runs)
        places["device"] = (*places["truck"], *places["room"], "bridge")
        document: dict[str, Any] = {"scenario": head, "area": area}
        document["event"] = self._several("What goes wrong?", "events", HAPPENINGS, places, at=head["from"])
        document["expect"] = self._several("What must be true?", "expectations", DEMANDS, places) or [
            {"kind": kind} for kind in USUAL
        ]
        document["world"] = self._world()
        if any(one["kind"] in ("press", "lane_blocked", "breakdown") for one in document["event"]):
            self._say("The person at the screen:")
            keys = SECTIONS["dispatcher"]
            document["dispatcher"] = {
                name: self._value(f"  {kinds()['sections']['dispatcher'][name]}", keys[name])
                for name in ("acknowledge_after_s", "decide_after_s", "decision")
            }
        return scenario_of(document, name, "this scenario")

    def _where(self, today: datetime.date) -> Scenario:
        """A day of the area that is to be played."""
        while True:
            given = self._value("Where? `demo`, a GTFS folder or zip, or tainan:ROUTE", Key(str, "demo"))
            try:
                if given != "demo":
                    return town(given, None, [], today)
                runs = self._value("Which runs? by blanks; none: all", SECTIONS["area"]["runs"])
                head = {"about": "x", "from": "05:30", "to": "10:30"}
                begun = {"scenario": head, "area": {"runs": runs}, "expect": [{"kind": USUAL[0]}]}
                scenario = scenario_of(begun, "new", "here")
                scene_of(scenario)
            except (ScenarioError, OSError) as why:
                self._say(f"  {why}")
            else:
                return scenario

    def _several(
        self, question: str, group: str, table: Mapping[str, Mapping[str, Key]], places: Mapping[str, tuple[str, ...]],
        at: str | None = None,
    ) -> list[Section]:  # fmt: skip
        """Entries of one kind after the other, until an empty answer."""
        self._say(f"{question} One after the other; an empty answer ends this, ? lists what there is.")
        found: list[Section] = []
        while True:
            kind = self._read(f"  {len(found) + 1}: ").strip()
            if not kind:
                return found
            if kind not in table:
                self._say("\n".join(f"    {name}: {kinds()[group][name]['says']}" for name in table))
                continue
            self._say(f"    {kinds()[group][kind]['says']}")
            entry: Section = {"kind": kind}
            if at is not None:
                entry["at"] = self._value("    at (HH:MM)", Key(str, at))
            for name, key in table[kind].items():
                offered = Key(key.kind, key.default, key.low, key.high, places.get(name, key.words))
                entry[name] = self._value(f"    {name}", offered)
            given = {name: value for name, value in entry.items()
                     if name not in table[kind] or value != table[kind][name].default}  # fmt: skip
            try:
                self._check(given, at)
            except ScenarioError as why:
                self._say(f"    {why}")
            else:
                found.append(given)

    def _check(self, entry: Section, at: str | None) -> None:
        """Raises ScenarioError for an entry that its file would be refused for."""
        head = {"about": "x", "from": "00:00", "to": "24:00"}
        events, expected = ([entry], [{"kind": USUAL[0]}]) if at is not None else ([], [entry])
        scenario_of({"scenario": head, "event": events, "expect": expected}, "new", "here")

    def _world(self) -> Section:
        """What is unusual about people and streets."""
        names = SECTIONS["world"]
        self._say(f"Anything unusual about people and streets? An empty answer ends this. {' '.join(names)}")
        found: Section = {}
        while name := self._read("  key: ").strip():
            if name not in names:
                self._say(f"    one of {' '.join(names)}")
                continue
            found[name] = self._value(f"    {kinds()['sections']['world'][name]}", names[name])
        return found

    def _time(self, label: str, of_day_s: float) -> str:
        return str(self._value(f"{label} (HH:MM)", Key(str, time_of(of_day_s))))

    def _value(self, label: str, key: Key) -> Any:
        """One value, asked again until it is one."""
        offered = "" if key.default in (..., "", []) else f" [{key.default}]"
        choice = f" ({' '.join(key.words)})" if key.words else ""
        while True:
            text = self._read(f"{label}{choice}{offered}: ").strip()
            try:
                return value_of(label.strip(), key, ... if not text else _parsed(key.kind, text))
            except (ScenarioError, ValueError) as why:
                self._say(f"    {why}")


def _parsed(kind: type, text: str) -> Any:
    if kind is bool:
        if text.lower() not in (*TRUE, *FALSE):
            raise ValueError("say y or n")
        return text.lower() in TRUE
    if kind is list:
        return text.replace(",", " ").split()
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            raise ValueError(f"{text!r} is no {'whole ' if kind is int else ''}number") from None
    return text


def write_new(path: Path, read: Callable[[str], str], say: Callable[[str], None], today: datetime.date) -> None:
    """Ask, and write the file; raises ScenarioError if there is one already or it cannot be written."""
    if path.suffix != ".toml":
        raise ScenarioError(f"{path}: a scenario file ends in .toml")
    if path.exists():
        raise ScenarioError(f"{path} is there already; give another name, or edit it (docs/scenarios.md has all words)")
    text = as_text(Asking(read, say).scenario(path.stem, today))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ScenarioError(f"{path} cannot be written ({error.strerror})") from error
    say(f"written: {path}; play it with python3 -m sim {path}")
