"""What one device may say: messages and bytes a second, messages a day, presses a minute. What is over is refused.

Refused is not acknowledged: an honest device sends it again, and is heard as soon as it speaks at its pace. One that is
refused again and again within WINDOW_S floods; that is for the broker's guard. A backlog that comes faster than the
pace is no flood: a small message that is only too soon counts OVER_PACE. A press has a pace of its own alone, so that
a backlog does not stand in its way.
"""

from dataclasses import dataclass, field

from broker.config import LimitsConfig

WINDOW_S = 10.0
BURST_S = 10  # of a pace: what a device may say at once after it was silent, such as its backlog
DAY_S = 86_400
KILOBYTE = 1000
PACES = ("messages_per_s", "kilobytes_per_s")
OVER_PACE = 1 / 20  # with the usual limits a flood is then what comes at ten times the pace for WINDOW_S


@dataclass(slots=True)
class Bucket:
    """Allows `a_second` on average and `most` at once."""

    a_second: float
    most: float
    left: float = field(init=False)
    at: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.left = self.most

    def refill(self, now: float) -> None:
        """Let time pass; a clock that was set back gives nothing and takes nothing."""
        if self.at is not None and now > self.at:
            self.left = min(self.most, self.left + (now - self.at) * self.a_second)
        self.at = now

    def take(self, amount: float, now: float) -> bool:
        """Whether `amount` is allowed now, which it then has used."""
        self.refill(now)
        if self.left < amount:
            return False
        self.left -= amount
        return True


class Allowance:
    """What is left of one device's."""

    __slots__ = (
        "_at", "_bytes", "_day", "_flood", "_messages", "_press", "_window_at", "flooding", "refused", "refused_at",
        "refused_lately", "why",
    )  # fmt: skip

    def __init__(self, limits: LimitsConfig) -> None:
        bytes_per_s = limits.kilobytes_per_s * KILOBYTE
        self._messages = Bucket(limits.messages_per_s, limits.messages_per_s * BURST_S)
        self._day = Bucket(limits.messages_per_day / DAY_S, limits.messages_per_day)
        self._bytes = Bucket(bytes_per_s, bytes_per_s * BURST_S)
        self._at: float | None = None  # up to when these three are filled; what is read at once has one `now`
        self._press = Bucket(limits.presses_per_minute / 60, limits.presses_per_minute)
        self._flood = limits.refused_is_flood
        self._window_at = 0.0
        self.refused = 0  # messages, for ever
        self.refused_lately = 0.0  # in this window, large ones counting for several
        self.flooding = False
        self.why, self.refused_at = "", 0.0  # the limit that refused last, and when

    def admits(self, size: int, now: float, *, press: bool) -> bool:
        """Whether a message of so many bytes is taken; one that is refused uses up nothing."""
        if press:
            if not self._press.take(1, now):
                return self._refuse("presses_per_minute", size, now)
            if size < KILOBYTE:
                return True
        messages, day, bytes_left = self._messages, self._day, self._bytes
        if now != self._at:
            self._at = now
            for bucket in (messages, day, bytes_left):
                bucket.refill(now)
        if messages.left < 1:
            return self._refuse("messages_per_s", size, now)
        if day.left < 1:
            return self._refuse("messages_per_day", size, now)
        if bytes_left.left < size:
            return self._refuse("kilobytes_per_s", size, now)
        messages.left -= 1
        day.left -= 1
        bytes_left.left -= size
        return True

    def refuse(self, why: str, size: int, now: float) -> None:
        """Count a message that was refused for another reason."""
        self._refuse(why, size, now)

    def _refuse(self, why: str, size: int, now: float) -> bool:
        if not 0 <= now - self._window_at <= WINDOW_S:
            self._window_at, self.refused_lately = now, 0.0
        self.refused += 1
        self.refused_lately += OVER_PACE if why in PACES and size < KILOBYTE else 1 + size // KILOBYTE
        self.why, self.refused_at = why, now
        self.flooding = self.flooding or self.refused_lately > self._flood
        return False
