"""Back to the former release: checked whole by its own manifest first, then one rename."""

from __future__ import annotations

from dataclasses import dataclass

from tools.flashing.board.board import Board
from tools.flashing.board.inventory import Contents, read_manifest, whole_release
from tools.flashing.errors import FlashError


@dataclass(frozen=True)
class Rolled:
    """From which release to which."""

    left: str
    now: str


def whole_former(board: Board, contents: Contents) -> str:
    """The release to go back to, checked by its own manifest; raises FlashError("no_former") if there is none."""
    former = contents.former
    wrong = whole_release(contents, former, read_manifest(board, former))
    if former is None or former == contents.current or wrong:
        raise FlashError("no_former")
    return former


def roll_back(board: Board, contents: Contents) -> Rolled:
    """Switches `current` and `former`; raises FlashError("no_former") if there is no whole release to go to."""
    former = whole_former(board, contents)
    for guard in ("/state/crashes.json", "/state/hold"):
        if guard in contents.files:
            board.run(f"import os\nos.remove({guard!r})", f"removing {guard}")
    board.write("/current", former.encode())
    if contents.current is not None:
        board.write("/former", contents.current.encode())
    return Rolled(contents.current or "", former)


def verify(board: Board, contents: Contents, config: dict[str, str] | None) -> list[str]:
    """What is wrong: its release against its own manifest, its settings against `config` (path, sha256)."""
    wrong = whole_release(contents, contents.current, read_manifest(board, contents.current))
    if "/main.py" not in contents.files:
        wrong.append("the boot loader /main.py is missing")
    if contents.device is None:
        wrong.append("it has no identity")
    for path, digest in (config or {}).items():
        if contents.files.get(path) != digest:
            wrong.append(f"{path} differs from the settings")
    return wrong
