"""How far a long bench is: a bar on a terminal, a line for each tenth elsewhere; on standard error, beside the figures.
"""

import sys
import time

WIDTH = 30


class Bar:
    """`bar(share, what)` shows how much of all is done, what is done now, and how long the rest may take."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._tenth = -1
        self._is_terminal = sys.stderr.isatty()

    def __call__(self, share: float, what: str) -> None:
        """So much is done."""
        past_s = time.monotonic() - self._began_s
        left = f", about {past_s / share - past_s:.0f} s more" if share > 0.05 else ""
        if self._is_terminal:
            done = round(WIDTH * share)
            print(f"\r[{'#' * done}{'.' * (WIDTH - done)}] {share:4.0%} {what}{left}\x1b[K", end="", file=sys.stderr)
        elif int(10 * share) > self._tenth:
            self._tenth = int(10 * share)
            print(f"{share:4.0%} {what}{left}", file=sys.stderr)
        sys.stderr.flush()

    def end(self) -> None:
        """Leave the line to the figures."""
        if self._is_terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
