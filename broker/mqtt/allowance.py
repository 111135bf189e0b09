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

    def take(self, amount: float, now: float) -> bool:
        """Whether `amount` is allowed now; a clock that was set back gives nothing and takes nothing."""
        if self.at is not None and now > self.at:
            self.left = min(self.most, self.left + (now - self.at) * self.a_second)
        self.at = now
        if self.left < amount:
            return False
        self.left -= amount
        return True


class Allowance:
    """What is left of one device's."""

    __slots__ = (
        "_buckets", "_flood", "_press", "_window_at", "flooding", "refused", "refused_at", "refused_lately", "why",
    )  # fmt: skip

    def __init__(self, limits: LimitsConfig) -> None:
        bytes_per_s = limits.kilobytes_per_s * KILOBYTE
        self._buckets = (
            ("messages_per_s", Bucket(limits.messages_per_s, limits.messages_per_s * BURST_S)),
            ("messages_per_day", Bucket(limits.messages_per_day / DAY_S, limits.messages_per_day)),
            ("kilobytes_per_s", Bucket(bytes_per_s, bytes_per_s * BURST_S)),
        )
        self._press = Bucket(limits.presses_per_minute / 60, limits.presses_per_minute)
        self._flood = limits.refused_is_flood
        self._window_at = 0.0
        self.refused = 0  # messages, for ever
        self.refused_lately = 0.0  # in this window, large ones counting for several
        self.flooding = False
        self.why, self.refused_at = "", 0.0  # the limit that refused last, and when

    def admits(self, size: int, now: float, *, press: bool) -> bool:
        """Whether a message of so many bytes is taken."""
        if press and not self._press.take(1, now):
            return self._refuse("presses_per_minute", size, now)
        if press and size < KILOBYTE:
            return True
        for name, bucket in self._buckets:
            if not bucket.take(size if name == "kilobytes_per_s" else 1, now):
                return self._refuse(name, size, now)
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
