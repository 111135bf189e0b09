"""Files and folders copied while others write in them: each file whole, and on the disk once the copy says so.

What has not changed since the copy before is the same file in both (a hard link), so that a copy of each day costs
what each day brings. Content decides, not size and time alone: what rots on the disk would else be in all later ones.
"""

import hashlib
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from broker.durable_file import Disk, write_durably

SUMS = "SHA256SUMS"
_ROUNDS = 5  # a folder that never stands still is taken file by file, as it is by then
_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700

Listing = dict[str, tuple[int, int, int]]


def copy_tree(
    source: Path, target: Path, before: Path | None = None, without: Collection[str] = ()
) -> list[tuple[Path, Path]]:
    """Have a file or a folder at `target` as well; `before` is where the copy before this one has it. Raises OSError.

    It is gone over until nothing in it changed meanwhile, so that files that belong together fit each other. Returned
    are pairs that differ although nobody wrote in them, by size and time: the file, and that of the copy before.
    """
    done: Listing = {}
    doubtful: set[str] = set()
    if source.is_dir():
        target.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)  # also of an empty one
    for _ in range(_ROUNDS):
        found = _listing(source, without)
        if found == done:
            break
        for name in done.keys() - found.keys():
            (target / name).unlink(missing_ok=True)
        for name in [name for name, seen in found.items() if done.get(name) != seen]:
            with suppress(FileNotFoundError):  # it went meanwhile, and the next round knows
                if _copy(source / name, target / name, None if before is None else before / name):
                    doubtful.add(name)
                else:
                    doubtful.discard(name)
        done = found
    return [] if before is None else [(source / name, before / name) for name in sorted(doubtful)]


def _listing(source: Path, without: Collection[str]) -> Listing:
    found: Listing = {}
    for path in [source] if source.is_file() else source.rglob("*"):
        if path.name not in without and path.is_file() and not path.is_symlink():
            with suppress(FileNotFoundError):
                seen = path.stat()
                name = "" if path == source else str(path.relative_to(source))
                found[name] = (seen.st_size, seen.st_mtime_ns, seen.st_ino)
    return found


def _copy(source: Path, target: Path, before: Path | None) -> bool:
    """Whether the copy before has something else under the same size and time."""
    target.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    seems_same = before is not None and _seems_same(source, before)
    if before is not None and seems_same and digest(source) == _digest(before):
        os.link(before, target)
        return False
    shutil.copyfile(source, target)
    shutil.copystat(source, target)
    target.chmod(_PRIVATE_FILE)
    return before is not None and seems_same and _seems_same(source, before)  # still: nobody wrote in it meanwhile


def _seems_same(source: Path, before: Path) -> bool:
    """By length and time."""
    try:
        one, other = source.stat(), before.stat()
    except OSError:
        return False
    return (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)


# --- checksums ---------------------------------------------------------------------------------------------------


def files_in(folder: Path) -> Iterator[Path]:
    """All files below a folder, in order."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def digest(path: Path) -> str:
    """The SHA-256 of a file; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sums_of(folder: Path) -> dict[str, str]:
    """What SHA256SUMS lists, by name; raises OSError or ValueError where there is none that can be read."""
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    return {name: known for known, _, name in (line.partition("  ") for line in lines)}


def seal(folder: Path) -> None:
    """List the checksum of each file, as `sha256sum` does, and have all of it on the disk."""
    lines = []
    for path in files_in(folder):
        _sync(path)
        lines.append(f"{digest(path)}  {path.relative_to(folder)}\n")
    write_durably(Disk(), folder / SUMS, "".join(lines).encode())
    sync_folders(folder)


def wrong_in(folder: Path) -> list[str]:
    """The names of files that are not as they were sealed, or missing, or nobody's."""
    try:
        known = sums_of(folder)
    except (OSError, ValueError):
        return [SUMS]
    there = {str(path.relative_to(folder)): path for path in files_in(folder)}
    there.pop(SUMS, None)
    return sorted(name for name in {*known, *there} if name not in there or known.get(name) != _digest(there[name]))


def _digest(path: Path) -> str:
    try:
        return digest(path)
    except OSError:
        return ""


def sync_all(folder: Path) -> None:
    """Files and names below a folder, and the file itself, survive a power cut."""
    for path in [folder] if folder.is_file() else files_in(folder):
        _sync(path)
    sync_folders(folder)


def sync_folders(folder: Path) -> None:
    """The names below a folder, and its own, survive a power cut."""
    below = [path for path in folder.rglob("*") if path.is_dir()] if folder.is_dir() else []
    for path in (*below, *([folder] if folder.is_dir() else []), folder.parent):
        _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
