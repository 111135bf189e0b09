"""What the technician sees: progress bars, tables, sentences; or one JSON document with --json."""

from __future__ import annotations

import dataclasses
import json
import sys
import threading
from collections.abc import Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.table import Column, Table

from tools.flashing.board.changes import Action, Installation
from tools.flashing.errors import FlashError

TYPED_AGAIN = ("port",)  # columns of a table


class Screen:
    """One command's output; progress and sentences go to `stderr`, results to `stdout`."""

    def __init__(self, *, as_json: bool, stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:
        self.as_json = as_json
        self.stopped = threading.Event()
        self._stdout = stdout or sys.stdout
        self._console = Console(file=stderr or sys.stderr, highlight=False)
        self._result = Console(file=self._stdout, highlight=False)
        self._progress = Progress(
            TextColumn("{task.fields[unit]:>12}"),
            BarColumn(30),
            TransferSpeedColumn(),
            TextColumn("{task.description}"),
            console=self._console,
            disable=as_json,
        )

    def __enter__(self) -> Screen:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def unit(self, device: str) -> UnitBar:
        """The progress line of one unit."""
        return UnitBar(self, device, self._progress)

    def note(self, text: str) -> None:
        """One line beside the progress bars."""
        if not self.as_json:
            self._console.print(text, markup=False)

    def table(self, title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
        """A table of results for people; nothing is cut off, and what is to be typed again stands in one line."""
        if self.as_json:
            return
        made = [Column(name, overflow="fold", no_wrap=name in TYPED_AGAIN) for name in columns]
        table = Table(*made, title=title, title_justify="left")
        for row in rows:
            table.add_row(*row)
        self._result.print(table)

    def plan(self, device: str, installation: Installation) -> None:
        """Every step of an installation; of a secret only that it is written."""
        rows = []
        for step in (*installation.steps, *installation.afterwards):
            size = f"{len(step.data)} bytes" if step.action is Action.WRITE and not step.secret else step.source
            rows.append((step.action.value, step.path, size))
        to_write = installation.bytes_to_write
        self.table(f"{device}: release {installation.release}, {to_write} bytes to write", ("", "path", ""), rows)

    def error(self, where: str, error: FlashError) -> None:
        """What happened and what to do next."""
        if not self.as_json:
            self._console.print(f"{where + ': ' if where else ''}{error.sentence}", markup=False, style="bold red")
            self._console.print(f"  -> {error.action}", markup=False)

    def document(self, value: dict[str, Any]) -> None:
        """The JSON document, with --json only."""
        if self.as_json:
            json.dump(value, self._stdout, ensure_ascii=False, indent=1, default=_plain)
            self._stdout.write("\n")
            self._stdout.flush()


class UnitBar:
    """Follows one unit; safe to use from the unit's own thread."""

    def __init__(self, screen: Screen, device: str, progress: Progress) -> None:
        self._screen = screen
        self._device = device
        self._progress = progress
        self._task: TaskID = progress.add_task("", unit=device, total=None)
        self._doing = ""
        self.show_plan = False

    def says(self, text: str) -> None:
        """What is being done now; here and in `wrote` a unit ends when the person wants to stop."""
        self._doing = text
        self._end_if_stopped()
        self._progress.update(self._task, description=text)

    def plan(self, installation: Installation) -> None:
        """The installation is known: the bar gets its length."""
        self._progress.update(self._task, total=max(installation.bytes_to_write, 1), completed=0)
        if self.show_plan:
            self._screen.plan(self._device, installation)

    def wrote(self, count: int) -> None:
        """So many bytes more."""
        self._end_if_stopped()
        self._progress.advance(self._task, count)

    def _end_if_stopped(self) -> None:
        if self._screen.stopped.is_set():
            raise FlashError("stopped", doing=self._doing)


def error_document(error: FlashError) -> dict[str, Any]:
    """An error for --json."""
    return {
        "problem": error.problem,
        "exit_code": error.exit_code,
        "sentence": error.sentence,
        "action": error.action,
    }


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)
