"""Lets CPython run the board's files where no MicroPython exists: the calls that only MicroPython has."""

import asyncio
import gc
import sys
import time
import traceback


def prepare() -> None:
    """Add MicroPython's own names to `time`, `asyncio` and `sys`."""
    additions = (
        (time, "ticks_ms", lambda: time.monotonic_ns() // 1000000),
        (time, "ticks_diff", lambda later, earlier: later - earlier),
        (time, "sleep_ms", lambda ms: time.sleep(ms / 1000)),
        (time, "sleep_us", lambda us: time.sleep(us / 1000000)),
        (asyncio, "sleep_ms", lambda ms: asyncio.sleep(ms / 1000)),
        (asyncio, "wait_for_ms", lambda waited, ms: asyncio.wait_for(waited, ms / 1000)),
        (sys, "print_exception", traceback.print_exception),
        (gc, "threshold", lambda _bytes: None),
    )
    for module, name, function in additions:
        setattr(module, name, function)
