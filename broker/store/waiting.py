"""A record whose disk takes nothing when the bridge starts: read as it is, and written as soon as that works again."""

import errno
import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from broker.store.contract import Store
from broker.store.opening import is_address, open_store, reading_store
from broker.store.record import Full, Receipt, Record, StoreError, Unavailable

log = logging.getLogger("zhanpai.store")

AGAIN_S = 5.0
_TAKES_NOTHING = {errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM}


def open_as_it_can(where: str | Path, area: str, timezone: str, now: Callable[[], float]) -> Store:
    """The store at `where`; where its disk takes nothing (read only, full), a WaitingStore. Raises as `open_store`."""
    try:
        return open_store(where, area, timezone, now)
    except (Full, Unavailable) as why:
        code = getattr(why.__cause__, "errno", None)
        closed = not is_address(where) and Path(where).is_dir() and not os.access(where, os.W_OK)
        if not (isinstance(why, Full) or code in _TAKES_NOTHING or closed):
            raise
        try:
            return WaitingStore(where, area, timezone, now, str(why))
        except StoreError:
            raise why from None  # there is nothing to be read either


def _asked(question: str) -> Any:
    return lambda waiting, *values: getattr(waiting._store, question)(*values)


class WaitingStore(Store):
    """Reads what is there; each `append` tries to have it opened, at most every few seconds, and raises Unavailable."""

    def __init__(self, where: str | Path, area: str, timezone: str, now: Callable[[], float], why: str) -> None:
        self.why, self.now = "", now
        self._say(why)
        self._open: Callable[[], Store] = lambda: open_store(where, area, timezone, now)
        self._open_again_at = time.monotonic() + AGAIN_S
        self._readers = ExitStack()  # whoever reads in another thread goes on with it
        self._store = self._readers.enter_context(reading_store(where, area, timezone, now))
        self.mark = self._store.mark
        self._writing = False

    def append(self, records: Sequence[Record], *, urgent: bool = False) -> Receipt:
        """Store the batch, if the store can be opened by now."""
        return self._to_write().append(records, urgent=urgent)

    batches, stored, newest = _asked("batches"), _asked("stored"), _asked("newest")
    before, known_amendments = _asked("before"), _asked("known_amendments")
    kinds, health = _asked("kinds"), _asked("health")

    def close(self) -> None:
        """Release it."""
        if self._writing:
            self._store.close()
        with suppress(StoreError):  # that records were left out has been said to whoever read them
            self._readers.close()

    def _say(self, why: str) -> None:
        """Why it cannot be opened, which may be another reason than at first; each is logged when it begins."""
        why = f"{why}; what is stored is shown, nothing new is kept until that is mended"
        if why != self.why:
            log.error("%s", why)
        self.why = why

    def _to_write(self) -> Store:
        if not self._writing:
            if time.monotonic() < self._open_again_at:
                raise Unavailable(self.why)
            self._open_again_at = time.monotonic() + AGAIN_S
            try:
                self._store = self._open()
            except StoreError as why:
                self._say(str(why))
                raise Unavailable(self.why) from why
            self._writing = True
            log.warning("the record takes what comes again")
        return self._store
