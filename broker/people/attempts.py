"""Wrong log-ins: after each from one address the next is taken later, so that guessing takes for ever."""

from dataclasses import dataclass, field

from broker.people.errors import TooSoon

FREE = 3  # slips of the finger that cost nothing
LONGEST_S = 60.0
FORGOTTEN_S = 600.0
MOST_ADDRESSES = 1000  # the oldest is forgotten first: a crowd of addresses must not fill the memory


@dataclass(slots=True)
class Attempts:
    """How often each address was wrong lately, and when it was last: address -> (count, time)."""

    _wrong: dict[str, tuple[int, float]] = field(default_factory=dict)

    def check(self, address: str, now: float) -> None:
        """TooSoon, with the seconds to wait, while the address has to."""
        count, last = self._wrong.get(address, (0, now))
        wait_s = last + min(LONGEST_S, 2.0 ** (count - FREE)) - now if count > FREE else 0.0
        if 0 < wait_s <= LONGEST_S:
            raise TooSoon(int(wait_s) + 1)

    def wrong(self, address: str, now: float) -> None:
        """One more from this address."""
        count, last = self._wrong.pop(address, (0, now))
        self._wrong[address] = (count + 1 if now - last < FORGOTTEN_S else 1, now)
        if len(self._wrong) > MOST_ADDRESSES:
            self._wrong.pop(next(iter(self._wrong)))
