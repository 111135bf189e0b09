"""A scenario as the text of its file: what differs from the defaults, so that reading it gives the same scenario."""

import json
from collections.abc import Mapping
from typing import Any

from sim.scenario.scenario import DAY_S, Scenario
from sim.scenario.schema import DEMANDS, HAPPENINGS, SECTIONS, Key


def as_text(scenario: Scenario) -> str:
    """The scenario as TOML."""
    head = {
        "about": scenario.about, "date": scenario.date.isoformat(), "from": time_of(scenario.from_s),
        "to": time_of(scenario.to_s), "seed": scenario.seed, "days": scenario.days,
    }  # fmt: skip
    given = {
        "scenario": head, "area": scenario.area, "world": scenario.world, "dispatcher": scenario.dispatcher,
        "live": scenario.live,
    }  # fmt: skip
    parts = [(f"[{name}]", _lines(SECTIONS[name], values)) for name, values in given.items()]
    for happening in sorted(scenario.happenings, key=lambda each: each.at_s):
        lines = _lines(HAPPENINGS[happening.kind], happening.values)
        parts.append(("[[event]]", [*_moment(happening.at_s, scenario), _line("kind", happening.kind), *lines]))
    for demand in scenario.demands:
        times = {key: time_of(demand.values[key]) for key in ("from", "to") if key in demand.values}
        lines = _lines(DEMANDS[demand.kind], {**demand.values, **times})
        parts.append(("[[expect]]", [_line("kind", demand.kind), *lines]))
    return "\n\n".join("\n".join([title, *lines]) for title, lines in parts if lines) + "\n"


def time_of(day_s: float) -> str:
    """HH:MM:SS of a second of the day, with its thousandths where it has any."""
    whole, thousandths = divmod(round(day_s * 1000), 1000)
    text = f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{text}.{thousandths:03d}" if thousandths else text


def _moment(at_s: float, scenario: Scenario) -> list[str]:
    """A moment of the first day by its time, of a later one by its number too."""
    day = int(at_s // DAY_S) + 1 if scenario.days > 1 else 1
    lines = [_line("at", time_of(at_s - (day - 1) * DAY_S))]
    return lines if day == 1 else [_line("day", day), *lines]


def _lines(keys: Mapping[str, Key], values: Mapping[str, Any]) -> list[str]:
    return [_line(name, values[name]) for name, key in keys.items() if name in values and values[name] != key.default]


def _line(name: str, value: Any) -> str:
    return f"{name} = {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(name)} = {_value(each)}" for name, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
