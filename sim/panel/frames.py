"""What the page is told, frame by frame, to any number of pages: whole ones, or only how pins changed."""

import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

import orjson

KEPT = 100


class Frames:
    """One thread shows, others take; who comes late begins with the newest whole one."""

    def __init__(self) -> None:
        self.closed = False
        self.listeners = 0
        self._lock = threading.Lock()
        self._frames: deque[tuple[int, bytes]] = deque(maxlen=KEPT)
        self._whole: tuple[int, bytes] | None = None
        self._number = 0

    def show(self, frame: Mapping[str, Any], *, whole: bool) -> None:
        """The next frame."""
        data = orjson.dumps(frame)
        with self._lock:
            self._number += 1
            self._frames.append((self._number, data))
            if whole:
                self._whole = self._number, data

    def after(self, number: int) -> list[tuple[int, bytes]]:
        """The frames after this one, with their numbers; the newest whole one for who was not there."""
        with self._lock:
            if self._whole is None:
                return []
            if not number or (self._frames and number < self._frames[0][0] - 1):
                return [self._whole]
            return [each for each in self._frames if each[0] > number]

    def close(self) -> None:
        """No more will come."""
        self.closed = True
