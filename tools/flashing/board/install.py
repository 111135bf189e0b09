"""Carries an installation out on a board, checks every hash, and switches the release as the very last write."""

from __future__ import annotations

from collections.abc import Callable

from tools.flashing.board.board import Board
from tools.flashing.board.changes import Action, Installation, Step
from tools.flashing.board.inventory import ROOTS, read_contents
from tools.flashing.board.release.release import sha256
from tools.flashing.errors import FlashError

POINTERS = ("/former", "/current")


def carry_out(board: Board, installation: Installation, progress: Callable[[int, str], None] = lambda *_: None) -> None:
    """All steps in their order; before the release is switched, the board hashes everything once more.

    `progress` is told bytes written and the path. Raises FlashError; the board then runs what it ran before.
    """
    for step in installation.steps:
        if step.path not in POINTERS:
            _do(board, step, progress)
    _verify(board, [step for step in installation.steps if step.path not in POINTERS], ROOTS)
    for step in installation.steps:
        if step.path in POINTERS:
            _do(board, step, progress)
    _verify(board, [step for step in installation.steps if step.path in POINTERS], ())


def clean_up(board: Board, installation: Installation) -> None:
    """Removes what nobody can go back to any more."""
    for step in installation.afterwards:
        _do(board, step, lambda *_: None)


def _do(board: Board, step: Step, progress: Callable[[int, str], None]) -> None:
    if step.action is Action.WRITE:
        board.write(step.path, step.data, lambda count: progress(count, step.path))
    elif step.action is Action.COPY:
        board.copy(step.source, step.path)
    elif step.action is Action.FOLDER:
        board.run(f"import os\nos.mkdir({step.path!r})", f"making {step.path}")
    elif step.action is Action.REMOVE:
        # A folder is removed as a file is on littlefs.
        board.run(f"import os\nos.remove({step.path!r})", f"removing {step.path}")


def _verify(board: Board, steps: list[Step], roots: tuple[str, ...]) -> None:
    contents = read_contents(board, roots)
    for step in steps:
        if step.action in (Action.WRITE, Action.COPY) and contents.files.get(step.path) != sha256(step.data):
            raise FlashError("write_failed", path=step.path)
