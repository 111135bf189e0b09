"""What waits for one receiver, a file for each message: written durably before anybody tries to send it.

    waiting/<at>-<id>.json   to be delivered, by its time; gone when it is
    dead/<at>-<id>.json      given up: too old, too many, or the receiver has ended it
    ended                    the receiver answered 410 at this address (a hash of it): nothing more is kept for it
    again                    somebody asks for another try at once
    state.json               how it stands, for whoever looks

The id makes the name: what is put again, after a kill at any moment, is the same file. A message that was delivered
just before a kill is delivered again with the same id.
"""

import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from broker.durable_file import Disk, write_durably
from broker.feeds.outside.message import MOST_BYTES, Message

log = logging.getLogger("zhanpai.outside")

MOST_WAITING = 20_000
MOST_DEAD = 5_000


class Waiting(NamedTuple):
    """One message as it is kept: its id, when it happened, and the bytes that are sent."""

    id: str
    at: int
    body: bytes


class Outbox:
    """The folder of one receiver; `place` is where its messages go."""

    def __init__(self, folder: Path, place: str, disk: Disk | None = None) -> None:
        self.folder, self._disk = folder, disk or Disk()
        self._place = sha256(place.encode()).hexdigest()
        self._waiting, self._dead = folder / "waiting", folder / "dead"

    def open(self) -> None:
        """Make the folders; raises OSError."""
        for folder in (self._waiting, self._dead):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, message: Message) -> None:
        """Keep it until it is delivered; nothing is kept for a receiver that has ended it. Raises OSError."""
        if self.ended():
            return
        body = message.body()
        if len(body) > MOST_BYTES:
            log.error("%s: a message of %d bytes is too large to be sent: %s", self.folder.name, len(body), message.id)
            return
        kept = json.dumps({"id": message.id, "at": message.at, "body": body.decode()}, ensure_ascii=False)
        write_durably(self._disk, self._waiting / f"{message.at:012d}-{message.id}.json", kept.encode())

    def names(self) -> list[str]:
        """What is waiting, the oldest first."""
        return _names(self._waiting)

    def dead(self) -> list[str]:
        """What was given up, the oldest first."""
        return _names(self._dead)

    def read(self, name: str, *, dead: bool = False) -> Waiting | None:
        """The message of this name; None where it is gone or is none, which is put aside."""
        path = (self._dead if dead else self._waiting) / name
        try:
            kept = json.loads(path.read_bytes())
            return Waiting(kept["id"], kept["at"], kept["body"].encode())
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as why:
            log.error("%s is no message (%s); it is set aside", path, why)
            path.replace(path.with_suffix(".spoiled"))
            return None

    def delivered(self, name: str) -> None:
        """It waits no more."""
        (self._waiting / name).unlink(missing_ok=True)

    def give_up(self, name: str) -> None:
        """Put it among the dead."""
        with suppress(FileNotFoundError):
            (self._waiting / name).replace(self._dead / name)

    def sweep(self, now: float, keep_s: float) -> int:
        """Give up what waits for longer than `keep_s`, and what is too much; how many that were."""
        names = self.names()
        old = names[: max(0, len(names) - MOST_WAITING)]
        for name in names[len(old) :]:
            with suppress(FileNotFoundError):
                if (self._waiting / name).stat().st_mtime < now - keep_s:
                    old.append(name)
        for name in old:
            self.give_up(name)
        dead = self.dead()
        for name in dead[: max(0, len(dead) - MOST_DEAD)]:
            (self._dead / name).unlink(missing_ok=True)
        return len(old)

    def end(self) -> None:
        """The receiver wants nothing more at this address: everything that waits is given up."""
        write_durably(self._disk, self.folder / "ended", self._place.encode())
        for name in self.names():
            self.give_up(name)

    def ended(self) -> bool:
        """Whether the receiver has ended it, at the address that it has now."""
        try:
            return (self.folder / "ended").read_text() == self._place
        except OSError:
            return False

    def revive(self) -> int:
        """Have everything tried again at once, the dead too, as new; how many of those there were."""
        (self.folder / "ended").unlink(missing_ok=True)
        dead = self.dead()
        for name in dead:
            (self._dead / name).touch()
            (self._dead / name).replace(self._waiting / name)
        (self.folder / "again").touch()
        return len(dead)

    def take_again(self) -> bool:
        """Whether somebody asked for that since the last time."""
        try:
            (self.folder / "again").unlink()
        except OSError:
            return False
        return True

    def say(self, state: Mapping[str, Any]) -> None:
        """Write down how it stands."""
        with suppress(OSError):  # whoever looks sees the state before
            write_durably(self._disk, self.folder / "state.json", json.dumps(state).encode())

    def said(self) -> dict[str, Any]:
        """How it stood when that was written; empty where it never was."""
        try:
            found = json.loads((self.folder / "state.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _names(folder: Path) -> list[str]:
    try:
        # No Path for each of 20,000 names: making them would hold the bridge's interpreter.
        names = os.listdir(folder)  # noqa: PTH208
        return sorted(name for name in names if name.endswith(".json") and name[0] != ".")
    except FileNotFoundError:
        return []
