"""Two reports side by side: which expectations, visits and calls are not as they were.

    python3 -m sim diff BEFORE.html AFTER.html [--json]

Exit code 0 if nothing differs that is compared here, 1 if something does, 2 for a file that is no report.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from sim.report.page import ReportError, read_report

SAME, DIFFERS, BAD = 0, 1, 2
MOVED_S = 5.0  # a moment nearer than this is the same one
Facts = Mapping[str, Any]


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m sim diff", description="What differs between two reports.")
    parser.add_argument("before", type=Path, help="a file that --report wrote")
    parser.add_argument("after", type=Path, help="another one")
    parser.add_argument("--json", action="store_true", help="the differences as JSON on standard output")
    options = parser.parse_args(arguments)
    try:
        before, after = read_report(options.before), read_report(options.after)
    except ReportError as error:
        print(error, file=sys.stderr)
        return BAD
    found = list(differences(before, after))
    if options.json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        console = Console()
        for line in found or ["nothing differs in what was expected, visited and called"]:
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    return DIFFERS if found else SAME


def differences(before: Facts, after: Facts) -> Iterator[str]:
    """A line for each thing that is not as it was, the expectations first."""
    for name in ("scenario", "date", "seed"):
        if before[name] != after[name]:
            yield f"{name}: {before[name]} before, {after[name]} now"
    yield from _expectations(_by_name(before["expectations"]), _by_name(after["expectations"]))
    yield from _visits(before, after)


def _by_name(expectations: list[Facts]) -> dict[str, Facts]:
    """Each by its kind and what it asks, for a scenario may ask one kind twice."""
    return {f"{one['kind']} {_asked(one['asked'])}".strip(): one for one in expectations}


def _asked(values: Facts) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())


def _expectations(before: dict[str, Facts], after: dict[str, Facts]) -> Iterator[str]:
    for name in {**before, **after}:
        was, now = before.get(name), after.get(name)
        if _held(was) != _held(now):
            why = f": {now['faults'][0]['en']}" if now is not None and now["faults"] else ""
            yield f"{name}: {_held(was)} before, {_held(now)} now{why}"
        elif was is not None and now is not None and was["seen"] != now["seen"]:
            yield f"{name}: {was['seen']['en']} before, {now['seen']['en']} now"


def _held(one: Facts | None) -> str:
    if one is None:
        return "not asked"
    return "held" if one["held"] else "failed"


def _visits(before: Facts, after: Facts) -> Iterator[str]:
    was, now = _by_place(before), _by_place(after)
    for place in {**was, **now}:
        name = "{} {} visit {}".format(*place)
        if place not in now:
            yield f"{name}: made before, not now"
        elif place not in was:
            yield f"{name}: made now, not before"
        else:
            yield from (f"{name}: {change}" for change in _changes(was[place], now[place]))


def _by_place(facts: Facts) -> dict[tuple[str, str, int], Facts]:
    """Each visit by room, waste kind and which time it was there that day."""
    found: dict[tuple[str, str, int], Facts] = {}
    for visit in sorted(facts["visits"], key=lambda one: one["arrived_s"]):
        number = 1
        while (place := (visit["room"], visit["waste"], number)) in found:
            number += 1
        found[place] = {**visit, "start_s": facts["start_s"]}
    return found


def _changes(was: Facts, now: Facts) -> Iterator[str]:
    if was["truck"] != now["truck"]:
        yield f"by {was['truck']} before, {now['truck']} now"
    for name, word in (("arrived_s", "came"), ("left_s", "left"), ("called_s", "lamp lit")):
        one, other = was[name], now[name]
        if (one is None) != (other is None) or (one is not None and abs(one - other) > MOVED_S):
            yield f"{word} {_clock(was, one)} before, {_clock(now, other)} now"
    if was["bins"] != now["bins"]:
        yield f"{was['bins']} bins before, {now['bins']} now"


def _clock(visit: Facts, second: float | None) -> str:
    if second is None:
        return "never"
    of_day = round(second + visit["start_s"])
    return f"{of_day // 3600:02d}:{of_day // 60 % 60:02d}:{of_day % 60:02d}"
