"""One at a time: the lock that keeps threads and processes in turn on one register."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from broker.durable_file import PRIVATE_MODE
from broker.registers.errors import Busy

LOCK_WAIT_S = 5.0
LOCK_STEP_S = 0.02


@contextmanager
def turn(lock: Path, what: str, monotonic: Callable[[], float], sleep: Callable[[float], None]) -> Iterator[None]:
    """Hold the lock file while inside; Busy after five seconds of waiting.

    The lock is a file of its own: the register's file is replaced at each save, and a lock on it would go with it.
    """
    descriptor = _opened(lock)
    try:
        give_up_at = monotonic() + LOCK_WAIT_S
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if monotonic() >= give_up_at:
                raise Busy(f"another process has been writing {what} for {LOCK_WAIT_S:.0f} s; try again")
            sleep(LOCK_STEP_S)
        yield
    finally:
        os.close(descriptor)


def _opened(lock: Path) -> int:
    """The lock file, made where it can be. On a disk that takes nothing a register can still be read: the lock as it
    is, or its folder, keeps the readers in turn, and nobody writes there."""
    try:
        lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_MODE)
    except OSError:
        return os.open(lock if lock.exists() else lock.parent, os.O_RDONLY | os.O_CLOEXEC)
