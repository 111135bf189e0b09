"""The streams of those who see a share of the picture: one for each reach that is listened with, fed when it is asked.

All estates' listeners together cost one index of the picture, and each share as much as it holds.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from broker.people.roles import Reach
from broker.web.stream.frames import Frames
from broker.web.stream.share import Index, share

MOST = 1000  # reaches; the one that was listened with longest ago goes first
KEPT_S = 120.0  # of one that nobody listens with: who comes back later gets a snapshot


@dataclass(slots=True)
class _Fed:
    """The stream of one reach, how far it was fed, and when somebody listened last."""

    frames: Frames = field(default_factory=Frames)
    number: int = -1
    heard_at: float = 0.0


class Shares:
    """Used in the web's event loop only."""

    def __init__(self, whole: Frames, now: Callable[[], float] = time.monotonic) -> None:
        self._whole, self._now = whole, now
        self._fed: OrderedDict[Reach, _Fed] = OrderedDict()
        self._index: tuple[int, Index] | None = None

    def of(self, reach: Reach) -> Frames:
        """The stream of this reach as it is now: the whole one for who acts for the area."""
        if reach.everything:
            return self._whole
        now = self._now()
        fed = self._fed.setdefault(reach, _Fed())
        self._fed.move_to_end(reach)
        fed.heard_at = now
        while len(self._fed) > MOST or next(iter(self._fed.values())).heard_at < now - KEPT_S:
            self._fed.popitem(last=False)
        number, parts, at = self._whole.newest()
        if fed.number != number:
            if self._index is None or self._index[0] != number:
                self._index = number, Index(parts)
            fed.frames.take(share(self._index[1], reach), at)
            fed.number = number
        return fed.frames
