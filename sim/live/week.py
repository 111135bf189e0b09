"""The made week beside a live demo: taken in by a process of its own, told as a bar under the table."""

import json
from pathlib import Path

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.text import Text

from broker.plan.model import Plan
from sim.demo_week.files import FIRST_DAY, LAST_DAY
from sim.live.processes.child import Child

LOOK_BACK_S = 61_200  # to seven in the morning of the day before: all trucks are on their way
SAID = f"the demo's made week, {FIRST_DAY} to {LAST_DAY}"


class WeekBeside:
    """Call `start` when the run goes, and always `stop`."""

    def __init__(self, records: Path, playback: Path, plan: Plan, day_start_at: float) -> None:
        self._arguments = [str(records), str(playback), plan.area_id, plan.timezone, str(day_start_at)]
        self._day_start_at = day_start_at
        self._child: Child | None = None
        self._done, self._of = 0, 0  # `of` is not known before the first word
        self._told = False

    def start(self) -> None:
        """Begin; the run does not wait for it."""
        self._child = Child("sim.live.processes.week_child", self._arguments, self._heard)

    def shown(self) -> RenderableType | None:
        """How far it is; None once it is there."""
        if self._child is None or self._is_there:
            return None
        if not self._child.running:
            why = " ".join(list(self._child.errors)[-1:]) or "it said nothing"
            return Text(f"{SAID} is not there: {why}", "yellow")
        far = f"{self._done} of {self._of} records" if self._of else "is unpacked"
        return Group(Text(f"{SAID}: {far}"), ProgressBar(self._of or 1, self._done, width=60))

    def news(self, screen: str) -> list[str]:
        """Once, when all of it is there: what is to be looked at, on the screen's address."""
        if self._told or not self._is_there:
            return []
        self._told = True
        at = int(self._day_start_at) - LOOK_BACK_S
        return [
            f"{SAID}, is on record; it was played in virtual time, nothing of it happened:",
            f"  {screen}/report/{LAST_DAY}",
            f"  {screen}/api/v1/stats?from_day={FIRST_DAY}&to_day={LAST_DAY}&period=week&format=csv",
            f"  {screen}/?at={at}",
        ]

    def stop(self) -> None:
        """End it; a second call does nothing."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    @property
    def _is_there(self) -> bool:
        return 0 < self._of == self._done

    def _heard(self, line: str) -> None:
        told = json.loads(line)
        self._done, self._of = told["done"], told["of"]
