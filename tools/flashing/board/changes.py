"""One installation, pure: from what is on the board and what should be, the steps in their order.

The order makes every interruption harmless:

1. leftovers and releases that are neither running nor former go; the former one too, if the flash is too small;
2. if the board was another unit, that unit's state goes, so that its records are never sent in the new one's name;
3. the release into its own folder, which nothing runs yet;
4. keys, network, identity, boot loader: each replaced by one rename;
5. `former` and then `current`: one rename switches the release. The former release stays; secrets that nothing names
   any more go.

A file that has the right hash is kept, one that lies in another release is copied on the board itself. So running it
again after a cut does what is left, and only that; an upgrade sends what changed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from tools.flashing.board.board import TEMPORARY
from tools.flashing.board.inventory import Contents
from tools.flashing.board.release.release import Release, sha256
from tools.flashing.errors import FlashError

# The boot loader's reasons not to start a release; they were the former one's.
GUARDS = ("/state/crashes.json", "/state/hold")
FILE_OVERHEAD_BLOCKS = 1  # a file's last block is rarely full
FOLDER_BLOCKS = 2
SPARE_BLOCKS = 4  # littlefs needs room to move; the unit's ring needs room to begin


class Action(Enum):
    """What a step does to its path."""

    REMOVE = "remove"
    FOLDER = "folder"
    WRITE = "write"
    COPY = "copy"
    KEEP = "keep"


@dataclass(frozen=True)
class Step:
    """One operation on the board; `data` is the content after WRITE or COPY (from `source`, a path on the board).

    `secret` content is never shown or logged.
    """

    action: Action
    path: str
    data: bytes = b""
    secret: bool = False
    source: str = ""


@dataclass(frozen=True)
class Installation:
    """The steps, and the final clean-up that waits until the unit has been heard."""

    steps: tuple[Step, ...]
    afterwards: tuple[Step, ...]
    release: str
    former: str | None

    @property
    def bytes_to_write(self) -> int:
        """The sum over all WRITE steps."""
        return sum(len(step.data) for step in self.steps if step.action is Action.WRITE)

    def count(self, action: Action) -> int:
        """How many steps of one kind."""
        return sum(step.action is action for step in self.steps)


def make_installation(
    contents: Contents, release: Release, config: dict[str, bytes], state: dict[str, bytes], held: Collection[str] = ()
) -> Installation:
    """The installation of `release` with these `config` and `state` files (by path; state only where it differs).

    `held` are secrets that stay as they are on the board; any other that is not of `config` goes.
    Raises FlashError("flash_full") if it cannot fit even without the former release.
    """
    former = _former(contents, release)
    fresh = _folders(contents, release, config, state)
    wanted = {f"{release.folder}/{path}": data for path, data in release.files.items()}
    writes = [*_writes(contents, wanted), *_state_writes(contents, state), *_writes(contents, config)]
    writes += _writes(contents, {"/main.py": release.boot_loader})
    removals = [*_leftovers(contents), *_old_releases(contents, {release.name, contents.current, contents.former})]
    removals += _foreign_state(contents, config, state)
    secrets = (path for path in contents.files if path.startswith("/config/keys/") and not path.endswith(TEMPORARY))
    former_secrets = [Step(Action.REMOVE, path) for path in secrets if path not in config and path not in held]
    removals = list(dict.fromkeys([*removals, *_strangers(contents, release)]))
    freed = _blocks_freed(contents, removals)
    needed = _blocks_needed(contents, writes) + len(fresh) * FOLDER_BLOCKS + SPARE_BLOCKS
    if needed > contents.free_blocks + freed and contents.former not in (None, release.name, contents.current):
        removals = list(dict.fromkeys([*removals, *_old_releases(contents, {release.name, contents.current})]))
        freed = _blocks_freed(contents, removals)
    if needed > contents.free_blocks + freed:
        block = contents.block_bytes
        raise FlashError("flash_full", needed=needed * block, free=(contents.free_blocks + freed) * block)
    gone = {step.path for step in removals}
    writes = _copied(contents, release, writes, gone)
    pointers = [Step(Action.REMOVE, path) for path in GUARDS if path in contents.files]
    if former is not None:
        pointers += _writes(contents, {"/former": former.encode()})
    elif "/former" in contents.files:
        # A switch that was cut off and is taken back: there is nothing else to go back to.
        pointers.append(Step(Action.REMOVE, "/former"))
    pointers += _writes(contents, {"/current": release.name.encode()})
    return Installation(
        steps=(*removals, *fresh, *writes, *pointers, *former_secrets),
        afterwards=tuple(step for step in _old_releases(contents, {release.name, former}) if step not in removals),
        release=release.name,
        former=former,
    )


def _former(contents: Contents, release: Release) -> str | None:
    """The release to go back to: the one that runs now, or, when that is this one, the one it replaced."""
    if contents.current is not None and contents.current != release.name:
        return contents.current
    return contents.former if contents.former != release.name else None


def _writes(contents: Contents, files: dict[str, bytes]) -> list[Step]:
    steps = []
    for path, data in files.items():
        same = contents.files.get(path) == sha256(data)
        secret = path.startswith("/config/keys/")
        steps.append(Step(Action.KEEP if same else Action.WRITE, path, b"" if same else data, secret))
    return steps


def _copied(contents: Contents, release: Release, steps: list[Step], gone: set[str]) -> list[Step]:
    """The same steps, those of the release that find their content elsewhere on the board as copies."""
    known = {
        digest: path
        for path, digest in contents.files.items()
        # Not from its own folder: there a step before may have changed the source.
        if path.startswith("/release/") and path not in gone and not path.startswith(release.folder + "/")
    }
    out = []
    for step in steps:
        source = known.get(sha256(step.data)) if step.action is Action.WRITE else None
        if source is not None and step.path.startswith(release.folder + "/"):
            out.append(Step(Action.COPY, step.path, step.data, source=source))
        else:
            out.append(step)
    return out


def _state_writes(contents: Contents, state: dict[str, bytes]) -> list[Step]:
    return [step for step in _writes(contents, state) if step.action is Action.WRITE]


def _folders(contents: Contents, release: Release, *more: dict[str, bytes]) -> list[Step]:
    paths = [f"{release.folder}/{path}" for path in release.files] + [path for files in more for path in files]
    wanted: dict[str, None] = {}
    for path in paths:
        parts = path.split("/")[1:-1]
        for depth in range(1, len(parts) + 1):
            wanted["/" + "/".join(parts[:depth])] = None
    return [Step(Action.FOLDER, path) for path in wanted if path not in contents.folders]


def _tree(contents: Contents, folder: str) -> list[Step]:
    """The removal of a folder, its files first."""
    inside = [path for path in contents.files if path.startswith(folder + "/")]
    below = sorted((path for path in contents.folders if path.startswith(folder + "/")), key=len, reverse=True)
    return [Step(Action.REMOVE, path) for path in [*inside, *below, folder]]


def _old_releases(contents: Contents, kept: set[str | None]) -> list[Step]:
    names = {path.split("/")[2] for path in contents.folders if path.startswith("/release/")}
    return [step for name in sorted(names - kept) for step in _tree(contents, f"/release/{name}")]


def _leftovers(contents: Contents) -> list[Step]:
    """Temporary files of an interrupted run; the unit clears its own state folder itself."""
    return [
        Step(Action.REMOVE, path)
        for path in contents.files
        if path.endswith(TEMPORARY) and not path.startswith("/state/")
    ]


def _strangers(contents: Contents, release: Release) -> list[Step]:
    """Files in the release's folder that are not of it: they could shadow ours."""
    return [
        Step(Action.REMOVE, f"{release.folder}/{path}")
        for path in contents.release_files(release.name)
        if path not in release.files and not path.endswith(TEMPORARY)
    ]


def _foreign_state(contents: Contents, config: dict[str, bytes], state: dict[str, bytes]) -> list[Step]:
    """The state of the unit this board was before, if it was another."""
    unit = config.get("/config/unit.json", b"")
    same = contents.device is not None and f'"device": "{contents.device}"'.encode() in unit
    same = same and f'"area": "{contents.area}"'.encode() in unit
    if same or (contents.device is None and not any(path.startswith("/state/") for path in contents.files)):
        return []
    return [
        Step(Action.REMOVE, path)
        for path in contents.files
        if path.startswith("/state/") and path not in (*state, *GUARDS)
    ]


def _blocks_needed(contents: Contents, steps: list[Step]) -> int:
    return sum(
        len(step.data) // contents.block_bytes + FILE_OVERHEAD_BLOCKS for step in steps if step.action is Action.WRITE
    )


def _blocks_freed(contents: Contents, steps: list[Step]) -> int:
    """At least so many; littlefs keeps small files inside their folder's own two blocks."""
    folders = sum(step.path in contents.folders for step in steps)
    return FOLDER_BLOCKS * folders + sum(contents.sizes.get(step.path, 0) // contents.block_bytes for step in steps)
