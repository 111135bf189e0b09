"""A day on record as something to practise on: its plan, how it was driven, what waited where, what broke when.

Nothing of it is made up where the record says it: departures, the driving of each stretch of a line and each way from
room to room, stays, bins and their weight. What people did then is in `hands`.
"""

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from broker.plan.calendar import day_start_at, service_runs
from broker.plan.demo_area import demo_plan
from broker.plan.model import Plan, Vehicle
from broker.store import Store
from broker.store.days import Days
from broker.store.opening import reading_store
from firmware.wire import WASTES
from sim.practice.driven_then import Body, driven_then
from sim.practice.score import Score, score_of
from sim.scenario.scenario import Scenario, ScenarioError, scenario_of
from sim.scenario.scenes.feed import plan_of_feed
from sim.scenario.scenes.scene import Scene
from sim.virtual.run import SETTLE_S
from sim.world.bins import TARE_GRAMS
from sim.world.road.driven import Driven

BEFORE_S, AFTER_S = 25 * 60, 5 * 60  # the first lamp is due a quarter of an hour before its truck
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class StoredDay:
    """A day of an area's record: what is played of it, and the newest of each visit and press, by their keys."""

    scenario: Scenario
    scene: Scene
    visits: Mapping[str, Body]
    presses: Mapping[str, Sequence[Body]]  # each version of one, in their order
    keepers: Sequence[Body]  # what they said with their buttons
    fixes: Mapping[str, Sequence[Body]]  # truck
    runs: Mapping[str, Body]


def on_record(data: Path, feed: str | None, day: date, seed: int) -> tuple[StoredDay, Score]:
    """The day of a record in a folder, and what it cost by that record.

    Raises ScenarioError where nothing of it can be played, StoreError for a record that cannot be read.
    """
    plan = demo_plan() if feed is None else plan_of_feed(feed)
    folder = next((data / name for name in ("records", "store") if (data / name).is_dir()), data)
    with reading_store(folder, plan.area_id, plan.timezone, time.time) as store:
        found = stored_day(plan, store, day, seed)
        start_at, end_at = (found.scene.day_start_at + of_s for of_s in (found.scenario.from_s, found.scenario.until_s))
        return found, score_of(store, start_at, round(end_at + SETTLE_S), plan.timezone)


def stored_day(plan: Plan, store: Store, day: date, seed: int) -> StoredDay:
    """The day as it is on record; raises ScenarioError where nothing of it can be played."""
    from_at, to_at = Days(plan.timezone).span(day.isoformat(), day.isoformat())

    def bodies(kind: str) -> list[tuple[str, Body]]:
        return [(record.key, record.body) for record in store.scan(kind, from_at, to_at)]

    runs: dict[str, Body] = {}
    for key, body in bodies("run"):
        runs.setdefault(key, body)
    visits = dict(bodies("visit"))
    presses: dict[str, list[Body]] = defaultdict(list)
    for key, body in bodies("workflow"):
        presses[key].append(body)
    fixes: dict[str, list[Body]] = defaultdict(list)
    for key, body in bodies("fix"):
        if body["fix_at"] is not None and body["lat"] is not None:
            fixes[key].append(body)
    for of_truck in fixes.values():
        of_truck.sort(key=lambda body: (body["fix_at"], body["boot"], body["seq"]))
    plan = _as_driven(plan, day, runs)
    driven = driven_then(plan, day, visits, fixes, presses)
    if not driven.departs_at:
        raise ScenarioError(f"{day}: nothing of this day can be practised: its record has no run with visits and fixes")
    ends = [at for body in visits.values() for at in (body["arrived_at"], body["left_at"]) if at is not None]
    from_s = math.floor(max(0.0, min(driven.departs_at.values()) - day_start_at(plan, day) - BEFORE_S))
    to_s = max(ends) - day_start_at(plan, day) + AFTER_S
    drove = {run.truck_id for run in service_runs(plan, day)}
    ready = sorted(({*fixes} | {*plan.vehicles}) - drove)  # whom a dispatcher may ask
    scenario = _scenario(plan, day, from_s, min(to_s, from_s + DAY_S - 1), seed, ready)
    keepers = [body for _, body in bodies("keeper")]
    return StoredDay(scenario, _scene(plan, day, visits, driven, ready), visits, presses, keepers, fixes, runs)


def _as_driven(plan: Plan, day: date, runs: Mapping[str, Body]) -> Plan:
    """The plan of the day: the runs that the record knows, each on the truck that it began with."""
    named = {run.trip_id: f"{run.trip_id}.{day:%Y%m%d}" for run in service_runs(plan, day)}
    trucks = {trip: runs[run_id]["truck"] for trip, run_id in named.items() if run_id in runs}
    return replace(plan, runs={trip: replace(plan.runs[trip], truck_id=truck) for trip, truck in trucks.items()})


def _scene(
    plan: Plan, day: date, visits: Mapping[str, Body], driven: Driven, ready: Iterable[str]
) -> Scene:
    """The area with the bins that stood there before each room's first visit."""
    bins: dict[tuple[str, str], int] = {}
    grams: dict[tuple[str, str], int] = {}
    for one in sorted(visits.values(), key=lambda one: one["arrived_at"] or math.inf):
        where = one["room"], one["waste"]
        if where not in bins and one["bins_before"] is not None:
            bins[where] = one["bins_before"]
            if one["grams_before"] is not None:
                grams[where] = waste_grams(one)
    plan = replace(plan, vehicles={**{truck: Vehicle(truck, WASTES) for truck in ready}, **plan.vehicles})
    return Scene(plan, bins, day_start_at(plan, day), driven=driven, grams=grams)


def waste_grams(visit: Body) -> int:
    """What lay in the bins before a visit, without the bins."""
    return max(0, int(visit["grams_before"] - visit["bins_before"] * (visit["tare_grams"] or TARE_GRAMS)))


def _scenario(plan: Plan, day: date, from_s: int, to_s: float, seed: int, ready: Sequence[str]) -> Scenario:
    head = {
        "about": f"{plan.name}, {day}", "date": day.isoformat(), "from": _time(from_s), "to": _time(to_s), "seed": seed
    }  # fmt: skip
    world = {"refill": False, "jitter": 0.0}
    served = [{"kind": "visits_served"}]
    document = {"scenario": head, "area": {"standby": list(ready)}, "world": world, "expect": served}
    return scenario_of(document, f"{day}", "--day")


def _time(of_day_s: float) -> str:
    second = int(of_day_s)
    return f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
