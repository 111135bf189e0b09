"""The last raw messages from and to each device, for whoever stands before one: few, short, in memory only."""

from collections import deque
from typing import NamedTuple

from broker.ingest.sources import DeviceKey

KEPT = 24  # of a device
LONGEST = 600  # of a message; the rest is cut off
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
    """A ring for each device; the bridge alone writes, and payloads hold no secret by the wire's own table."""

    def __init__(self) -> None:
        self._rings: dict[DeviceKey, deque[Word]] = {}

    def note(self, device: DeviceKey, word: Word) -> None:
        """One more; the oldest goes."""
        ring = self._rings.get(device)
        if ring is None:
            if len(self._rings) >= MOST_DEVICES:
                return
            ring = self._rings[device] = deque(maxlen=KEPT)
        ring.append(word)

    def of(self, device: DeviceKey) -> tuple[Word, ...]:
        """Those of one device, the oldest first."""
        return tuple(self._rings.get(device, ()))

    def newest_of_all(self) -> dict[DeviceKey, Word]:
        """What each device itself said last, refused or not."""
        found = {}
        for device, ring in self._rings.items():
            said = next((word for word in reversed(ring) if not word.ours), None)
            if said is not None:
                found[device] = said
        return found
