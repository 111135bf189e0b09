"""Which wheels a truck gets: exactly those of the lock file, by their hashes; each runs on every Python and machine."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from tools.flashing.errors import FlashError

TOOL = "pip"  # runs from its own wheel, since a Pi's Python comes without
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
# What is compiled lags behind a new Python; the one such thing a truck needs, lgpio, is its system's own.
_WHEEL = re.compile(r"^(?P<name>[^-]+)-(?P<version>[^-]+)(-\d[^-]*)?-(py2\.)?py3-none-any\.whl$")


@dataclass(frozen=True)
class Wheel:
    """One chosen file."""

    name: str
    version: str
    file: Path


def locked(lock: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Name to (version, allowed sha256) of a pip-compile file; pure."""
    pins: dict[str, tuple[str, frozenset[str]]] = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", lock):
        found = _PIN.match(block)
        if found:
            pins[_plain(found[1])] = (found[2], frozenset(_HASH.findall(block)))
    return pins


def choose_wheels(lock: Path, folder: Path) -> list[Wheel]:
    """The wheels in `folder` that the lock file asks for, and pip; FlashError("wheels") names what is missing."""
    try:
        pins = locked(lock.read_text(encoding="utf-8"))
        files = sorted(folder.glob("*.whl"))
    except OSError as error:
        raise FlashError("usage", what=f"{lock} cannot be read: {error.strerror}") from error
    chosen, missing = [], []
    for name, (version, hashes) in sorted(pins.items()):
        named = [file for file in files if _is(file, name, version)]
        good = [file for file in named if hashlib.sha256(file.read_bytes()).hexdigest() in hashes]
        if good:
            chosen.append(Wheel(name, version, good[0]))
        else:
            missing.append(f"{name} {version}" + (" has another content than the lock file's" if named else ""))
    tools = [file for file in files if _is(file, TOOL, None)]
    if tools:
        chosen.append(Wheel(TOOL, "", tools[-1]))
    else:
        missing.append(TOOL)
    if missing:
        raise FlashError("wheels", folder=folder, what=", ".join(missing))
    return chosen


def _is(file: Path, name: str, version: str | None) -> bool:
    found = _WHEEL.match(file.name)
    return found is not None and _plain(found["name"]) == name and version in (None, found["version"])


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
