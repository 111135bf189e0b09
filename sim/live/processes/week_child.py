"""Puts the made week beside a running demo: its records through the product's importer, its pictures into playback.

    python -m sim.live.processes.week_child STORE PLAYBACK AREA TIMEZONE NOW

Standard output: a JSON line after each part, `{"done": records, "of": records}`. It takes no more than half a core: the
street must not wait for it.
"""

import logging
import sys
import time
from pathlib import Path

from broker.store import StoreError
from sim.demo_week.taking_in import take_in


def main(arguments: list[str]) -> int:
    """Do it; exit code 1 with one line on standard error if it cannot."""
    store, playback, area, timezone, now = arguments
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    began_s = time.monotonic()

    def told(done: int, of: int) -> None:
        nonlocal began_s
        print(f'{{"done": {done}, "of": {of}}}', flush=True)
        time.sleep(time.monotonic() - began_s)
        began_s = time.monotonic()

    try:
        take_in(Path(store), Path(playback), area, timezone, float(now), told)
    except (StoreError, OSError) as why:
        print(f"the made week could not be taken in: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
