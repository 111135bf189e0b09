"""How many listen to the stream at once: so many by one account, and by one address."""

from collections import Counter
from collections.abc import AsyncIterator

from fastapi import Request

from broker.people.attempts.limits import network_of
from broker.web.door.visitors import visitor_of
from broker.web.problems import Refusal

MOST_OF_ACCOUNT = 50  # the screens of a control room that is signed in once
MOST_OF_ADDRESS = 200  # of an office behind one address
LATER_S = 10


class Listeners:
    """Counts them; used in the web's event loop only."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def counted(self, request: Request, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same stream, counted until its end; raises Refusal for one too many."""
        address = network_of(request.client.host if request.client else "")
        keys = {f"who/{visitor_of(request).who}": MOST_OF_ACCOUNT, f"address/{address}": MOST_OF_ADDRESS}
        for key, most in keys.items():
            if self._open[key] >= most:
                raise Refusal(429, f"{most} streams are open already", {"Retry-After": str(LATER_S)})
        return self._until_its_end(list(keys), stream)

    async def _until_its_end(self, keys: list[str], stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        self._open.update(keys)
        try:
            async for block in stream:
                yield block
        finally:
            self._open.subtract(keys)
            self._open = +self._open
