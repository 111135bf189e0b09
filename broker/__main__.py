"""`python3 -m broker`: the bridge with screen and API, and the commands beside it."""

from firmware import environment

if __name__ == "__main__":
    environment.enter(*environment.SERVER)

import argparse
import io
import logging
import os
import resource
import signal
import sys
import threading
from pathlib import Path

from broker import __version__
from broker.commands import import_tainan, records, replay
from broker.commands.registers import options as registers
from broker.config import BrokerConfig, ConfigError, read_config
from broker.mqtt.mosquitto import EmbeddedBrokerError
from broker.store import StoreError

MOST_FILES = 65_536  # a child that closes all it could have inherited would take long over a billion


def parser() -> argparse.ArgumentParser:
    """The command line; without a command the bridge runs."""
    top = argparse.ArgumentParser(
        prog="python3 -m broker",
        description="Zhanpai's bridge: predicts, dispatches, keeps every record, shows all of it.",
    )
    top.add_argument("--config", type=Path, default=Path("broker.toml"), help="configuration (default: broker.toml)")
    top.add_argument("--check-config", action="store_true", help="read configuration and plan, say what is wrong, end")
    top.add_argument("--version", action="version", version=f"zhanpai {__version__}")
    commands = top.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    for module in (records, replay, import_tainan, registers):
        module.add_commands(commands)
    return top


def main(argv: list[str] | None = None) -> int:
    """Run the bridge or a command; the exit code is 0, 1 (failed), 2 (wrongly asked) or 130 (Ctrl-C); fsck has 3."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # as our CSV and HTML say of themselves, whatever the locale is
    try:
        code = _run(argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("\npython -m broker: interrupted; what was stored stays, the same command goes on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # `| head` has seen enough; without another end to write to, the interpreter would complain at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _run(argv: list[str] | None) -> int:
    args = parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    if args.command is not None:
        return int(args.run(args))
    try:
        config = read_config(args.config)
        logging.getLogger().setLevel(config.log.level.upper())
        try:
            return _check(args.config, config) if args.check_config else _serve(config)
        except ConfigError as why:
            raise ConfigError(f"{args.config}: {why}") from why
    except (ConfigError, StoreError, EmbeddedBrokerError) as why:
        print(f"python3 -m broker: {why}", file=sys.stderr)
        return 1


def _check(path: Path, config: BrokerConfig) -> int:
    """Read the plan and every file that the configuration names, and say what is there."""
    from broker.settings import configured_plan
    from broker.web.server import read_roles

    plan = configured_plan(config)
    config.mqtt.password()
    config.mqtt.tls()
    config.embedded.passwords()
    read_roles(config)
    print(f"{path}: good; area {plan.area_id}: {len(plan.rooms)} rooms, {len(plan.runs)} runs")
    return 0


def may_open_files() -> None:
    """Raise how many files and connections this process may have open to what the machine allows, within reason."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _serve(config: BrokerConfig) -> int:
    from broker.process import serve

    may_open_files()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serve(config, stop=stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
