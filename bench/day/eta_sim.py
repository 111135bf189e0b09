"""Lamp leads and arrival errors in a world of trucks: beside an oracle, in strange worlds, cold, and what it costs.

    python3 -m bench eta_sim -- [SEEDS] [LEARN_DAYS] [SCORE_DAYS] [--jobs N] [--only PART ...]   (default 3 10 25)

PARTS: main (against an oracle that knows the true means and today's bins, constant speed and timetable + delay; bands;
by what a prediction rested on; beside it the ceiling: a counter, who is told the means and sees the bins as they were
counted, and a pupil, who has seen no more than the bridge and learns as well as can be), lanes (blocked lanes that
make second visits), strange (worlds with effects that no model knows, and what the pupil loses there), cold (the first
week from nothing, the first guesses right and wrong by 30 %), cost (memory, time).
Each goal stands beside its figure. The world and the scores are those of the tests.
"""

import argparse
import sys
import time
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from itertools import chain
from random import Random
from typing import Any

from bench import goals
from broker.rules.arrival.prediction import predict
from broker.rules.learning.history import History
from broker.rules.settings import FirstStay, Streets
from broker.rules.tracking.tracker import RunTracker
from broker.rules.tracking.types import GpsFix
from tests.support.arrival.effects import Effects, NewDriver, RoadWorks, StaysTogether, WeatherDays
from tests.support.arrival.runs import CALL_AT_S, run_trip, run_world, visits_of
from tests.support.arrival.scores import Scores
from tests.support.arrival.truck_table import (
    apart,
    band_goals,
    ceiling,
    cold_goals,
    kinds,
    lost_goal,
    main_goals,
    row,
    together,
)
from tests.support.arrival.world import ORDINARY, WASTE, fixes, make_route, make_trip

PARTS = ("main", "lanes", "strange", "cold", "cost")
STRANGE_DAYS, COLD_DAYS, LANES_SHARE = 10, 7, 0.4
RIGHT_SPEED_MPS, RIGHT_SETUP_S, RIGHT_BIN_S, RIGHT_BINS = 5.5, 67.0, 24.0, 5.5  # the world's means, lights and all
GUESSES = {"guesses right": (1.0, 1.0), "speed 30 % too high, stays too short": (1.3, 0.7),
           "speed 30 % too low, stays too long": (0.7, 1.3)}  # fmt: skip
ROUTES_MANY = 100


@dataclass(frozen=True, slots=True)
class Job:
    """One world to be played."""

    name: str
    seed: int
    learn_days: int
    score_days: int
    effects: Effects = ORDINARY
    skips: float = 0.0
    guess: tuple[float, float] | None = None
    quick: bool = True  # the days that are learnt teach no bands


def play(job: Job) -> Scores:
    """Play it."""
    history = None
    if job.guess is not None:
        speed, stays = job.guess
        first = FirstStay(RIGHT_SETUP_S * stays, RIGHT_BIN_S * stays, RIGHT_BINS)
        history = History(Streets(speed_mps=RIGHT_SPEED_MPS * speed), first)
    return run_world(
        job.seed, job.learn_days, job.score_days, CALL_AT_S, job.effects, job.skips, history, quick=job.quick,
        ceiling=job.guess is None and not job.skips,
    )  # fmt: skip


def jobs(parts: Sequence[str], seeds: int, learn_days: int, score_days: int) -> Iterator[Job]:
    """All worlds that are needed."""
    strange = {
        "weather days": WeatherDays(), "a new driver": NewDriver(learn_days), "road works": RoadWorks(learn_days),
        "stays together": StaysTogether(),
    }  # fmt: skip
    for seed in range(1, seeds + 1):
        if "main" in parts:
            yield Job("main", seed, learn_days, score_days, quick=False)
        if "strange" in parts:
            yield Job("usual", seed, learn_days, STRANGE_DAYS)
            for name, effects in strange.items():
                yield Job(name, seed, learn_days, STRANGE_DAYS, effects)
        if "lanes" in parts:
            yield Job("lanes", seed, learn_days, STRANGE_DAYS, skips=LANES_SHARE)
        if "cold" in parts:
            for name, guess in GUESSES.items():
                yield Job(name, seed, 0, COLD_DAYS, guess=guess)


def report(played: Mapping[str, Mapping[int, Scores]]) -> Iterator[str]:
    """The tables, each goal beside its figure."""
    if main := played.get("main"):
        for seed, scores in main.items():
            yield f"seed {seed}, lamp at 16 min: {len(scores.ours.leads)} calls"
            yield row("zhanpai", scores.ours)
            yield row("timetable+delay", scores.plan)
            yield row("constant speed", scores.speed)
            yield row("oracle", scores.oracle)
            yield row("seer (the day too)", scores.seer)
            yield row("counter", scores.counter)
            yield row("pupil", scores.pupil)
            yield from _seen(scores)
        ours, oracle, counter, pupil = (
            together([getattr(one, name) for one in main.values()]) for name in ("ours", "oracle", "counter", "pupil")
        )
        yield "all seeds"
        yield kinds(ours) + "\n  oracle\n" + kinds(oracle)
        yield apart("zhanpai", ours)
        yield apart("oracle", oracle)
        yield f"    never predicted {ours.unpredicted}, never called {ours.leads.count(None)} of {len(ours.leads)}"
        yield from main_goals(ours, oracle)
        yield from ceiling(ours, counter, pupil, oracle)
        yield from band_goals(main)
    if lanes := played.get("lanes"):
        ours = together([one.ours for one in lanes.values()])
        yield f"blocked lanes with second visits on {LANES_SHARE:.0%} of the runs"
        yield row("zhanpai", ours) + "\n" + kinds(ours)
        yield f"    never predicted {ours.unpredicted}; {ours.never_true} of {ours.called} calls never came true"
    if usual := played.get("usual"):
        share, best = (
            together([getattr(one, who) for one in usual.values()]).share(13.5, 19.5) for who in ("ours", "pupil")
        )
        yield f"what no model knows of, {STRANGE_DAYS} days scored, 13.5-19.5 in the ordinary world {share:.1%}"
        for name in ("weather days", "a new driver", "road works", "stays together"):
            here, seer, pupil_here = (
                together([getattr(one, who) for one in played[name].values()]).share(13.5, 19.5)
                for who in ("ours", "seer", "pupil")
            )
            yield lost_goal(name, share, here, seer, 100 * (best - pupil_here))
    if GUESSES.keys() & played.keys():
        yield "the first week from nothing"
        for name in GUESSES:
            ours = together([one.ours for one in played[name].values()])
            yield from cold_goals(name, ours, range(COLD_DAYS))


def _seen(scores: Scores) -> Iterator[str]:
    errors, held = sorted(abs(each) for each in scores.arrival_errors_s), scores.held
    shown = sorted(held.shown_after_s)
    yield (
        f"  arrivals seen {scores.arrivals_seen}/{scores.arrivals}, off by p95 {errors[int(0.95 * len(errors))]:.0f} s"
        f" | held: {len(shown)} blocked lanes shown after at most {shown[-1] if shown else 0:.0f} s, {held.missed} not"
        f" shown, {held.silent} silent; remaining time fell {held.fell} of {held.watched} times"
    )


def cost() -> Iterator[str]:
    """What knowledge weighs, and what a position costs."""
    for routes in (4, ROUTES_MANY):
        first_kib, second_kib = memory_kib(routes)
        yield f"memory after 1,000 runs on {routes} routes {first_kib:.0f} KiB, {second_kib:+.0f} for 1,000 more"
    took_ms = position_ms()
    yield goals.said("eta_sim/fix", took_ms)[1]


class _Tape(History):
    """Keeps what it is taught."""

    def __init__(self) -> None:
        super().__init__(Streets(), FirstStay())
        self.tape: list[tuple[str, Any, dict[str, Any]]] = []
        for name in [name for name in dir(History) if name.startswith("learn")]:
            setattr(self, name, self._kept(name, getattr(self, name)))

    def _kept(self, name: str, teach: Any) -> Any:
        def learn(record: Any, **how: Any) -> None:
            self.tape.append((name, record, how))
            teach(record, **how)

        return learn


def memory_kib(routes: int, runs: int = 1000) -> tuple[float, float]:
    """How much a history holds after so many runs on so many routes, and what as many again add."""
    tape, random, days = _Tape(), Random(1), 3
    worlds = [make_route(number, random) for number in range(4)]
    for day in range(days):
        for world in worlds:
            run_trip(make_trip(world, day, random), tape, random, None, CALL_AT_S)
    lasting = [one for one in tape.tape if "error" not in one[0]]
    tracemalloc.start()
    before, history, kib = tracemalloc.get_traced_memory()[0], History(Streets(), FirstStay()), []
    for name, record, how in tape.tape:  # of errors so many are kept and no more: these fill the bands
        if "error" in name:
            getattr(history, name)(record, **how)
    repeats = runs // (days * len(worlds))
    for half in range(2):
        for repeat in range(half * repeats, (half + 1) * repeats):
            for name, record, how in lasting:
                getattr(history, name)(_elsewhere(record, repeat % max(1, routes // len(worlds))), **how)
        kib.append((tracemalloc.get_traced_memory()[0] - before) / 1024)
    tracemalloc.stop()
    return kib[0], kib[1] - kib[0]


def _elsewhere(record: Any, copy: int) -> Any:
    """The same record of another route with rooms and streets of its own."""
    names = {each.name for each in fields(record)} & {"route_id", "from_room", "to_room", "room_id", "cells"}
    return replace(record, **{name: _named(getattr(record, name), copy) for name in names})


def _named(value: Any, copy: int) -> Any:
    if isinstance(value, str):
        return f"{value}-{copy}" if value else value  # a start has no name
    return tuple(f"{each}-{copy}" for each in value)


def position_ms(rounds: int = 40) -> float:
    """Milliseconds of processor for one position of a truck that owes all its visits, with each predicted anew."""
    random = Random(1)
    world = make_route(0, random)
    history = History(Streets(), FirstStay())
    for day in range(3):
        run_trip(make_trip(world, day, random), history, random, None, CALL_AT_S, quick=True)
    trip = make_trip(world, 3, random)
    sent = [GpsFix(*fix) for fix in fixes(trip, random) if fix[0] <= trip.arrived_at[0] - 60]
    bins = {(room_id, WASTE): count for room_id, count in trip.counted.items()}
    took_s = 0.0
    for _ in range(rounds):
        tracker = RunTracker("run", world.route, "t01", visits_of(trip), trip.planned_at[0], history.streets)
        began_s = time.process_time()
        for fix in sent:
            tracker.on_fix(fix)
            predict(tracker, history, bins, fix.fix_at)
        took_s += time.process_time() - began_s
    return 1000 * took_s / (rounds * len(sent))


def main() -> int:
    """Print the tables; 1 where a goal is missed."""
    top = argparse.ArgumentParser(prog="python3 -m bench eta_sim", description=__doc__.partition("\n")[0])
    top.add_argument("numbers", nargs="*", type=int, metavar="SEEDS LEARN_DAYS SCORE_DAYS")
    top.add_argument("--jobs", type=int, default=2, help="processes")
    top.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    args = top.parse_args()
    seeds, learn_days, score_days = (args.numbers + [3, 10, 25][len(args.numbers) :])[:3]
    todo, played, missed = list(jobs(args.only, seeds, learn_days, score_days)), dict[str, dict[int, Scores]](), 0
    with ProcessPoolExecutor(args.jobs) as pool:
        for job, scores in zip(todo, pool.map(play, todo), strict=True):
            played.setdefault(job.name, {})[job.seed] = scores
    print(f"{seeds} seeds, {learn_days} days learnt, {score_days} scored")
    for line in chain(report(played), cost() if "cost" in args.only else ()):
        print(line, flush=True)
        missed += "  MISSED" in line or "  DOUBT" in line
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
