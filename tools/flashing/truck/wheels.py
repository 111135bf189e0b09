"""Which wheels a truck gets: exactly those of the lock file, by their hashes, that run on the Pi's Python."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from tools.flashing.errors import FlashError

# What Raspberry Pi OS brings with each Python: its C library's minor version (glibc 2.n).
GLIBC_MINOR = {"3.11": 36, "3.12": 39, "3.13": 41}
PLATFORMS = "--platform manylinux_2_34_aarch64 --platform manylinux_2_28_aarch64 --platform manylinux2014_aarch64"
TOOL = "pip"  # runs from its own wheel, since a Pi's Python comes without
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
    fits_machine = any(_fits_machine(platform, python, machines) for platform in platforms)
    fits_python = False
    for tag in found["python"].split("."):
        if tag in ("py3", f"cp3{minor}"):
            fits_python = True
        elif found["abi"] == "abi3" and re.fullmatch(r"cp3\d+", tag):
            fits_python = fits_python or int(tag[3:]) <= minor
    fits_abi = found["abi"] in ("none", "abi3", f"cp3{minor}")
    return fits_machine and fits_python and fits_abi


def _fits_machine(platform: str, python: str, machines: tuple[str, ...]) -> bool:
    if platform == "any":
        return True
    if not platform.endswith(machines):
        return False
    libc = re.match(r"manylinux_2_(\d+)_", platform)
    if libc is not None:
        return int(libc[1]) <= GLIBC_MINOR[python]
    return platform.startswith(("manylinux1_", "manylinux2010_", "manylinux2014_", "linux_"))


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
    tools = [file for file in files if _is(file, TOOL, None) and runs_on(file.name, python, machines)]
    if tools:
        chosen.append(Wheel(TOOL, "", tools[-1]))
    else:
        missing.append(TOOL)
    if missing:
        raise FlashError("wheels", folder=folder, what=", ".join(missing), platforms=PLATFORMS, python=python)
    return chosen


def _is(file: Path, name: str, version: str | None) -> bool:
    found = _WHEEL.match(file.name)
    return found is not None and _plain(found["name"]) == name and version in (None, found["version"])


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
