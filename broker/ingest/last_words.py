"""The last raw messages from and to each device, for whoever stands before one: few, short, in memory only."""

from collections import deque
from typing import NamedTuple

from broker.ingest.sources import DeviceKey

KEPT, KEPT_OURS = 24, 8  # of what a device said, of what it was told
LONGEST = 600  # of a message that are shown
MOST_BYTES = 4096  # of a message that are kept
MOST_DEVICES = 20_000  # made-up names must not fill the memory


class Word(NamedTuple):
    """One message: when, on which channel, from the device or to it, and why it was refused, if it was."""

    at: float
    channel: str
    ours: bool
    payload: bytes
    refused: str | None = None

    @property
    def text(self) -> str:
        """The payload as far as it is kept; what is no UTF-8 is shown escaped."""
        cut = "\u2026" if len(self.payload) > LONGEST else ""
        return self.payload[:LONGEST].decode("utf-8", "backslashreplace") + cut


class LastWords:
    """Two rings for each device, its words and ours to it; the bridge alone writes, and by the wire's own table no
    payload holds a secret."""

    def __init__(self, devices: int = 0) -> None:
        """Of an area with so many devices, beside MOST_DEVICES others."""
        self._most = 2 * (MOST_DEVICES + devices)
        self._rings: dict[tuple[DeviceKey, bool], deque[Word]] = {}

    def note(self, device: DeviceKey, word: Word) -> None:
        """One more; the oldest of its kind goes."""
        ring = self._rings.get((device, word.ours))
        if ring is None:
            if len(self._rings) >= self._most:
                return
            ring = self._rings[device, word.ours] = deque(maxlen=KEPT_OURS if word.ours else KEPT)
        ring.append(word if len(word.payload) <= MOST_BYTES else word._replace(payload=word.payload[:MOST_BYTES]))

    def of(self, device: DeviceKey) -> list[Word]:
        """Those of one device, the oldest first."""
        both = (*self._rings.get((device, False), ()), *self._rings.get((device, True), ()))
        return sorted(both, key=lambda word: word.at)

    def newest_of_all(self) -> dict[DeviceKey, Word]:
        """What each device itself said last, refused or not."""
        return {device: ring[-1] for (device, ours), ring in self._rings.items() if not ours}
