"""Plays the week anew and writes it here: takes minutes, and is done when what a record holds has changed.

    python3 -m sim.demo_week.making

A day is played on what the days before left: the record, what was learned, the trucks' outboxes. At night all is
switched off. What trucks load is weighed at the transfer station, and somebody sees the alarms. The readings of bins
are left out of what is kept, and the positions of all days but the last, which can be played back: four in five.
"""

from firmware import environment

if __name__ == "__main__":
    environment.enter(*environment.TRUCK, *environment.SERVER)

import lzma
import random
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from broker.plan.calendar import day_start_at
from broker.store import codec
from broker.store.opening import reading_store
from broker.web.stream.changes import Parts, applied, change, parts_of
from broker.web.view.picture import Picture
from sim.demo_week.files import BOOTS_A_DAY, FIRST_DAY, LAST_DAY, PICTURES, RECORDS
from sim.demo_week.people import SEEN_AFTER_S, Station
from sim.judging.judge import judge
from sim.scenario.director import Director
from sim.scenario.scenario import Happening, Scenario, day_s, load
from sim.scenario.scenes.choice import scene_of
from sim.scenario.schema import HAPPENINGS
from sim.virtual.devices import VirtualPlant
from sim.virtual.run import SETTLE_S, scratch_folder
from sim.world.evidence import Evidence
from sim.world.timeline import Timeline

SCENARIO = Path(__file__).with_name("week.toml")
PICTURE_EVERY_S = 60  # playback bears a minute without a word
KINDS = (
    "alarm", "call", "dwell", "error", "incident", "keeper", "lamp", "leg", "life", "run", "start",
    "visit", "weighing", "workflow",
)  # fmt: skip
OF_LAST_DAY = ("fix",)
TROUBLES: Mapping[int, Sequence[tuple[str, str, dict[str, Any]]]] = {  # day: what goes wrong on it
    0: [("06:20", "lane_blocked", {"room": "r05", "for_min": 30.0})],
    1: [("07:10", "gps_gap", {"truck": "t02", "for_min": 6.0})],
    2: [
        ("07:20", "lane_blocked", {"room": "r13", "for_min": 45.0}),
        ("08:10", "link_cut", {"device": "t02", "for_min": 9.0}),
    ],
    3: [
        ("06:40", "lane_blocked", {"room": "r19", "for_min": 20.0}),
        ("06:20", "lane_blocked", {"room": "r05", "for_min": 20.0}),  # again and again: a case is suggested
    ],
    4: [("08:00", "power_cut", {"device": "r09", "for_min": 15.0})],
    5: [
        ("07:00", "lane_blocked", {"room": "r21", "for_min": 35.0}),
        ("06:20", "lane_blocked", {"room": "r05", "for_min": 25.0}),
    ],
    6: [
        ("06:15", "lane_blocked", {"room": "r03", "for_min": 40.0}),
        ("07:30", "gps_gap", {"truck": "t04", "for_min": 4.0}),
    ],
}


def days() -> list[Scenario]:
    """The days of the week, each with its own dice and its troubles."""
    usual = load(str(SCENARIO))
    return [
        replace(usual, date=FIRST_DAY + timedelta(days=day), seed=usual.seed + day, happenings=tuple(
            Happening(kind, float(day_s(at, at)), {name: values.get(name, key.default) for name, key in
                                                   HAPPENINGS[kind].items()})
            for at, kind, values in TROUBLES[day]
        ))
        for day in range((LAST_DAY - FIRST_DAY).days + 1)
    ]  # fmt: skip


def play(folder: Path, day: Scenario, boots: int, pictures: "Pictures | None") -> list[str]:
    """Play a day on what the days before it left in `folder`; what does not hold of it."""
    scene = scene_of(day)
    timeline = Timeline(float(scene.day_start_at + day.from_s))
    end_at = float(scene.day_start_at + day.to_s)
    evidence = Evidence(timeline.start_at, end_at, float(scene.day_start_at))
    director = Director(day, scene, timeline, evidence)
    plant = VirtualPlant(
        timeline, scene.plan, director.truck_ids, folder, evidence, day.seed, director.lamp_shown,
        director.itinerary_shown, boots=boots,
    )  # fmt: skip
    try:
        director.begin(plant)
        plant.start()
        station = Station(evidence, random.Random(f"{day.seed} station"))
        timeline.every(60.0, lambda: station.look(plant.dispatcher, timeline.now))
        timeline.every(60.0, lambda: plant.dispatcher.see_alarms(timeline.now - SEEN_AFTER_S))
        timeline.at(end_at, lambda: station.look(plant.dispatcher, timeline.now, closes=True))
        if pictures is not None:
            timeline.every(PICTURE_EVERY_S, lambda: pictures.look(plant.picture(timeline.now), timeline.now))
        timeline.run_until(end_at + SETTLE_S)
        plant.collect(evidence)
    finally:
        plant.close()
    evidence.stored = [record for record in evidence.stored if record.at >= timeline.start_at]
    return [f"{day.date}: {fault}" for verdict in judge(evidence, day.demands) for fault in verdict.faults]


def make(folder: Path) -> list[str]:
    """Play the week in `folder` and write the two files; what does not hold of it."""
    faults, pictures, week = list[str](), Pictures(), days()
    for number, day in enumerate(week):
        of_day = play(folder, day, number * BOOTS_A_DAY, pictures if day is week[-1] else None)
        print(day.date, *of_day, sep="\n    ", flush=True)
        faults += of_day
    plan = scene_of(week[-1]).plan
    with reading_store(folder / "store", plan.area_id, plan.timezone, time.time) as store:
        last_at = day_start_at(plan, LAST_DAY)
        kept = (record for kind in KINDS for record in store.scan(kind, amended=False))
        of_last_day = (record for kind in OF_LAST_DAY for record in store.scan(kind, from_at=last_at, amended=False))
        _write(RECORDS, (codec.encode(record) + b"\n" for record in chain(kept, of_last_day)))
    _write(PICTURES, pictures.lines)
    return faults


class Pictures:
    """What the screen of a day showed, as changes from one to the next."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self._parts: Parts = {}

    def look(self, picture: Picture | None, now: float) -> None:
        """Keep what it shows now, if there is a screen."""
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
        faults = make(folder)
    for path in (RECORDS, PICTURES):
        print(f"{path}: {path.stat().st_size} bytes")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
