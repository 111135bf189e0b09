"""How a device counts its starts: up, anew from below with a new card or board, or back and forth, which are two.

    heard(boot, said_at, now, begins)   a life (`begins`), or a record that is no backlog, of this boot

A new board that counts on passes the number its forerunner had, and a truck whose card cannot be written takes a number
at random at each start: neither is two devices. Two are those where the number that was left comes back, or one that
was counted on from it.
"""

from dataclasses import dataclass

TOGETHER_S = 3600  # after the last change back and forth, one device is believed again
COUNTED_ON = 100  # so many starts above what was left are its own; a number at random is not so near


@dataclass(slots=True)
class Boots:
    """The boot that is believed, and what speaks against it.

    Written by: dispatch/device_messages, ingest/restored.
    """

    believed: int | None = None
    since: int = 0  # when it was heard first
    left: int | None = None  # the higher one that a life began below, lately
    left_at: int = 0
    lower: int | None = None  # one that spoke below the believed one, without a life of its own
    other: int | None = None  # the one that spoke in turn with the believed one, lately
    turned_at: int = 0

    def go_on(self, boot: int) -> bool:
        """Whether this is the boot that is believed, and nothing speaks against it: to hear it changes nothing."""
        return boot == self.believed and self.lower is None and self.left is None and self.other is None

    def heard(self, boot: int, said_at: int | None, now: int, *, begins: bool) -> None:
        """Take in a boot that speaks now; `said_at` is when by the device's own clock."""
        if self.left is not None and now - self.left_at >= TOGETHER_S:
            self.left = None
        if self.believed is None:
            self.believed, self.since = boot, now
        elif boot == self.believed:
            if self.lower is not None and not begins:
                self._turn(self.lower, now)
        elif boot > self.believed:
            self._rise(boot, said_at, now, begins=begins)
        elif begins:
            self.left, self.left_at = max(self.believed, self.left or 0), now
            self.believed, self.since, self.lower = boot, now, None
        elif said_at is not None and said_at > self.since:  # else it was said before the believed one began
            self.lower = boot

    def are_two(self, now: int) -> bool:
        """Whether two devices speak under the id."""
        return self.other is not None and now - self.turned_at < TOGETHER_S

    def _rise(self, boot: int, said_at: int | None, now: int, *, begins: bool) -> None:
        believed, left = self.believed or 0, self.left
        if left is not None and boot >= left:
            if begins and boot == believed + 1:
                self.left = None  # it counted up to there by itself
            elif boot <= left + COUNTED_ON:
                if not begins and said_at is not None and said_at <= self.since:
                    return  # said before the believed one began
                self._turn(believed, now)
        self.believed, self.since, self.lower = boot, now, None

    def _turn(self, other: int, now: int) -> None:
        self.other, self.turned_at, self.lower = other, now, None
