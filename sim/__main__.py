"""The command line of the simulator.

    python3 -m sim SCENARIO [--seed N] [--days N] [--json] in virtual time, as fast as the machine can
    python3 -m sim SCENARIO --speed N                    in virtual time, N times as fast as life
    python3 -m sim SCENARIO --live [--speed N]           on real MQTT with the virtual hardware
    python3 -m sim SCENARIO --live --faults SEED         and a network that delays, cuts, swallows, by this seed
    python3 -m sim SCENARIO --live --truck ID=ADDRESS    beside real hardware: see docs/tester.md
    python3 -m sim SCENARIO --report FILE.html           and a page of it: everything that happened, at any moment
    python3 -m sim diff BEFORE.html AFTER.html           what differs between two of these
    python3 -m sim search [--minutes N]                  random faults until something does not hold, as a scenario
    python3 -m sim new FILE.toml                         asks, and writes a scenario
    python3 -m sim practice SCENARIO [--clicks FILE]     you are at the screen; then a score beside what happened
    python3 -m sim practice --day D --data FOLDER        the same with a day on record
    python3 -m sim city --live [--cells N]               a city of cells on this machine, with PostgreSQL
    python3 -m sim --plan FEED [--date D] [--runs A,B]   a day of any plan that the bridge takes, or of tainan:ROUTE
    python3 -m sim --list

Exit code 0 if every expectation held, 1 if one failed, 2 for a scenario that cannot be played, 3 if the machine was
too slow to judge a live run, 4 if a scenario's recorded data is not on this machine, 130 after Ctrl-C.
"""

from firmware import environment

if __name__ == "__main__":
    environment.enter(*environment.TRUCK, *environment.SERVER)

import argparse
import datetime
import json
import logging
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from broker.words import LANGUAGES
from sim.judging.outcome import Outcome
from sim.report import printed
from sim.report.timeline import timeline
from sim.scenario.own_town import town
from sim.scenario.scenario import Scenario, ScenarioError, load, names, value_of
from sim.scenario.scenes.scene import DataAbsentError
from sim.scenario.schema import SECTIONS
from sim.virtual import run

LINE = 200
HELD, FAILED, BAD, ABSENT, INTERRUPTED = 0, 1, 2, 4, 130


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    # Each loads what it needs: a live run, which others wait for, begins without what only these need.
    if words[:1] == ["diff"]:
        from sim.report import difference

        return difference.main(words[1:])
    if words[:1] == ["search"]:
        from sim.search import search

        return search.main(words[1:])
    if words[:1] == ["practice"]:
        from sim.practice import command as practice

        return practice.main(words[1:])
    if words[:1] == ["city"]:
        from sim.city import command as city

        return city.main(words[1:])
    if words[:1] == ["new"]:
        return _new(words[1:])
    options = _parser().parse_args(words)
    logging.basicConfig(level=logging.ERROR if not options.verbose else logging.INFO, format="%(name)s: %(message)s")
    console = Console(stderr=options.json)
    if options.list:
        return _list(console)
    if (options.scenario is None) == (options.plan is None):
        _parser().error("name a scenario, or a plan with --plan, or use --list")
    try:
        scenario = load(options.scenario) if options.plan is None else _town(options)
        if options.seed is not None:
            scenario = replace(scenario, seed=value_of("--seed", SECTIONS["scenario"]["seed"], options.seed))
        if (options.truck or options.room) and not options.live:
            _parser().error("--truck and --room name hardware, which needs --live")
        if options.faults is not None and not options.live:
            _parser().error("--faults is about real connections, which needs --live; virtual time has `sim search`")
        if options.days is not None:
            scenario = replace(scenario, days=value_of("--days", SECTIONS["scenario"]["days"], options.days))
        if options.live:
            return _live(scenario, options, console)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task(escape(scenario.name), total=1.0)
            outcome = run.play(scenario, options.speed, lambda share: bar.update(task, completed=share))
    except ScenarioError as error:
        print(f"scenario refused: {error}", file=sys.stderr)
        return BAD
    except DataAbsentError as error:
        print(f"SKIPPED: {error}", file=sys.stderr)
        return ABSENT
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    if options.json:
        print(json.dumps(printed.as_json(outcome), ensure_ascii=False, indent=1))
    else:
        printed.show(outcome, console)
    if options.timeline:
        console.print("\n".join(timeline(outcome.evidence, options.timeline)), highlight=False, markup=False)
    if options.report is not None:
        _write_report(outcome, options.report, console)
    return HELD if outcome.held else FAILED


def _new(words: list[str]) -> int:
    from sim.scenario.asking import write_new

    parser = argparse.ArgumentParser(prog="python3 -m sim new", description="Asks, and writes a scenario file.")
    parser.add_argument("file", type=Path, help="the file to be written; it ends in .toml")
    try:
        write_new(parser.parse_args(words).file, input, print, datetime.date.today())
    except ScenarioError as error:
        print(f"not written: {error}", file=sys.stderr)
        return BAD
    except (EOFError, KeyboardInterrupt):
        print("\nnot written: it was not answered to the end", file=sys.stderr)
        return INTERRUPTED
    return HELD


def _write_report(outcome: Outcome, path: Path, console: Console) -> None:
    """Write the page of a run; that it could not be written changes no verdict."""
    from sim.report.page import ReportError, write_report

    try:
        write_report(outcome, path)
        console.print(f"report: {path}", highlight=False, markup=False)
    except ReportError as error:
        print(error, file=sys.stderr)


def _live(scenario: Scenario, options: argparse.Namespace, console: Console) -> int:
    from sim.live.hardware.bench import bench_of
    from sim.live.run import play_live  # only here: the virtual run needs neither MQTT nor processes

    def write(outcome: Outcome) -> None:
        if options.report is not None:
            _write_report(outcome, options.report, console)

    return play_live(scenario, console, speed=options.speed, seconds=options.seconds, demo=options.demo,
                     http_port=options.http_port, ended=write, faults=options.faults,
                     bench=bench_of(options.truck, options.room, options.bench, options.keys))  # fmt: skip


def _town(options: argparse.Namespace) -> Scenario:
    runs = [run for run in (options.runs or "").split(",") if run]
    return town(options.plan, options.date, runs, datetime.date.today())


def _list(console: Console) -> int:
    listed = Table.grid(padding=(0, 2))
    for name in names():
        listed.add_row(f"[bold]{name}[/bold]", escape(load(name).about))
    if not console.is_terminal:  # a line each, for those who search in them
        console.width = LINE
    console.print(listed)
    return HELD


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m sim", description="Plays a scenario with the devices' own code.")
    parser.add_argument("scenario", nargs="?", help="name of a scenario (see --list) or a .toml file")
    parser.add_argument("--list", action="store_true", help="the scenarios that come with the simulator")
    parser.add_argument("--plan", metavar="FEED", help="a GTFS folder or zip, or tainan:ROUTE: play a day of it")
    parser.add_argument("--date", type=datetime.date.fromisoformat, metavar="YYYY-MM-DD",
                        help="with --plan: which day (default: the next one on which something runs)")  # fmt: skip
    parser.add_argument("--runs", metavar="A,B", help="with --plan: these runs only")
    parser.add_argument("--speed", type=_speed, help="times as fast as life; virtual time: as fast as it can")
    parser.add_argument("--seed", type=int, help="another roll of the dice")
    parser.add_argument("--days", type=int, help="so many days one after the other, each with the scenario's hours")
    parser.add_argument("--json", action="store_true", help="the result as JSON on standard output")
    parser.add_argument("--timeline", choices=LANGUAGES, nargs="?", const="en", help="print what happened")
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="write a page of the run into one file")
    parser.add_argument("--live", action="store_true", help="real MQTT, real processes, virtual hardware")
    parser.add_argument("--demo", action="store_true", help="with --live: go on until Ctrl-C or --seconds")
    parser.add_argument("--seconds", type=float, help="with --live: end by itself after that many seconds of life")
    parser.add_argument("--http-port", type=int, help="with --live: port of the status page (default: 8080 or any)")
    parser.add_argument("--faults", type=int, metavar="SEED",
                        help="with --live: each connection fails by a plan drawn from this seed (delay, rate, cut, "
                             "black hole, half close); judged by what holds in every run, slowly (--speed 4)")
    parser.add_argument("--truck", action="append", default=[], metavar="ID=ADDRESS",
                        help="with --live: this truck is hardware, its receiver this run: /dev/ttyUSB0 or HOST[:PORT]")
    parser.add_argument("--room", action="append", default=[], metavar="ID=ADDRESS",
                        help="with --live: this room is hardware; where it stands, in your words")
    parser.add_argument("--bench", default="127.0.0.1:1884", metavar="HOST:PORT",
                        help="with hardware: where this machine is reached by it; each further device one port higher")
    parser.add_argument("--keys", type=Path, default=Path("bench-keys"), metavar="FOLDER",
                        help="with hardware: its passwords, a file for each device; made where they are missing")
    parser.add_argument("--verbose", action="store_true", help="what the devices and the bridge log")
    return parser


def _speed(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 100_000:
        raise argparse.ArgumentTypeError("must be between 0.1 and 100000")
    return value


if __name__ == "__main__":
    sys.exit(main())
