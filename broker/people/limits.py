"""How often an account or an address may be wrong, and how much they may send."""

import ipaddress
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter, SlidingWindowCounterRateLimiter

from broker.people.errors import TooSoon

WRONG_MINUTES = 10
WRONG_BY_ACCOUNT = RateLimitItemPerMinute(10, WRONG_MINUTES, namespace="wrong/account")
WRONG_BY_ADDRESS = RateLimitItemPerMinute(30, WRONG_MINUTES, namespace="wrong/address")
# Of tokens and links apart: a machine whose token was taken away goes on asking, and keeps nobody beside it out.
WRONG_KEYS = RateLimitItemPerMinute(30, WRONG_MINUTES, namespace="wrong/key")
# Some tables of a whole subdistrict a minute, and never so many that reading them is all that the bridge does.
KIB_PER_MINUTE = RateLimitItemPerMinute(64 * 1024, namespace="bodies")


class Limits:
    """Counted in memory: a restart forgives."""

    def __init__(self) -> None:
        self._storage = MemoryStorage()
        self._wrong = MovingWindowRateLimiter(self._storage)
        self._sent = SlidingWindowCounterRateLimiter(self._storage)

    def may_try(self, account: str | None, address: str) -> None:
        """TooSoon where this account, or this address, was wrong too often lately; a token or link has no account."""
        for item, key in self._both(account, address):
            if not self._wrong.test(item, key):
                reset_at, _ = self._wrong.get_window_stats(item, key)
                raise TooSoon(max(1, int(reset_at - time.time()) + 1))

    def was_wrong(self, account: str | None, address: str) -> None:
        """Once more."""
        for item, key in self._both(account, address):
            self._wrong.hit(item, key)

    def may_send(self, who: str, address: str, size: int) -> None:
        """TooSoon where this account or this address has sent too much within a minute."""
        cost = size // 1024 + 1
        for key in {f"who/{who}", f"address/{network_of(address)}"}:
            if not self._sent.hit(KIB_PER_MINUTE, key, cost=cost):
                raise TooSoon(60, "too much was sent within a minute")

    @staticmethod
    def _both(account: str | None, address: str) -> list[tuple[RateLimitItemPerMinute, str]]:
        network = network_of(address)
        if account is None:
            return [(WRONG_KEYS, network)]
        return [(WRONG_BY_ACCOUNT, account), (WRONG_BY_ADDRESS, network)]


def network_of(address: str) -> str:
    """Who is counted as one: an address, of IPv6 the network that one subscriber has."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if known.version == 4 else str(ipaddress.ip_network((known, 64), strict=False))

