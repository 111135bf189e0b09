"""The time of a record that was kept before anybody had told it, or by a clock that turned out wrong; pure."""

from collections.abc import Callable
from typing import Any

from firmware.truck.clock import DISAGREE_S
from firmware.truck.events import Report

UnixAt = Callable[[float], int | None]  # POSIX seconds at a monotonic time, or None while nobody has told


def dated(report: Report, unix_at: UnixAt) -> dict[str, Any] | None:
    """The body with its time by the monotonic clock, which ran when it was kept; None if it is right as it is."""
    body, at = report.body, unix_at(report.kept_s)
    name = "pressed_at" if report.channel == "incident" else "fix_at"
    if at is None or name not in body or "lat" not in body:  # what the disk gave back may be no report
        return None
    changed: dict[str, Any] = {}
    if _is_off(body[name], at) and (name, body["lat"]) != ("fix_at", None):
        changed[name] = at
    if name == "pressed_at" and (body.get("fix_at") or 0) > at + DISAGREE_S:
        changed["fix_at"] = None  # its place may be older than the press, never newer
    return dict(body) | changed if changed else None


def not_ahead(body: dict[str, Any], now_at: int | None) -> dict[str, Any]:
    """The body without a time that has not come yet: a clock was wrong that nobody can ask any more."""
    ahead = [name for name in ("fix_at", "pressed_at") if now_at and (body.get(name) or 0) > now_at + DISAGREE_S]
    return body | dict.fromkeys(ahead)


def _is_off(known: Any, at: int) -> bool:
    return not isinstance(known, int) or abs(known - at) > DISAGREE_S
