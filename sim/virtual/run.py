"""A whole scenario in virtual time: build the area, play the hours, settle, judge."""

import gc
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sim.judging.judge import judge
from sim.judging.outcome import Outcome
from sim.scenario.director import Director
from sim.scenario.scenario import DAY_S, Scenario
from sim.scenario.scenes.choice import scene_of
from sim.scenario.schema import SENSORS
from sim.virtual.devices import VirtualPlant
from sim.world.evidence import Evidence
from sim.world.timeline import Timeline

SETTLE_S = 900.0  # after the last hour: links are whole, and what is owed must arrive
NIGHT_S = 3 * 3600  # in which nothing is owed
PACE_S = 0.02
PARKED_SAYS_EVERY = 3  # of a truck that says where it stands each 4 s: less than 15 s of silence is none
SWEPT_EACH = 100_000  # objects made and not gone
PARTS = 200  # so often a run that is as fast as it can says how far it is
MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 - a run commits thousands of times; memory spares the disk


@contextmanager
def _seldom_swept() -> Iterator[None]:
    """What a run makes it keeps as evidence, or has no cycles: looking for those again and again finds nothing."""
    usual = gc.get_threshold()
    gc.set_threshold(SWEPT_EACH)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that is gone afterwards, in memory where the machine offers it."""
    where = MEMORY_FOLDER if MEMORY_FOLDER.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="zhanpai-sim-", dir=where) as folder:
        yield Path(folder)


def play(
    scenario: Scenario,
    speed: float | None = None,
    watch: Callable[[float], None] = lambda _: None,
    settle_s: float = SETTLE_S,
    nightly: Callable[[VirtualPlant, int], None] | None = None,
) -> Outcome:
    """Play the scenario and judge it; `speed` None is as fast as possible, else that many times as fast as life.

    `watch` is told again and again which share of the time is played; `settle_s` is what goes on after the last hour.
    `nightly` sees the plant in the night after each day, and after the last one when all is settled, with its number.
    Raises ScenarioError or DataAbsentError before anything starts.
    """
    began = time.perf_counter()
    scene = scene_of(scenario)
    timeline = Timeline(float(scene.day_start_at + scenario.from_s))
    end_at = float(scene.day_start_at + scenario.until_s)
    evidence = Evidence(timeline.start_at, end_at, float(scene.day_start_at))
    director = Director(scenario, scene, timeline, evidence, PARKED_SAYS_EVERY)
    with scratch_folder() as folder, _seldom_swept():
        plant = VirtualPlant(
            timeline, scene.plan, director.truck_ids, folder, evidence, scenario.seed,
            director.lamp_shown, director.itinerary_shown, SENSORS[scenario.world["sensors"]],
            scenario.world["unit_slow_clock"],
        )  # fmt: skip
        try:
            director.begin(plant)
            plant.start()
            if nightly is not None:
                for day in range(1, scenario.days + 1):
                    night_at = scene.day_start_at + day * DAY_S + NIGHT_S
                    timeline.at(min(night_at, end_at + settle_s / 2), partial(nightly, plant, day))
            actions = _run(timeline, end_at + settle_s, speed, watch)
            plant.collect(evidence)
        finally:
            plant.close()
    verdicts = tuple(judge(evidence, scenario.demands))
    return Outcome(scenario, verdicts, evidence, plant.mqtt.count, actions, time.perf_counter() - began)


def _run(timeline: Timeline, end_at: float, speed: float | None, watch: Callable[[float], None]) -> int:
    began, actions = time.monotonic(), 0
    length_s = end_at - timeline.start_at
    while timeline.now < end_at:
        until_at = timeline.now + length_s / PARTS
        if speed is not None:
            until_at = timeline.start_at + (time.monotonic() - began) * speed
        actions += timeline.run_until(min(end_at, until_at))
        watch((timeline.now - timeline.start_at) / length_s)
        if speed is not None:
            time.sleep(PACE_S)
    return actions
