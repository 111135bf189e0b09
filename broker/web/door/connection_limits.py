"""How long the web port waits, and for how many: each connection costs a descriptor that store and link need too."""

import asyncio
import logging
import time
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

log = logging.getLogger("zhanpai.web")

HEAD_S = 10.0  # from a connection, or from a request's first byte, to the end of its head
BODY_S = 60.0  # from there to the end of its body: a plan of an estate over a slow line
TAKE_S = 30.0  # from when a visitor takes none of what it asked for until it is dropped
MOST_CONNECTIONS = 500  # half of the descriptors that a process has without asking for more
TELL_EVERY_S = 60.0


class LimitedProtocol(H11Protocol):
    """uvicorn's HTTP connection, closed when its request does not come in time or too many are open."""

    _told_at: ClassVar[float] = float("-inf")

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._waits_s: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._full: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request, or leave at once where there are too many already."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            self._tell()
            transport.abort()
        else:
            self._wait(HEAD_S)

    def data_received(self, data: bytes) -> None:
        """Take what came, and wait for what of the request is still to come."""
        super().data_received(data)
        # Typed as if there always were a cycle; there is none before the first request.
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete:
            self._wait(HEAD_S)
        else:
            self._wait(BODY_S if cycle.more_body else None)

    def pause_writing(self) -> None:
        """Nothing more fits into the line: the visitor has its time to take what is there."""
        super().pause_writing()
        self._full = self.loop.call_later(TAKE_S, self.transport.abort)

    def resume_writing(self) -> None:
        """It takes it."""
        super().resume_writing()
        self._takes()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._wait(None)
        self._takes()
        super().connection_lost(exc)

    def _wait(self, seconds: float | None) -> None:
        """One term for all of a head or a body: what trickles in does not make it longer."""
        if seconds == self._waits_s:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._waits_s = seconds
        self._timer = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)

    def _takes(self) -> None:
        if self._full is not None:
            self._full.cancel()
            self._full = None

    @classmethod
    def _tell(cls) -> None:
        if time.monotonic() - cls._told_at >= TELL_EVERY_S:
            cls._told_at = time.monotonic()
            log.warning("more than %d connections to the screen: further ones are closed at once", MOST_CONNECTIONS)
