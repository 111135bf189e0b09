"""`python3 -m broker`: the bridge with screen and API, and the commands beside it."""

from firmware import environment

if __name__ == "__main__":
    environment.enter(*environment.SERVER)

import argparse
import io
import logging
import sys
from pathlib import Path

from broker import __version__
from broker.commands import accounts, city, command, import_tainan, nats_accounts, outside, serve, takeover
from broker.commands.people import people
from broker.commands.record import amend, explain, export, fsck, import_records, import_weighings, replay, stats
from broker.commands.registers import command_line as registers
from broker.commands.teaching import command as teaching
from broker.commands.upkeep import backup, broker_files, doctor, restore

COMMANDS = (
    fsck, export, import_records, import_weighings, amend, stats, explain, replay, command, accounts, people, outside,
    import_tainan, registers, teaching, city, nats_accounts, takeover, backup, restore, broker_files, doctor,
)  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """The command line; without a command the bridge runs."""
    top = argparse.ArgumentParser(
        prog="python3 -m broker",
        description="Zhanpai's bridge: predicts, dispatches, keeps every record, shows all of it.",
    )
    top.add_argument("--config", type=Path, default=Path("broker.toml"), help="configuration (default: broker.toml)")
    serve.add_options(top)
    top.add_argument("--version", action="version", version=f"zhanpai {__version__}")
    commands = top.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    for module in COMMANDS:
        module.add_commands(commands)
    _take_config_anywhere(commands)
    return top


def _take_config_anywhere(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`--config` after the command too, which is where people write it."""
    # argparse has no public way to its subparsers; `choices` is what its own help is made from.
    for parser in set(commands.choices.values()):
        parser.add_argument("--config", type=Path, default=argparse.SUPPRESS, help="default: broker.toml")
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                _take_config_anywhere(action)


def main(argv: list[str] | None = None) -> int:
    """Run the bridge or a command; the exit code is 0, 1 (failed), 2 (wrongly asked) or 130 (Ctrl-C); fsck has 3."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # as our CSV and HTML say of themselves, whatever the locale is
    try:
        return _run(argv)
    except KeyboardInterrupt:
        print("\npython3 -m broker: interrupted; what was stored stays, the same command goes on", file=sys.stderr)
        return 130


def _run(argv: list[str] | None) -> int:
    args = parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    return int(args.run(args))


if __name__ == "__main__":
    sys.exit(main())
