"""Loaded by each Python whose clock libfaketime sets: it gets `sleep` right.

`time.sleep` waits for a moment of the monotonic clock, and libfaketime, told to leave that clock alone, takes the
offset of the other one off it all the same (EINVAL). A wait on nothing has a length instead.
"""

import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep
