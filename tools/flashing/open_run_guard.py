"""Asks the bridge whether a run is open: a truck that drives, or a room it still has to visit, is left alone."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from tools.flashing.errors import FlashError

ANSWER_S = 8.0
LARGEST_BYTES = 16 << 20
OPEN_STATES = ("running",)
OWED_STATES = ("pending", "due", "at_stop")


def open_run(runs: list[dict[str, Any]], family: str, device: str) -> str | None:
    """The id of the open run that concerns this truck or room, or None; pure."""
    for run in runs:
        if run.get("state") not in OPEN_STATES:
            continue
        visits = run.get("visits") or []
        owed = any(visit.get("room") == device and visit.get("state") in OWED_STATES for visit in visits)
        if (family == "truck" and run.get("truck") == device) or (family == "room" and owed):
            return str(run.get("run_id", "without an id"))
    return None


def ask_runs(url: str) -> list[dict[str, Any]]:
    """All runs the bridge knows; raises FlashError("api")."""
    try:
        with urllib.request.urlopen(f"{url}/api/v1/runs", timeout=ANSWER_S) as answer:  # noqa: S310
            value = json.loads(answer.read(LARGEST_BYTES))
    except (OSError, urllib.error.URLError, ValueError) as error:
        raise FlashError("api", url=url, what=str(error)) from error
    runs = value.get("runs") if isinstance(value, dict) else value
    if not isinstance(runs, list) or not all(isinstance(run, dict) for run in runs):
        raise FlashError("api", url=url, what="its answer is no list of runs")
    return runs


def refuse_open_run(url: str, family: str, device: str) -> None:
    """Raises FlashError("run_open") while a run is open there; without a `url` nobody is asked."""
    run = open_run(ask_runs(url), family, device) if url else None
    if run is not None:
        raise FlashError("run_open", id=device, run=run)
