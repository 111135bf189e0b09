"""Each truck's computer and each room's unit as a technician looks at them: what is wrong first.

Most of it is the picture's; what only the bridge's loop knows (`Beside`) is taken in one short question.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from broker.bridge import Bridge
from broker.ingest.last_words import Word
from broker.ingest.sources import DeviceKey

Row = dict[str, Any]

FAMILIES = ("truck", "room")
SILENT = ("lost", "disconnected")
CLOCK_OFF_S = 5  # so far from the bridge's is worth a look; network and outbox alone make a second or two
TOPICS = frozenset({"clock", "part", "limit", "stranger", "boots", "silent", "sensor", "begin"})  # of devices
# How bad it is: what a technician goes to first.
SEVERE, LOST, WARNING, DOUBT, WELL, NEVER = 5, 4, 3, 2, 1, 0
_LEVELS = {"severe": SEVERE, "warning": WARNING, "info": DOUBT}


@dataclass(frozen=True, slots=True)
class Beside:
    """What the picture does not have: gaps, refusals, and each device's own last message."""

    gaps: Mapping[DeviceKey, int] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)  # by "family/device"
    newest: Mapping[DeviceKey, Word] = field(default_factory=dict)


def beside(bridge: Bridge, _now: int) -> Beside:
    """It, copied: nothing in it changes afterwards."""
    return Beside(bridge.gap_counts(), dict(bridge.refused), bridge.last_words.newest_of_all())


def devices(
    picture: Row, found: Beside, closed: Iterable[Row], calibrated: Mapping[str, Mapping[str, int]]
) -> list[Row]:
    """All of them, the worst first; `closed` are accounts closed by flood control, `calibrated` when each cell was."""
    shut = {(row["family"], row["device"]): row for row in closed}
    findings = _findings(picture)
    rows = [
        _row(family, row, found, shut.get((family, row[family])), findings.get(row[family], []), calibrated)
        for family in FAMILIES
        for row in picture[f"{family}s"]
    ]
    return sorted(rows, key=lambda row: (-row["rank"], row["family"], row["device"]))


def clock_s(word: Word | None) -> int | None:
    """By how much a device's clock is ahead of the bridge's, by what it sent just then; None where it said no time."""
    if word is None or word.ours:
        return None
    try:
        body = json.loads(word.payload)
    except ValueError:
        return None
    if not isinstance(body, dict) or body.get("late"):
        return None
    said_at = body.get("sent_at", body.get("at"))
    return round(said_at - word.at) if type(said_at) is int else None


def _row(
    family: str, shown: Row, found: Beside, shut: Row | None, findings: list[Row],
    calibrated: Mapping[str, Mapping[str, int]],
) -> Row:  # fmt: skip
    key = family, shown[family]
    row = {
        "family": family, "device": shown[family], "name": shown.get("name"), "life": shown["life"], "fw": shown["fw"],
        "boot": shown["boot"], "heard_at": shown["heard_at"], "gaps": found.gaps.get(key, 0),
        "refused": found.refused.get("/".join(key), 0), "clock_s": clock_s(found.newest.get(key)),
        "calibrated": dict(calibrated.get(shown[family], {})) if family == "room" else {},
        "wastes": list(shown.get("wastes", ())), "findings": findings, "answer": shown["answer"],
        "closed": None if shut is None else {"limit": shut["limit"], "opens_in_s": shut["opens_in_s"]},
    }  # fmt: skip
    return {**row, "rank": _rank(row)}


def _rank(row: Row) -> int:
    levels = [_LEVELS.get(one["level"], DOUBT) for one in row["findings"]]
    if row["closed"] is not None:
        levels.append(SEVERE)
    if row["heard_at"] is not None and row["life"] in SILENT:
        levels.append(LOST)
    if row["clock_s"] is not None and abs(row["clock_s"]) > CLOCK_OFF_S:
        levels.append(WARNING)
    if row["gaps"] or row["refused"] or (row["answer"] is not None and not row["answer"]["done"]):
        levels.append(DOUBT)
    return max(levels, default=WELL if row["heard_at"] is not None else NEVER)


def _findings(picture: Row) -> dict[str, list[Row]]:
    """What a person is asked to look at, by device."""
    found: dict[str, list[Row]] = {}
    for entry in picture["attention"]:
        if entry["topic"] not in TOPICS:
            continue
        subject = entry["subject"]
        about = {subject["room"]} if isinstance(subject, dict) else set(re.split("[/:]", str(subject)))
        shown = {name: entry[name] for name in ("topic", "word", "level", "values", "since")}
        for device in about:
            found.setdefault(device, []).append(shown)
    return found
