"""When something happens on a day on which nothing goes wrong: near those moments it is worth going wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sim.scenario.scenario import Scenario
from sim.scenario.scenes.choice import runs_of, scene_of
from sim.virtual.run import play
from sim.world.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Area:
    """Where the search plays: each truck's trips, rooms and their waste; what happens with each device when.

    The moments are seconds of the day, under a word for what happens.
    """

    trips: Mapping[str, Sequence[str]]
    visits: Mapping[str, Sequence[tuple[str, str]]]
    moments: Mapping[str, Mapping[str, Sequence[float]]]


def area_of(base: Scenario) -> Area:
    """The area of the search, as it is on a quiet day."""
    trips = {truck: [run.plan.trip_id for run in runs] for truck, runs in runs_of(scene_of(base), base).items()}
    evidence = play(base, settle_s=0.0).evidence
    visits: dict[str, list[tuple[str, str]]] = {}
    for truck, room, waste in evidence.planned:
        visits.setdefault(truck, []).append((room, waste))
    return Area(trips, visits, _moments(evidence, {*visits, *(room for rooms in visits.values() for room, _ in rooms)}))


def _moments(evidence: Evidence, devices: set[str]) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {device: {} for device in devices}

    def note(device: str, what: str, at: float | None) -> None:
        if device in found and at is not None and at < evidence.end_at:
            found[device].setdefault(what, []).append(round(at - evidence.day_start_at, 3))

    for device in devices:
        note(device, "begins", evidence.start_at)
    for name, at in evidence.recorded.items():
        note(name.split(":")[0], f"keeps a record of {evidence.recorded_kind[name]}", at)
    for heard in evidence.heard:
        note(heard.by, f"hears an {heard.channel}", heard.at)
    for change in evidence.lamps:
        note(change.room, f"shows {change.shown}", change.at)
    for visit in evidence.visits:
        for device in (visit.truck, visit.room):
            note(device, "a truck comes", visit.arrived_at)
            note(device, "a truck leaves", visit.left_at)
    return found
