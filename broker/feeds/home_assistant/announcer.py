"""Says over the bridge's own link what Home Assistant is to know, and takes back what it is not to know any more.

What was announced stands in a file before it is: whoever switches this off, or takes a room out of the plan, has it
taken back by the next bridge. Some at a time: a city's rooms must not fill the link.
"""

import json
import logging
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from broker.durable_file import Disk, write_durably

log = logging.getLogger("zhanpai.home_assistant")

AT_ONCE = 50  # in each turn of the bridge's loop
HELD_S = 5.0  # a connection that lasted as long afterwards has brought all of it


class Link(Protocol):
    """The way to the broker."""

    up: bool
    connection: int

    def send(self, topic: str, payload: bytes, retained: bool) -> None:
        """Publish at QoS 1; dropped while the connection is down."""


class Announcer:
    """Keeps a broker told of `wanted` (payloads by topic), and of nothing else that `kept` names."""

    def __init__(self, wanted: dict[str, bytes], kept: Path, disk: Disk | None = None) -> None:
        self._kept, self._disk = kept, disk or Disk()
        gone = self._announced() - wanted.keys()
        self._all = {**dict.fromkeys(sorted(gone), b""), **wanted}
        self._wanted = wanted
        self._left: list[str] = []
        self._connection = 0
        self._said_at: float | None = None
        if wanted or gone:
            self._keep(self._all)

    def look(self, link: Link, now: float) -> None:
        """Say some of what a connection was not told yet; `now` in seconds that only grow."""
        if not self._all or not link.up:
            return
        if link.connection != self._connection:
            self._connection, self._left, self._said_at = link.connection, list(self._all), None
        part, self._left = self._left[:AT_ONCE], self._left[AT_ONCE:]
        for topic in part:
            link.send(topic, self._all[topic], True)
        if part:
            self._said_at = now
        elif self._said_at is not None and now - self._said_at >= HELD_S and self._all != self._wanted:
            self._all = self._wanted  # what is gone is gone at the broker too
            self._keep(self._wanted)

    def _announced(self) -> set[str]:
        try:
            found = json.loads(self._kept.read_bytes())
        except FileNotFoundError:
            return set()
        except (OSError, ValueError) as why:
            log.warning("%s cannot be read (%s): what was announced to Home Assistant stays there", self._kept, why)
            return set()
        return {topic for topic in found if isinstance(topic, str)} if isinstance(found, list) else set()

    def _keep(self, topics: Collection[str]) -> None:
        try:
            if topics:
                self._kept.parent.mkdir(parents=True, exist_ok=True)
                write_durably(self._disk, self._kept, json.dumps(sorted(topics), indent=1).encode())
            else:
                self._kept.unlink(missing_ok=True)
        except OSError as why:
            log.warning("%s cannot be written (%s): what is announced could not be taken back", self._kept, why)
