"""A scenario: which area and hours, what goes wrong when, and what must be true at the end; read from TOML.

Unknown sections, keys, event and expectation kinds are refused, as are values out of bounds; the error names file,
section, key and what is allowed. Times are HH:MM or HH:MM:SS of the scenario's day in the area's time zone; those of
events may have a fraction (HH:MM:SS.5).
"""

import datetime
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from broker.plain_text import hidden_character
from sim.scenario.schema import DEMANDS, HAPPENINGS, SECTIONS, Key

DAY_S = 86_400
FOLDER = Path(__file__).parent / "catalogue"


class ScenarioError(ValueError):
    """A scenario file that cannot be played; the text says where and what is allowed."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that goes wrong, at `at_s` seconds of the first day."""

    kind: str
    at_s: float
    values: Mapping[str, Any]

    @property
    def end_s(self) -> float:
        """When it is over; the moment itself for what does not last."""
        return self.at_s + 60 * float(self.values.get("for_min", 0.0))


@dataclass(frozen=True, slots=True)
class Demand:
    """One expectation: its kind and what it asks for."""

    kind: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole scenario; the mappings have all keys, defaults filled in."""

    name: str
    about: str
    date: datetime.date
    from_s: int
    to_s: int
    seed: int
    area: Mapping[str, Any]
    world: Mapping[str, Any]
    dispatcher: Mapping[str, Any]
    live: Mapping[str, Any]
    happenings: tuple[Happening, ...] = ()
    demands: tuple[Demand, ...] = field(default=())
    days: int = 1

    @property
    def until_s(self) -> int:
        """When it ends, in seconds after its first day began."""
        return self.to_s + (self.days - 1) * DAY_S


def names() -> list[str]:
    """The scenarios that come with the simulator."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Scenario:
    """The scenario of this name or file; raises ScenarioError."""
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        known = " ".join(names())
        raise ScenarioError(f"{path}: cannot be read ({error.strerror}); known scenarios: {known}") from error
    scenario = parse(text, path.stem, str(path))
    plan = scenario.area["plan"]
    if plan:  # beside the file that names it
        scenario = replace(scenario, area={**scenario.area, "plan": str(path.parent / plan)})
    return scenario


def parse(text: str, name: str, where: str) -> Scenario:
    """The scenario a TOML text describes; `where` is for the error texts."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{where}: is not TOML: {error}") from error
    return scenario_of(document, name, where)


def scenario_of(document: Mapping[str, Any], name: str, where: str) -> Scenario:
    """The scenario that the sections of a file describe, wherever they come from; raises ScenarioError."""
    for section in document:
        if section not in (*SECTIONS, "event", "expect"):
            allowed = " ".join((*SECTIONS, "event", "expect"))
            raise ScenarioError(f"{where}: section [{section}] is unknown; allowed: {allowed}")
    found = {
        section: _section(where, f"[{section}]", keys, document.get(section, {})) for section, keys in SECTIONS.items()
    }
    head = found["scenario"]
    try:
        date = datetime.date.fromisoformat(head["date"])
    except ValueError as error:
        raise ScenarioError(f"{where}: [scenario] date must be YYYY-MM-DD, got {head['date']!r}") from error
    from_s = day_s(head["from"], f"{where}: [scenario] from")
    to_s = day_s(head["to"], f"{where}: [scenario] to")
    if not 0 < to_s - from_s <= 86400:
        raise ScenarioError(f"{where}: [scenario] to must be later than from and at most a day after it")
    happenings = tuple(
        _happening(where, f"[[event]] no. {i}", entry) for i, entry in enumerate(_entries(where, document, "event"), 1)
    )
    last_s = to_s + (head["days"] - 1) * DAY_S
    for happening in happenings:
        if not from_s <= happening.at_s <= last_s:
            raise ScenarioError(f"{where}: an event ({happening.kind}) lies outside from..to and would never happen")
    demands = tuple(
        _demand(where, f"[[expect]] no. {i}", entry) for i, entry in enumerate(_entries(where, document, "expect"), 1)
    )
    if not demands:
        raise ScenarioError(f"{where}: has no [[expect]]; a scenario that cannot fail proves nothing")
    return Scenario(
        name, head["about"], date, from_s, to_s, head["seed"], found["area"], found["world"], found["dispatcher"],
        found["live"], happenings, demands, head["days"],
    )  # fmt: skip


def day_s(text: str, where: str) -> int:
    """Seconds of the day for HH:MM or HH:MM:SS (up to 30 hours); raises ScenarioError."""
    found = re.fullmatch(r"(\d{1,2}):([0-5]\d)(?::([0-5]\d))?", text)
    if found is None or int(found[1]) > 30:
        raise ScenarioError(f"{where}: must be HH:MM or HH:MM:SS, got {text!r}")
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3] or 0)


def _entries(where: str, document: Mapping[str, Any], section: str) -> list[Any]:
    entries = document.get(section, [])
    if not isinstance(entries, list):
        raise ScenarioError(f"{where}: write [[{section}]], one per entry")
    return entries


def _happening(where: str, section: str, entry: Any) -> Happening:
    kind = _kind(where, section, entry, HAPPENINGS)
    if "at" not in entry:
        raise ScenarioError(f"{where}: {section}: key at is missing (HH:MM)")
    values = {key: value for key, value in entry.items() if key not in ("kind", "at", "day")}
    day = value_of(f"{where}: {section}: day", SECTIONS["scenario"]["days"], entry.get("day", ...))
    whole, _, fraction = str(entry["at"]).partition(".")
    if fraction and (whole.count(":") != 2 or re.fullmatch(r"\d{1,3}", fraction) is None):
        raise ScenarioError(f"{where}: {section}: at must be HH:MM or HH:MM:SS, or HH:MM:SS.sss; got {entry['at']!r}")
    at_s = day_s(whole, f"{where}: {section}: at") + float(f"0.{fraction or 0}") + (day - 1) * DAY_S
    return Happening(kind, at_s, _section(where, section, HAPPENINGS[kind], values))


def _demand(where: str, section: str, entry: Any) -> Demand:
    kind = _kind(where, section, entry, DEMANDS)
    values = _section(where, section, DEMANDS[kind], {key: v for key, v in entry.items() if key != "kind"})
    for key in ("from", "to"):
        if key in values:
            values[key] = day_s(values[key], f"{where}: {section}: {key}")
    return Demand(kind, values)


def _kind(where: str, section: str, entry: Any, known: Mapping[str, Any]) -> str:
    kind = entry.get("kind") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or kind not in known:
        raise ScenarioError(f"{where}: {section}: kind must be one of {' '.join(known)}, got {kind!r}")
    return kind


def _section(where: str, section: str, keys: Mapping[str, Key], given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ScenarioError(f"{where}: {section} must be a section")
    for key in given:
        if key not in keys:
            raise ScenarioError(f"{where}: {section}: key {key} is unknown; allowed: {' '.join(keys)}")
    return {name: value_of(f"{where}: {section}: {name}", key, given.get(name, ...)) for name, key in keys.items()}


def _texts(value: Any) -> list[Any]:
    """What should be text in a value: itself, the entries of a list, names and values of a table."""
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else [value] if isinstance(value, str) else []


def value_of(where: str, key: Key, value: Any) -> Any:
    """A value as its key has it, the default for `...`; raises ScenarioError saying what is allowed."""
    if value is ...:
        if key.default is ...:
            raise ScenarioError(f"{where} is missing")
        return key.default
    if key.kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, key.kind) or (isinstance(value, bool) and key.kind is not bool):
        raise ScenarioError(f"{where} must be {key.kind.__name__}, got {value!r}")
    for text in _texts(value):
        if not isinstance(text, str):
            raise ScenarioError(f"{where} holds texts only, got {text!r}")
        if hidden_character(text):
            raise ScenarioError(f"{where} holds {hidden_character(text)}, which cannot be seen: {text!r}")
    if key.words and value not in key.words:
        raise ScenarioError(f"{where} must be one of {' '.join(key.words)}, got {value!r}")
    if isinstance(value, int | float) and not key.low <= value <= key.high:
        raise ScenarioError(f"{where} must be between {key.low} and {key.high}, got {value!r}")
    return value
