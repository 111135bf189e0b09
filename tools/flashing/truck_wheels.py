"""Which wheels a truck gets: exactly those of the lock file, by their hashes, that run on the Pi's Python."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from tools.flashing.errors import FlashError

PLATFORM = "manylinux2014_aarch64"
# pip runs from its own wheel, since a Pi's Python comes without; gpiozero wants setuptools and does not lock it.
TOOLS = ("pip", "setuptools")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_WHEEL = re.compile(
    r"^(?P<name>[^-]+)-(?P<version>[^-]+)(-\d[^-]*)?-(?P<python>[^-]+)-(?P<abi>[^-]+)-(?P<platform>[^-]+)\.whl$"
)


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


def runs_on(file_name: str, python: str, machines: tuple[str, ...] = ("aarch64",)) -> bool:
    """Whether a wheel's tags fit CPython `python` (3.11) on 64-bit Linux of these machines; pure."""
    found = _WHEEL.match(file_name)
    if found is None:
        return False
    minor = int(python.split(".")[1])
    platforms = found["platform"].split(".")
    fits_machine = "any" in platforms or any(
        p.startswith(("manylinux", "linux")) and p.endswith(machines) for p in platforms
    )
    fits_python = False
    for tag in found["python"].split("."):
        if tag in ("py3", f"cp3{minor}"):
            fits_python = True
        elif found["abi"] == "abi3" and re.fullmatch(r"cp3\d+", tag):
            fits_python = fits_python or int(tag[3:]) <= minor
    fits_abi = found["abi"] in ("none", "abi3", f"cp3{minor}")
    return fits_machine and fits_python and fits_abi


def choose_wheels(lock: Path, folder: Path, python: str, machines: tuple[str, ...] = ("aarch64",)) -> list[Wheel]:
    """The wheels in `folder` that the lock file asks for, and pip; FlashError("wheels") names what is missing."""
    try:
        pins = locked(lock.read_text(encoding="utf-8"))
        files = sorted(folder.glob("*.whl"))
    except OSError as error:
        raise FlashError("usage", what=f"{lock} cannot be read: {error.strerror}") from error
    chosen, missing = [], []
    for name, (version, hashes) in sorted(pins.items()):
        named = [file for file in files if _is(file, name, version) and runs_on(file.name, python, machines)]
        good = [file for file in named if hashlib.sha256(file.read_bytes()).hexdigest() in hashes]
        if good:
            chosen.append(Wheel(name, version, good[0]))
        else:
            missing.append(f"{name} {version}" + (" has another content than the lock file's" if named else ""))
    for tool in TOOLS:
        found = [file for file in files if _is(file, tool, None) and runs_on(file.name, python, machines)]
        if found:
            chosen.append(Wheel(tool, "", found[-1]))
        elif tool == "pip" or python != "3.11":
            missing.append(tool)
    if missing:
        raise FlashError("wheels", folder=folder, what=", ".join(missing), platform=PLATFORM, python=python)
    return chosen


def _is(file: Path, name: str, version: str | None) -> bool:
    found = _WHEEL.match(file.name)
    return found is not None and _plain(found["name"]) == name and version in (None, found["version"])


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
