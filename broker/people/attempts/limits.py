"""How often a place may be wrong about an account, or about any, and how much they may send.

An account that somebody guesses at is not kept from its own person: a browser in which it signed in before, or else the
network where it did, is counted by itself. From everywhere else guesses at it wait, longer with each wrong one.
"""

import ipaddress
import time
from collections import deque
from collections.abc import Collection, Mapping
from typing import Literal

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter, SlidingWindowCounterRateLimiter

from broker.people.attempts.delays import Delays, Guessed
from broker.people.errors import TooSoon

WRONG_MINUTES = 10
WRONG_AT_KNOWN = RateLimitItemPerMinute(10, WRONG_MINUTES, namespace="wrong/known")
WRONG_BY_ADDRESS = RateLimitItemPerMinute(30, WRONG_MINUTES, namespace="wrong/address")
# Of tokens, links and signs' codes apart, and each kind by itself: a machine whose token was taken away, or a code that
# hangs on a wall and was renewed, goes on being asked for, and keeps nobody beside it out.
WRONG_KEYS = RateLimitItemPerMinute(30, WRONG_MINUTES, namespace="wrong/key")
KeyKind = Literal["token", "link", "sign"]
OF_SIGN_INS = {item.namespace: item for item in (WRONG_AT_KNOWN, WRONG_BY_ADDRESS)}
Tried = tuple[int, str, str]  # when, by which of these, which place
MOST_TRIED = 1000  # so many are known over a restart
# Some tables of a whole subdistrict a minute, and never so many that reading them is all that the bridge does.
LOOKS = RateLimitItemPerMinute(240, namespace="looks")  # at public pages: some dozens of phones behind one address
KIB_PER_MINUTE = RateLimitItemPerMinute(64 * 1024, namespace="bodies")


class Limits:
    """Counted in memory; `kept.py` brings what is about sign-ins over a restart."""

    def __init__(self) -> None:
        self._storage = MemoryStorage()
        self._wrong = MovingWindowRateLimiter(self._storage)
        self._delays = Delays()
        self._tried: deque[Tried] = deque(maxlen=MOST_TRIED)
        self._sent = SlidingWindowCounterRateLimiter(self._storage)

    def may_try(self, account: str, address: str, known: str | None = None) -> None:
        """TooSoon where a password was wrong too often lately. `known` is the place where the account signed in before:
        neither other places nor other accounts count there."""
        self._must_be_below(*self._counted(account, address, known))
        if known is None and (wait_s := self._delays.wait_s(account)):
            raise TooSoon(wait_s)

    def was_wrong(self, account: str, address: str, known: str | None = None) -> None:
        """Once more."""
        item, key = self._counted(account, address, known)
        self._wrong.hit(item, key)
        self._tried.append((int(time.time()), item.namespace, key))
        if known is None:
            self._delays.was_wrong(account)

    def may_open(self, kind: KeyKind, address: str) -> None:
        """TooSoon where keys of this kind from this network opened nothing too often lately."""
        self._must_be_below(WRONG_KEYS, f"{kind}/{network_of(address)}")

    def opened_nothing(self, kind: KeyKind, address: str) -> None:
        """Once more."""
        self._wrong.hit(WRONG_KEYS, f"{kind}/{network_of(address)}")

    def may_look(self, address: str) -> None:
        """TooSoon where public pages were looked at too often from this address within a minute."""
        if not self._sent.hit(LOOKS, f"address/{network_of(address)}"):
            raise TooSoon(60, "this was looked at too often within a minute")

    def counted(self) -> tuple[dict[str, Guessed], tuple[Tried, ...]]:
        """How guesses at each name wait, and which places were wrong in the last minutes."""
        since = time.time() - WRONG_MINUTES * 60
        return self._delays.counted(), tuple(one for one in self._tried if one[0] > since)

    def takes(self, guessed: Mapping[str, Guessed], tried: Collection[Tried]) -> None:
        """What was counted before a restart; what was wrong lately counts from now on."""
        self._delays.takes(guessed)
        since = time.time() - WRONG_MINUTES * 60
        for at, namespace, key in tried:
            if at > since and namespace in OF_SIGN_INS:
                self._wrong.hit(OF_SIGN_INS[namespace], key)
                self._tried.append((at, namespace, key))

    def may_send(self, who: str, address: str, size: int) -> None:
        """TooSoon where this account or this address has sent too much within a minute."""
        cost = size // 1024 + 1
        for key in {f"who/{who}", f"address/{network_of(address)}"}:
            if not self._sent.hit(KIB_PER_MINUTE, key, cost=cost):
                raise TooSoon(60, "too much was sent within a minute")

    def _must_be_below(self, item: RateLimitItemPerMinute, key: str) -> None:
        if not self._wrong.test(item, key):
            reset_at, _ = self._wrong.get_window_stats(item, key)
            raise TooSoon(max(1, int(reset_at - time.time()) + 1))

    @staticmethod
    def _counted(account: str, address: str, known: str | None) -> tuple[RateLimitItemPerMinute, str]:
        if known is not None:
            return WRONG_AT_KNOWN, f"{account}/{known}"
        return WRONG_BY_ADDRESS, network_of(address)


def network_of(address: str) -> str:
    """Who is counted as one: an address, of IPv6 the network that one subscriber has."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if known.version == 4 else str(ipaddress.ip_network((known, 64), strict=False))
