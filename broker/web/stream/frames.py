"""The newest parts and the last changes as bytes, made once for all who listen."""

import secrets
import threading
from collections import deque

import orjson

from broker.web.stream.changes import SECTIONS, Parts, Row, applied, change, parts_of

MOST_CHANGES = 120  # two minutes: who was away for longer gets a snapshot
MOST_BYTES = 8_000_000
MOST_DIGITS = 15  # of an event's number: more than a bridge ever counts, less than what costs time to read


class Frames:
    """One writer (`show`), any number of readers (`since`); an id is `<this process>-<number>`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = secrets.token_hex(4)  # the numbers of a bridge that ran before mean nothing here
        self._parts: Parts = {section: {} for section in SECTIONS}
        self._shown: Parts = {}  # as they came: what is told may be behind by the slack of predictions
        self._at = 0
        self._number = 0
        self._changes: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self._snapshot: tuple[int, bytes] = (0, b"")

    @property
    def number(self) -> int:
        """Of the newest change."""
        return self._number

    @property
    def parts(self) -> Parts:
        """What whoever heard everything holds now."""
        return self._parts

    def newest(self) -> tuple[int, Parts, int]:
        """The number of the newest change, what is held after it, and of when that is."""
        with self._lock:
            return self._number, self._parts, self._at

    def show(self, picture: Row) -> bytes:
        """Take in a new picture; what changed, as JSON."""
        return self.take(parts_of(picture), picture["at"])

    def take(self, parts: Parts, at: int) -> bytes:
        """Take in new parts; what changed, as JSON."""
        told = change(self._parts, parts, at, shown=self._shown)
        self._shown = parts
        data = orjson.dumps(told)
        with self._lock:
            self._parts, self._at = applied(self._parts, told), at
            self._number += 1
            block = self._block("change", self._number, data)
            self._changes.append((self._number, block))
            self._bytes += len(block)
            while len(self._changes) > MOST_CHANGES or (self._bytes > MOST_BYTES and len(self._changes) > 1):
                self._bytes -= len(self._changes.popleft()[1])
        return data

    def numbered(self, event_id: str) -> int | None:
        """The number in a Last-Event-ID of ours; None for any other text."""
        process, _, number = event_id.partition("-")
        ours = process == self._process and number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS
        return int(number) if ours else None

    def since(self, number: int | None) -> tuple[int, list[bytes]]:
        """The newest number and what leads to it from `number`: changes, or a snapshot where they are not kept."""
        with self._lock:
            if number is not None and number <= self._number:
                kept = [block for of, block in self._changes if of > number]
                if len(kept) == self._number - number:
                    return self._number, kept
            if self._snapshot[0] != self._number:
                data = orjson.dumps({"at": self._at, "parts": self._parts})
                self._snapshot = (self._number, self._block("snapshot", self._number, data))
            return self._number, [self._snapshot[1]]

    def _block(self, event: str, number: int, data: bytes) -> bytes:
        return b"id: %s-%d\nevent: %s\ndata: %s\n\n" % (self._process.encode(), number, event.encode(), data)
