"""The bridge of a live run: `broker.serving.serve` on the accelerated clock; prints its screen's port when it is up.

    python -m sim.live.bridge_child BROKER.toml CLOCK
"""

import logging
import signal
import sys
import threading
from pathlib import Path

from broker.config import ConfigError, read_config
from broker.serving import serve
from broker.store import StoreError
from sim.live.clock import SpedClock


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM; exit code 1 with one line on standard error if it cannot."""
    config_path, clock_text = arguments
    clock = SpedClock.from_text(clock_text)
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        serve(read_config(Path(config_path)), now=clock.now, stop=stop, ready=lambda port: print(port, flush=True))
    except (ConfigError, StoreError, OSError) as why:
        print(f"the bridge could not start: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
