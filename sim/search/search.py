"""Find it for me: random faults on an area, played in parallel in virtual time until something does not hold.

    python3 -m sim search [--minutes N] [--plan FEED | --scenario FILE.toml] [--seed N] [--jobs N] [--shorter N]
        [--into FOLDER]

Every run is judged by what holds in every run (sim/judging/judges/invariants.py). The first one in which something does
not is made as short as it can be and written as a scenario file, which plays again with the same verdict. The same seed
draws the same runs. Exit code 0 if nothing was found, 1 if something was, 2 for what cannot be searched.
"""

import argparse
import datetime
import logging
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from sim.judging.judges.invariants import broken
from sim.judging.verdict import Verdict
from sim.scenario.own_town import town
from sim.scenario.scenario import Scenario, ScenarioError, load, scenario_of
from sim.scenario.scenes.scene import DataAbsentError
from sim.scenario.writing import as_text
from sim.search.draws import INVARIANTS, drawn
from sim.search.moments import area_of
from sim.search.shrinking import MOST_TRIES, shrunk
from sim.virtual.run import SETTLE_S, play

FIRST_LOOK_S = 150.0
MOST_MINUTES, MOST_JOBS = 100_000, 1000
NOTHING, FOUND, BAD, INTERRUPTED = 0, 1, 2, 130
BASE = {
    "scenario": {"about": "A short morning of two trucks.", "from": "05:50", "to": "06:26"},
    "area": {"runs": ["wet-north-1", "dry-west-1"], "first_visits": 3, "bins_each": 1,
             "leave": {"wet-north-1": "06:05", "dry-west-1": "06:05"}},
    "expect": [{"kind": "invariants"}],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """A run in which something did not hold, and how many were played until then."""

    scenario: Scenario
    promise: str
    played: int


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.disable(logging.CRITICAL)  # what thousands of runs log nobody reads
    console = Console()
    try:
        base = _base(options)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("searching", total=60 * options.minutes)
            found, played = None, 0
            for last in search(base, options.seed, 60 * options.minutes, options.jobs):
                played, spent_s, found = last
                bar.update(task, completed=spent_s, description=f"{played} runs")
        if found is None:
            runs = "1 run" if played == 1 else f"{played} runs"
            console.print(f"nothing found in {runs} and {options.minutes:g} minutes, seed {options.seed}")
            return NOTHING
        console.print(f"[red]{escape(found.promise)}[/red] did not hold in run {found.played}; making it shorter ...")
        return _written(shortest(found, options.shorter), found, options.into, console)
    except (ScenarioError, DataAbsentError, OSError) as error:
        print(f"cannot be searched: {error}", file=sys.stderr)
        return BAD
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def search(base: Scenario, seed: int, seconds: float, jobs: int) -> Iterator[tuple[int, float, Found | None]]:
    """Draw and play until something is found or the time is over; (runs, seconds, what was found) again and again."""
    began, played, numbers = time.monotonic(), 0, count()
    area = area_of(base)
    found: Found | None = None
    with ProcessPoolExecutor(jobs) as pool:
        waiting: dict[Future[list[str]], Scenario] = {}
        while found is None and (time.monotonic() - began < seconds or played == 0):
            while len(waiting) < jobs:
                one = drawn(base, area, seed, next(numbers))
                waiting[pool.submit(_looked, one)] = one
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                one, played = waiting.pop(future), played + 1
                if found is None and (promises := future.result()):
                    found = Found(one, promises[0], played)
            yield played, time.monotonic() - began, found


def shortest(found: Found, tries: int) -> Scenario:
    """The shortest run in which the same promise does not hold, as far as so many tries come."""

    def fails(one: Scenario) -> bool:
        try:
            return found.promise in _broken(one, FIRST_LOOK_S)
        except ScenarioError:
            return False  # a smaller one that cannot be played proves nothing

    short = shrunk(found.scenario, fails, tries)
    return short if short == found.scenario or found.promise in _broken(short) else found.scenario


def _looked(scenario: Scenario) -> list[str]:
    """Which promises a run does not keep for good: what is missing soon after it may still come."""
    return _broken(scenario) if _broken(scenario, FIRST_LOOK_S) else []


def _broken(scenario: Scenario, settle_s: float = SETTLE_S) -> list[str]:
    """Which promises a run does not keep; one that ends with an exception keeps none. Raises ScenarioError."""
    logging.disable(logging.CRITICAL)
    try:
        return broken(play(scenario, settle_s=settle_s).evidence)
    except ScenarioError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what was looked for
        return [f"it runs at all ({type(error).__name__}: {error})"]


def _written(scenario: Scenario, found: Found, folder: Path, console: Console) -> int:
    seen = _verdict(scenario)
    about = f"Found: {found.promise} does not hold. {seen.faults[0] if seen else ''}".strip()
    path = folder / f"found-{found.promise.split()[0]}-{found.played}.toml"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(as_text(replace(scenario, about=about, demands=(INVARIANTS,))), encoding="utf-8")
    console.print(f"written: {path} ({len(scenario.happenings)} events)", highlight=False, markup=False)
    for fault in seen.faults if seen else ():
        console.print(f"  {fault}", highlight=False, markup=False, soft_wrap=True)
    return FOUND


def _verdict(scenario: Scenario) -> Verdict | None:
    try:
        return play(scenario).verdicts[0]
    except Exception:  # noqa: BLE001 - it was found because it ends like this
        return None


def _base(options: argparse.Namespace) -> Scenario:
    if options.plan is not None:
        return replace(town(options.plan, None, [], datetime.date.today()), demands=(INVARIANTS,))
    if options.scenario is not None:
        return replace(load(options.scenario), happenings=(), demands=(INVARIANTS,))
    return base_of_search()


def base_of_search() -> Scenario:
    """The short morning that is searched where nothing else is named."""
    return scenario_of(BASE, "search", "the area of the search")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m sim search", description="Looks for a run that breaks a promise.")
    parser.add_argument("--minutes", type=_minutes, default=10.0, help="how long to look (default: 10)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--plan", metavar="FEED", help="a GTFS folder or zip, or tainan:ROUTE (else: two demo trucks)")
    where.add_argument("--scenario", metavar="FILE", help="the area, hours and people of this scenario")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws other runs")
    parser.add_argument("--jobs", type=_jobs, default=os.cpu_count() or 1, help="runs at once (default: one a core)")
    parser.add_argument("--shorter", type=int, default=MOST_TRIES, metavar="N",
                        help=f"how many runs making it shorter may take (default: {MOST_TRIES})")  # fmt: skip
    parser.add_argument("--into", type=Path, default=Path(), help="the folder of what is found (default: here)")
    return parser


def _minutes(text: str) -> float:
    value = float(text)
    if not 0 <= value <= MOST_MINUTES:
        raise argparse.ArgumentTypeError(f"must be between 0 and {MOST_MINUTES}")
    return value


def _jobs(text: str) -> int:
    value = int(text)
    if not 1 <= value <= MOST_JOBS:
        raise argparse.ArgumentTypeError(f"must be between 1 and {MOST_JOBS}")
    return value
