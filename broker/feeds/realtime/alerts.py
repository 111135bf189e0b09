"""What is in the way: an Alert for each open press and each closed road, in both languages."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from google.transit import gtfs_realtime_pb2 as gtfs

from broker.feeds.realtime.trips import Row, Trip
from broker.plan.model import Plan
from broker.reports.words import in_language
from broker.words import LANGUAGES, Words

WORDS = Words(Path(__file__).parent / "words")
_Alert = gtfs.Alert


def alerts(plan: Plan, picture: Row, trips: dict[str, Trip]) -> Iterator[tuple[str, Any]]:
    """(entity id, Alert): the open presses, then the closed roads."""
    for row in picture["incidents"]:
        if row["open"]:
            yield f"incident/{row['truck']}/{row['incident_id']}", _of_incident(plan, picture, trips, row)
    for row in picture["closures"]:
        if row["room"] in plan.rooms:
            yield f"closure/{row['closure_id']}", _of_closure(plan, row)


def _of_incident(plan: Plan, picture: Row, trips: dict[str, Trip], row: Row) -> Any:
    alert = gtfs.Alert(
        cause=_Alert.Cause.Value(row["cause"]), effect=_Alert.Effect.Value(row["effect"]),
        severity_level=_Alert.SeverityLevel.Value(row["severity"]),
    )  # fmt: skip
    alert.active_period.add(start=min(row["pressed_at"] or row["raised_at"], picture["at"]))
    trip, room = trips.get(row["run_id"]), plan.rooms.get(row["room"])
    if trip is not None:
        trip.describe(alert.informed_entity.add().trip)
    if room is not None:
        alert.informed_entity.add().stop_id = room.room_id
    if not alert.informed_entity:
        alert.informed_entity.add().agency_id = plan.area_id
    back_at = _back_at(picture, row["second_visit"])
    what = "broken" if row["reason"] == "breakdown" else "blocked"
    for language in LANGUAGES:
        said = {
            "truck": row["truck"],
            "room": in_language(room.name, language) if room else WORDS.say(language, "gap", "room"),
            "time": None if back_at is None else _clock(plan, back_at),
        }
        _say(alert.header_text, language, f"{what}.header", said)
        _say(alert.description_text, language, f"{what}.{'later' if back_at is None else 'back'}", said)
    return alert


def _of_closure(plan: Plan, row: Row) -> Any:
    between = row["other_room"] is not None
    alert = gtfs.Alert(
        cause=_Alert.OTHER_CAUSE, effect=_Alert.DETOUR if between else _Alert.NO_SERVICE, severity_level=_Alert.WARNING
    )
    alert.active_period.add(start=row["from_at"], end=row["until_at"])
    rooms = [plan.rooms[name] for name in (row["room"], row["other_room"]) if name in plan.rooms]
    for room in rooms:
        alert.informed_entity.add().stop_id = room.room_id
    for language in LANGUAGES:
        said = {
            "room": in_language(rooms[0].name, language), "other": in_language(rooms[-1].name, language),
            "from": _clock(plan, row["from_at"]), "until": _clock(plan, row["until_at"]),
        }  # fmt: skip
        _say(alert.header_text, language, "closed.between" if between else "closed.room", said)
        _say(alert.description_text, language, "closed.hours", said)
    return alert


def _say(into: Any, language: str, key: str, said: Row) -> None:
    into.translation.add(language=language, text=WORDS.say(language, "text", key, **said))


def _back_at(picture: Row, second_visit: str | None) -> int | None:
    """When the visit that makes up for the one in the way is expected."""
    visits = (visit for run in picture["runs"] for visit in run["visits"])
    found = next((visit for visit in visits if visit["id"] == second_visit), None)
    return None if found is None or found["eta_at"] is None else int(found["eta_at"])


def _clock(plan: Plan, at: int) -> str:
    return datetime.fromtimestamp(at, ZoneInfo(plan.timezone)).strftime("%m-%d %H:%M")
