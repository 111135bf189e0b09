"""A scenario made from nothing but a plan: a day on which nothing breaks, and what must be true of it."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from broker.plan.calendar import next_day, service_runs, service_span
from broker.plan.demo_area import SPEED_MPS
from broker.plan.model import Plan, RunPlan
from sim.scenario.scenario import DAY_S, Scenario, ScenarioError, scenario_of
from sim.scenario.scenes.feed import plan_of_feed
from sim.scenario.scenes.tainan import tainan_plan

BEFORE_S = 25 * 60  # the first lamp is due a quarter of an hour before its truck
AFTER_S = 45 * 60
TAINAN = "tainan:"


def town(name: str, day: date | None, runs: Sequence[str], today: date) -> Scenario:
    """A day of the plan: `name` is a GTFS folder or zip, or `tainan:` and a route.

    Without a day the next one on which something runs, from today on, and else the last one. Raises ScenarioError.
    """
    if name.startswith(TAINAN):
        area: dict[str, Any] = {"kind": "tainan", "route": name.removeprefix(TAINAN)}
        plan = tainan_plan(area["route"])
    else:
        area = {"kind": "feed", "plan": name, "runs": list(runs)}
        plan = plan_of_feed(name)
    unknown = [run for run in runs if run not in plan.runs]
    if unknown:
        some = " ".join(sorted(plan.runs)[:12])
        raise ScenarioError(f"{name}: there are no runs {' '.join(unknown)}; there are {some} ...")
    day = day or _day(plan, runs, today)
    chosen = [run for run in service_runs(plan, day) if not runs or run.trip_id in runs]
    if not chosen:
        raise ScenarioError(f"{name}: nothing of this runs on {day}; say another --date")
    from_s = max(0, round(min(map(_departs_s, chosen))) - BEFORE_S)
    to_s = max(run.visits[-1].leave_day_s for run in chosen) + AFTER_S
    if to_s - from_s > DAY_S:
        raise ScenarioError(f"{name}: its runs of {day} take more than 24 hours; name some of them with --runs")
    trucks = sorted({run.truck_id for run in chosen})
    about = f"{plan.name} on {day}; runs: {len(chosen)}, trucks: {len(trucks)}."
    return _scenario(about, day, from_s, to_s, area, trucks)


def _scenario(about: str, day: date, from_s: int, to_s: int, area: dict[str, Any], trucks: Sequence[str]) -> Scenario:
    expected = [
        {"kind": "visits_served"},
        {"kind": "one_call_per_visit"},
        {"kind": "lamp_lit_before_arrival"},
        {"kind": "lamp_off_after_departure"},
        *({"kind": "positions_true", "truck": truck} for truck in trucks),
        {"kind": "records_stored_once"},
    ]
    head = {"about": about, "date": day.isoformat(), "from": _time(from_s), "to": _time(to_s)}
    return scenario_of({"scenario": head, "area": area, "expect": expected}, "town", "--plan")


def _departs_s(run: RunPlan) -> float:
    return run.visits[0].arrive_day_s - run.visits[0].distance_m / SPEED_MPS


def _day(plan: Plan, runs: Sequence[str], today: date) -> date:
    """The next day on which something of this runs, from today on, else the last one."""
    services = [plan.services[run.service_id] for run in plan.runs.values() if not runs or run.trip_id in runs]
    to_come = [day for service in services if (day := next_day(service, today - timedelta(days=1))) is not None]
    if to_come:
        return min(to_come)
    gone = [span.last for service in services if (span := service_span(service)) is not None]
    if not gone:
        raise ScenarioError(f"{plan.name}: nothing of this runs on any day; look at its calendar.txt")
    return max(gone)


def _time(of_day_s: int) -> str:
    return f"{of_day_s // 3600:02d}:{of_day_s // 60 % 60:02d}:{of_day_s % 60:02d}"
