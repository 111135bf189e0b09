"""`python3 -m broker outside`: how the messages to people outside stand, a trial, and another try."""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

from broker.config import BrokerConfig, CityConfig, ConfigError, ReceiverConfig, read_either_config
from broker.feeds.outside.outbox import Outbox, Waiting
from broker.feeds.outside.receivers import of_area, outbox_of, sink_of, trial
from broker.settings import configured_plan

Config = BrokerConfig | CityConfig


def add_commands(subparsers: Any) -> None:
    """Register `outside` with the server's command line."""
    parser = subparsers.add_parser(
        "outside",
        help="messages to people outside: what waits for each receiver; `test`, `retry`, `dead`",
        description="How the messages to people outside stand ([outside] in the configuration), read from the folder "
        "in which they wait: also while no bridge runs.",
    )
    parser.set_defaults(run=run_list)
    deeds = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, run, said in (
        ("list", run_list, "a line for each receiver: what waits, since when, what was given up, why"),
        ("test", run_test, "send a trial now, once, and say what came of it"),
        ("retry", run_retry, "try everything again at once, what was given up too, also after a 410"),
        ("dead", run_dead, "what was given up, a JSON line each"),
    ):
        deed = deeds.add_parser(name, help=said)
        deed.set_defaults(run=run)
        if name != "list":
            deed.add_argument("receiver", help="its name in the configuration")


def run_list(arguments: argparse.Namespace) -> int:
    """Show them; 0 all is well, 1 somebody is not told, 2 wrongly configured."""

    def show(config: Config) -> bool:
        well = True
        for name, outbox in _outboxes(config, config.outside.receiver):
            waiting, dead, ended = outbox.names(), outbox.dead(), outbox.ended()
            why = str(outbox.said().get("why") or "")
            oldest = f", the oldest of {_moment(int(waiting[0].partition('-')[0]))}" if waiting else ""
            said = "it has ended it (410)" if ended else why or "well"
            print(f"{name}: {len(waiting)} waiting{oldest}, {len(dead)} given up; {said}")
            well = well and not (why or dead or ended)
        if not config.outside.receiver:
            print("nobody outside is told; [[outside.receiver]] names who is to be")
        return well

    return _answer(arguments, show)


def run_test(arguments: argparse.Namespace) -> int:
    """Send a trial past the outbox; 0 it was taken, 1 it was not, 2 wrongly configured."""

    def send(config: Config) -> bool:
        receiver = _receiver(config, arguments.receiver)
        area, timezone = "city", "UTC"
        if isinstance(config, CityConfig):
            timezone = config.city.timezone
        else:
            plan = configured_plan(config)
            area, timezone = plan.area_id, plan.timezone
        message = trial(area, int(time.time()))
        outcome = sink_of(receiver, timezone).deliver(Waiting(message.id, message.at, message.body()))
        if outcome.what == "delivered":
            print(f"{receiver.name}: it took the trial {message.id}")
            return True
        print(f"outside: {receiver.name} did not take the trial: {outcome.why}", file=sys.stderr)
        return False

    return _answer(arguments, send)


def run_retry(arguments: argparse.Namespace) -> int:
    """Have it tried again by the running bridge, or by the next one; 0, or 2 wrongly configured."""

    def again(config: Config) -> bool:
        for name, outbox in _outboxes(config, [_receiver(config, arguments.receiver)]):
            outbox.open()
            revived = outbox.revive()
            print(f"{name}: {len(outbox.names())} are tried at once, {revived} of them had been given up")
        return True

    return _answer(arguments, again)


def run_dead(arguments: argparse.Namespace) -> int:
    """Print them; 0, or 2 wrongly configured."""

    def show(config: Config) -> bool:
        for _, outbox in _outboxes(config, [_receiver(config, arguments.receiver)]):
            for name in outbox.dead():
                kept = outbox.read(name, dead=True)
                if kept is not None:
                    print(json.dumps({"id": kept.id, **json.loads(kept.body)}, ensure_ascii=False))
        return True

    return _answer(arguments, show)


def _outboxes(config: Config, receivers: Iterable[ReceiverConfig]) -> Iterator[tuple[str, Outbox]]:
    """What waits for these, each with its name; of a city for each cell by itself, the cell's area before the name."""
    if not isinstance(config, CityConfig):
        yield from ((one.name, outbox_of(config.outside, one)) for one in receivers)
        return
    folder = config.outside.folder
    areas = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    for one in receivers:
        for area in areas:
            yield f"{area}/{one.name}", outbox_of(of_area(config.outside, area), one)


def _receiver(config: Config, name: str) -> ReceiverConfig:
    for receiver in config.outside.receiver:
        if receiver.name == name:
            return receiver
    known = " ".join(receiver.name for receiver in config.outside.receiver) or "none"
    raise ConfigError(f"no receiver is called {name}; there are: {known}")


def _moment(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _answer(arguments: argparse.Namespace, do: Any) -> int:
    try:
        return 0 if do(read_either_config(arguments.config)) else 1
    except ConfigError as why:
        print(f"outside: {why}", file=sys.stderr)
        return 2
    except OSError as why:
        print(f"outside: {why.filename or ''}: {why.strerror or why}; run it as the bridge's user", file=sys.stderr)
        return 1
