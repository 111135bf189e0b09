"""docs/scenarios.md, the whole format of a scenario file, drawn from the tables that read it.

    python3 -m sim.scenario.format_page > docs/scenarios.md

tests/sim/scenario/test_scenario_format.py holds that the page is what this draws, and plays every example.
"""

from firmware import environment

if __name__ == "__main__":
    environment.enter(*environment.SERVER)

import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from sim.scenario.schema import DEMANDS, HAPPENINGS, SECTIONS, Key

KINDS = Path(__file__).parent / "kinds.toml"
MORNING = """\
[scenario]
about = "One truck, three rooms, a morning."
from = "05:55"
to = "06:50"
seed = 7

[area]
runs = ["wet-north-1"]
first_visits = 3
standby = ["t97"]
bins_each = 2

[dispatcher]
acknowledge_after_s = 30
decide_after_s = 60
"""
EXPECTED = '[[expect]]\nkind = "records_stored_once"\n'
TITLES = {
    "scenario": "What, and when",
    "area": "Where",
    "world": "What people and streets are like",
    "dispatcher": "The person at the screen",
    "live": "Only for live runs",
}
TOP = """\
# The scenario file

A scenario is a TOML file: `python3 -m sim mine.toml` plays it, `python3 -m sim new mine.toml` asks and writes one.
It says where and when, what goes wrong (`[[event]]`) and what must be true of it (`[[expect]]`, at least one). Whatever
is left out is as the table says. An unknown word or a value out of bounds is refused, with what is allowed.

The examples below are played by the tests, each in this morning (with `records_stored_once` where nothing is expected):

"""


@cache
def kinds() -> Mapping[str, Any]:
    """`sections`, `events` and `expectations`: what each word says, with examples; `words` has those of sections."""
    return tomllib.loads(KINDS.read_text(encoding="utf-8"))


def whole(example: str) -> str:
    """An example as a scenario file that can be played."""
    return "\n".join([MORNING, example.strip(), "" if "[[expect]]" in example else f"\n{EXPECTED}"])


def page() -> str:
    """The text of the page."""
    return "\n".join([TOP + _code(MORNING), *_sections(), *_kinds("events", HAPPENINGS, "What goes wrong: `[[event]]`",
        "Each has `at` (HH:MM or HH:MM:SS) and `kind`; in a scenario of several `days` also `day`, 1 if left out."),
        *_kinds("expectations", DEMANDS,
        "What must be true: `[[expect]]`", "Each has `kind`, is judged against the world's truth, and fails too when "
        "there was nothing to judge.")])  # fmt: skip


def _sections() -> Iterator[str]:
    for name, keys in SECTIONS.items():
        yield f"## {TITLES[name]}: `[{name}]`\n"
        yield "| key | default | allowed | |\n| --- | --- | --- | --- |"
        says = kinds()["sections"][name]
        yield from (f"| `{key}` | {_default(about)} | {_allowed(about)} | {says[key]} |" for key, about in keys.items())
        yield ""
        if name in kinds()["words"]:
            about = kinds()["words"][name]
            yield f"{about['says']}\n\n{_code(about['example'].strip() + chr(10))}"


def _kinds(group: str, table: Mapping[str, Mapping[str, Key]], title: str, text: str) -> Iterator[str]:
    yield f"## {title}\n\n{text}\n"
    for name, keys in table.items():
        about = kinds()[group][name]
        yield f"### `{name}`\n\n{about['says']}\n"
        if keys:
            yield "| key | default | allowed |\n| --- | --- | --- |"
            yield from (f"| `{key}` | {_default(one)} | {_allowed(one)} |" for key, one in keys.items())
            yield ""
        if "file" in about:
            yield f"As in the scenario `{about['file']}`:\n"
        yield _code(about["example"].strip() + "\n")


def _code(text: str) -> str:
    return f"```toml\n{text}```\n"


def _default(key: Key) -> str:
    if key.default is ...:
        return "must be given"
    shown = key.default if not isinstance(key.default, bool) else str(key.default).lower()
    return "none" if shown in ("", [], {}) else f"{shown:g}" if isinstance(shown, float) else str(shown)


def _allowed(key: Key) -> str:
    if key.words:
        return " ".join(f"`{word}`" for word in key.words)
    names = {str: "text", list: "list", dict: "table", bool: "true or false", int: "whole number", float: "number"}
    bounds = f", {_bound(key.low)} to {_bound(key.high)}" if key.kind in (int, float) else ""
    return names[key.kind] + bounds


def _bound(number: float) -> str:
    return f"{number:g}" if abs(number) < 1_000_000 else f"{number:.0f}"


if __name__ == "__main__":
    sys.stdout.write(page())
