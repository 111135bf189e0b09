"""What is on a board: who made it, what it runs, whose identity it has. Read at the prompt, changing nothing."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from typing import Any

from firmware import wire
from tools.flashing.board import programs
from tools.flashing.board.board import Board
from tools.flashing.board.release.release import MANIFEST, MPY_VERSION, release_name, sha256
from tools.flashing.errors import FlashError

OLDEST_VERSION = (1, 27, 0)  # of MicroPython; docs/technician.md names it, and a test holds the two together
ROOTS = ("/release", "/config", "/state")
SINGLE_FILES = ("/main.py", "/boot.py", "/current", "/former")
INVENTORY_S = 60.0


@dataclass(frozen=True)
class Identity:
    """The board itself; `uid` is its serial number in hex, `mpy` the version of compiled files it takes."""

    platform: str
    version: tuple[int, ...]
    machine: str
    mpy: int
    uid: str

    @property
    def shown(self) -> str:
        """One phrase for a table."""
        return f"{self.machine or self.platform}, MicroPython {'.'.join(map(str, self.version))}"


@dataclass(frozen=True)
class Contents:
    """The files by path with their sha256, and what the small ones say; None where there is none."""

    files: dict[str, str]
    folders: frozenset[str]
    sizes: dict[str, int]
    block_bytes: int
    free_blocks: int
    current: str | None
    former: str | None
    device: str | None
    area: str | None
    boot: int
    calibration: dict[str, Any] | None

    def release_files(self, name: str) -> dict[str, str]:
        """The files inside one release's folder by their path there."""
        prefix = f"/release/{name}/"
        return {path.removeprefix(prefix): digest for path, digest in self.files.items() if path.startswith(prefix)}


def identify(board: Board) -> Identity:
    """What kind of board this is; raises FlashError if it does not say."""
    answer = board.ask(programs.IDENTIFY, "asking who it is", 10.0)
    try:
        platform, version, machine, mpy, uid = answer
        return Identity(str(platform), tuple(int(v) for v in version), str(machine), int(mpy) & 0xFF, bytes(uid).hex())
    except (TypeError, ValueError) as error:
        raise FlashError("program_failed", doing="asking who it is", what=f"it answered {answer!r}") from error


def check_fit(identity: Identity, port: str, chip: str | None) -> None:
    """Raises FlashError if the release does not run on this board, or if another chip was asked for."""
    if chip is not None and chip.lower() not in f"{identity.platform} {identity.machine}".lower():
        raise FlashError("wrong_chip", port=port, found=identity.machine or identity.platform, wanted=chip)
    wanted = f"MicroPython {'.'.join(map(str, OLDEST_VERSION))} or later taking compiled files of version {MPY_VERSION}"
    if identity.version < OLDEST_VERSION or identity.mpy != MPY_VERSION:
        found = f"MicroPython {'.'.join(map(str, identity.version))} taking version {identity.mpy or 'none'}"
        raise FlashError("wrong_interpreter", port=port, found=found, wanted=wanted)


def read_contents(board: Board, roots: tuple[str, ...] = ROOTS) -> Contents:
    """Everything of ours below `roots` and the single files of the root, each hashed by the board itself."""
    program = programs.inventory(roots, SINGLE_FILES)
    text = board.run(program, "reading what is on it", INVENTORY_S)
    files: dict[str, str] = {}
    sizes: dict[str, int] = {}
    folders: set[str] = set()
    try:
        *lines, last = text.strip().splitlines()
        for line in lines:
            kind, path, *rest = ast.literal_eval(line)
            if kind == "d":
                folders.add(path)
            else:
                sizes[path], files[path] = int(rest[0]), str(rest[1])
        block, free, current, former, unit, boot, calibration = ast.literal_eval(last)
    except (ValueError, SyntaxError, IndexError) as error:
        raise FlashError("program_failed", doing="reading what is on it", what=f"it answered {text[-80:]!r}") from error
    identity = _object(unit)
    counted = _object(boot).get("boot")
    return Contents(
        files=files,
        folders=frozenset(folders),
        sizes=sizes,
        block_bytes=int(block),
        free_blocks=int(free),
        current=_name(current),
        former=_name(former),
        device=_id(identity.get("device")),
        area=_id(identity.get("area")),
        boot=counted if type(counted) is int and 0 <= counted < 2_000_000_000 else 0,
        calibration=_object(calibration) or None,
    )


def whole_release(contents: Contents, name: str | None, manifest: bytes | None) -> list[str]:
    """What is wrong with a release on the board, by its own manifest; empty if it is whole."""
    if name is None or manifest is None:
        return [f"release {name or '(none)'} has no manifest"]
    if release_name(manifest) != name:
        return [f"the manifest of release {name} is another's"]
    wanted: dict[str, str] = {**json.loads(manifest)["files"], MANIFEST: sha256(manifest)}
    found = contents.release_files(name)
    wrong = [f"{path} is missing" for path in sorted(wanted) if path not in found]
    wrong += [f"{path} has another content" for path in sorted(wanted) if path in found and found[path] != wanted[path]]
    return wrong


def read_manifest(board: Board, name: str | None) -> bytes | None:
    """The manifest of a release on the board, or None."""
    if name is None:
        return None
    program = f"{programs.READ}print(_read({f'/release/{name}/{MANIFEST}'!r}))"
    answer = board.ask(program, "reading a manifest")
    return bytes(answer) if isinstance(answer, bytes) else None


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _name(text: str | None) -> str | None:
    return text.strip() or None if text else None


def _id(value: object) -> str | None:
    return value if isinstance(value, str) and wire.is_id(value) else None
