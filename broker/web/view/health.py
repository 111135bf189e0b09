"""Whether the bridge does its work: what is wrong with it, each reason with its words and its figures."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from broker.bridge import Bridge
from broker.web.desk import Desk
from broker.words import LANGUAGES
from firmware import wire

LINK_LOST_S = 8  # a broker that restarts is back before that
SILENT_S = 5  # without an answer to a ping
HEARTBEAT_LOST_S = 25  # of the ten-second heartbeat: two are missing
OUTSIDE_LATE_S = CITY_LATE_S = 300  # nothing was delivered to a receiver: worth knowing
LOOP_STUCK_S = PICTURE_OLD_S = 10
_SEVERE, _WARNING = "severe", "warning"  # whether /healthz is 503

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Way:
    """What the link knows of the way to the devices; `notes` is what a person should know of our own broker."""

    silent_s: float = 0.0
    heartbeat_s: float | None = None
    why: str = ""
    notes: tuple[str, ...] = field(default=())
    clock_jumped_s: int | None = None  # by so much, and nobody has said yet that it is right


def reasons(bridge: Bridge, way: Way, now: float) -> list[Row]:
    """What keeps the bridge from its work at `now`, and what a person should know, the worst first."""
    up, since_at = bridge.link
    found: list[Row] = []
    if not up and now - since_at > LINK_LOST_S:
        found.append(_row("link_lost", _SEVERE, way.why, at=since_at, no_data_s=wire.NO_DATA_S))
    elif way.silent_s > SILENT_S:
        found.append(_row("broker_silent", _SEVERE, seconds=int(way.silent_s), no_data_s=wire.NO_DATA_S))
    elif bridge.trouble is None and way.heartbeat_s is not None and way.heartbeat_s > HEARTBEAT_LOST_S:
        # While nothing can be stored there is none, on purpose: that has its own reason.
        found.append(_row("heartbeat_lost", _SEVERE, seconds=int(way.heartbeat_s), no_data_s=wire.NO_DATA_S))
    if bridge.trouble is not None:
        found.append(store_trouble(bridge.trouble))
    if way.clock_jumped_s is not None:
        found.append(_row("clock_jumped", _WARNING, seconds=way.clock_jumped_s))
    return found + [_row("broker_note", _WARNING, note) for note in way.notes]


def stuck(desk: Desk) -> list[Row]:
    """What only another thread can see: a loop that does not turn, a picture that gets old."""
    now = time.monotonic()
    if now - desk.turned_at > LOOP_STUCK_S:
        return [_row("loop_stuck", _SEVERE, seconds=int(now - desk.turned_at))]
    if now - desk.shown_at > PICTURE_OLD_S:
        return [_row("picture_late", _SEVERE, seconds=int(now - desk.shown_at))]
    return []


def of_stream(desk: Desk) -> list[Row]:
    """What other threads have to say: that no picture reaches the screens, that none is kept, who is not told."""
    rows = [] if desk.not_streamed is None else [_row("not_streamed", _SEVERE, desk.not_streamed)]
    rows += [] if desk.not_kept is None else [_row("not_kept", _WARNING, desk.not_kept)]
    why = desk.reports_trouble()
    rows += [] if why is None else [_row("reports_late", _WARNING, why)]
    return rows + of_outside(desk.outside(), time.time()) + of_city(desk.city(), time.time())


def of_outside(receivers: Iterable[Mapping[str, Any]], now: float) -> list[Row]:
    """Who outside is not told: nothing arrives for a while, messages were given up, or the receiver has ended it."""
    found = []
    for one in receivers:
        since = one["failing_since_at"]
        if one["ended"] or one["dead"] or (since is not None and now - since > OUTSIDE_LATE_S):
            row = _row("outside_late", _WARNING, one["why"], name=one["name"], waiting=one["waiting"], dead=one["dead"])
            found.append(row)
    return found


def of_city(state: Mapping[str, Any] | None, now: float) -> list[Row]:
    """That the city is away for a while, or has not the records that this cell has."""
    if state is None:
        return []
    since, found = state["away_since_at"], []
    if since is not None and now - since > CITY_LATE_S:
        found.append(_row("city_late", _WARNING, state["why"], at=since, count=state["waiting"]))
    if state["surplus"]:
        found.append(_row("city_surplus", _WARNING, count=state["surplus"]))
    if state["others"]:
        found.append(_row("city_others", _WARNING, count=state["others"], id=state["other_id"]))
    return found


def store_trouble(why: str) -> Row:
    """The record takes nothing, or cannot be asked."""
    return _row("store_trouble", _SEVERE, why)


def damaged(texts: Iterable[str]) -> list[Row]:
    """Records that had to be left out; `texts` is what the store says of them, the newest last."""
    return [_row("record_damaged", _SEVERE, why=text) for text in list(texts)[-1:]]


def of_picture(picture: Row) -> list[Row]:
    """What a picture says of itself: that it is of before, that nobody knows the plan's day; and its own reasons."""
    old, plan = picture["old_since_at"], picture["plan"]
    rows = [_row("picture_old", _SEVERE, at=old)] if old is not None else []
    rows += [] if plan["known"] else [_row("plan_over", _SEVERE, plan["said"])]
    return [*rows, *picture["health"]]


def ill(rows: Iterable[Row]) -> bool:
    """Whether any of it keeps the bridge from its work."""
    return any(row["level"] == _SEVERE for row in rows)


class Sentences:
    """The reasons' words, as the screen has them."""

    def __init__(self) -> None:
        folder = Path(__file__).parents[1] / "static"
        self._words = {language: json.loads((folder / f"{language}.json").read_bytes()) for language in LANGUAGES}

    def of(self, row: Row, timezone: str) -> Mapping[str, str]:
        """A reason's sentence in each language."""
        values = dict(row["values"])
        if "at" in values:
            values["at"] = datetime.fromtimestamp(values["at"], ZoneInfo(timezone)).strftime("%H:%M:%S")
        why = f" ({row['why']})" if row["why"] else ""
        return {language: words[row["word"]].format_map(values) + why for language, words in self._words.items()}


def _row(word: str, level: str, why: str = "", **values: int | str) -> Row:
    if word == "record_damaged":  # its sentence has the reason within
        return {"word": word, "level": level, "why": "", "values": {"why": why}}
    return {"word": word, "level": level, "why": why, "values": values}
