"""Plays the week anew and writes it here: takes minutes, and is done when what a record holds has changed.

    .venv/bin/python -m sim.demo_week.making
"""

import lzma
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from broker.store import codec
from broker.store.opening import reading_store
from broker.web.stream.changes import Parts, applied, change, parts_of
from sim.demo_week.files import PICTURES, RECORDS
from sim.judging.judges import judge
from sim.scenario.director import Director
from sim.scenario.scenario import DAY_S, Happening, Scenario, day_s, load
from sim.scenario.scenes import scene_of
from sim.scenario.schema import HAPPENINGS
from sim.virtual.devices import VirtualPlant
from sim.virtual.run import SETTLE_S, scratch_folder
from sim.world.evidence import Evidence
from sim.world.timeline import Timeline

SCENARIO = Path(__file__).with_name("week.toml")
PICTURE_EVERY_S = 30  # what is shown in between is the one before: playback bears a minute
STEP_S = 600.0
# What goes wrong: (day, time, event, values); a scenario file has events of its first day only.
TROUBLES: tuple[tuple[int, str, str, dict[str, Any]], ...] = (
    (0, "06:20", "lane_blocked", {"room": "r05", "for_min": 30.0}),
    (1, "07:10", "gps_gap", {"truck": "t02", "for_min": 6.0}),
    (2, "07:20", "lane_blocked", {"room": "r13", "for_min": 45.0}),
    (2, "08:10", "link_cut", {"device": "t02", "for_min": 9.0}),
    (3, "06:40", "lane_blocked", {"room": "r19", "for_min": 20.0}),
    (4, "08:00", "power_cut", {"device": "r09", "for_min": 15.0}),
    (5, "07:00", "lane_blocked", {"room": "r21", "for_min": 35.0}),
    (6, "06:15", "lane_blocked", {"room": "r03", "for_min": 40.0}),
    (6, "07:30", "gps_gap", {"truck": "t04", "for_min": 4.0}),
)


def scenario() -> Scenario:
    """The week with its troubles."""
    found = load(str(SCENARIO))
    happenings = [
        Happening(kind, day * DAY_S + day_s(at, at), {name: values.get(name, key.default) for name, key in
                                                      HAPPENINGS[kind].items()})
        for day, at, kind, values in TROUBLES
    ]  # fmt: skip
    return replace(found, happenings=tuple(happenings))


def make(folder: Path, played: Scenario) -> list[str]:
    """Play it in `folder` and write the two files; what does not hold of it."""
    scene = scene_of(played)
    timeline = Timeline(float(scene.day_start_at + played.from_s))
    end_at = float(scene.day_start_at + played.until_s)
    evidence = Evidence(timeline.start_at, end_at, float(scene.day_start_at))
    director = Director(played, scene, timeline, evidence)
    plant = VirtualPlant(
        timeline, scene.plan, director.truck_ids, folder, evidence, played.seed, director.lamp_shown,
        director.itinerary_shown,
    )  # fmt: skip
    pictures = _Pictures(plant)
    last_day_at = scene.day_start_at + (played.days - 1) * DAY_S + played.from_s
    try:
        director.begin(plant)
        plant.start()
        timeline.at(last_day_at, lambda: timeline.every(PICTURE_EVERY_S, lambda: pictures.look(timeline.now)))
        while timeline.now < end_at + SETTLE_S:
            timeline.run_until(min(end_at + SETTLE_S, timeline.now + STEP_S))
            if sys.stderr.isatty():
                print(f"\r{(timeline.now - timeline.start_at) / (end_at - timeline.start_at):4.0%}", end="")
        plant.collect(evidence)
    finally:
        plant.close()
    with reading_store(folder / "store", scene.plan.area_id, scene.plan.timezone, lambda: end_at) as store:
        records = (record for kind in store.kinds() for record in store.scan(kind, amended=False))
        _write(RECORDS, (codec.encode(record) + b"\n" for record in records))
    _write(PICTURES, pictures.lines)
    return [fault for verdict in judge(evidence, played.demands) for fault in verdict.faults]


class _Pictures:
    """What the screen of the last day showed, as changes from one to the next."""

    def __init__(self, plant: VirtualPlant) -> None:
        self.lines: list[bytes] = []
        self._plant = plant
        self._parts: Parts = {}

    def look(self, now: float) -> None:
        """Keep what it shows now, if there is a screen."""
        picture = self._plant.picture(now)
        if picture is not None:
            told = change(self._parts, parts_of(picture), int(now))
            self._parts = applied(self._parts, told)
            self.lines.append(orjson.dumps(told) + b"\n")


def _write(path: Path, lines: Iterable[bytes]) -> None:
    with lzma.open(path, "wb", preset=9) as file:
        for line in lines:
            file.write(line)


def main() -> int:
    """Make the week; 1 if what is expected of it does not hold."""
    with scratch_folder() as folder:
        faults = make(folder, scenario())
    for path in (RECORDS, PICTURES):
        print(f"{path}: {path.stat().st_size} bytes")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
