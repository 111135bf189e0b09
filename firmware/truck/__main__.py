"""`python3 -m firmware.truck --config truck.toml`: the truck agent; `--check-config` only reads the file."""

from firmware import environment

if __name__ == "__main__":
    environment.enter()

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from firmware.truck.config import ConfigError, load


def main(arguments: list[str] | None = None) -> int:
    """Runs until SIGTERM or SIGINT; returns 0, 2 for a bad configuration, 1 if it cannot run or its outbox is bad."""
    parser = argparse.ArgumentParser(prog="python3 -m firmware.truck", description="The truck agent of Zhanpai.")
    parser.add_argument("--config", type=Path, required=True, help="truck.toml; see truck.example.toml")
    parser.add_argument("--check-config", action="store_true", help="read the configuration, say what is wrong, end")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        config = load(given.config)
        config.mqtt.check_secrets()
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    if given.check_config:
        from firmware.truck.outbox.file import refused_by_disk, wrong_with

        wrong = wrong_with(config.outbox_path) or refused_by_disk(config.outbox_path)
        if wrong is not None:
            print(wrong, file=sys.stderr)
            return 1
        print(f"{given.config}: good; truck {config.truck_id} of area {config.area}")
        return 0
    environment.need(*environment.TRUCK)
    # Imported late: reading a configuration needs neither gpiozero nor a serial port.
    from firmware.truck.program import run

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        run(config, stop=stop)
    except OSError as error:
        print(f"the truck agent cannot run: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
