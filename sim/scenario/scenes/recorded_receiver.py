"""A recorded GPS receiver as a scene: its own bytes drive the truck's reader, and a route is laid along its track.

What is true is what gpsd made of the same log (`.log.chk`), so our reader is judged by somebody else's. The log's
date is taken as the truck takes it: 1,024 weeks are added until it is not before the program was built.
"""

import datetime
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any

from broker.plan.calendar import day_start_at
from broker.plan.geometry import lengths_m
from broker.plan.model import Estate, Plan, PlannedVisit, Room, Route, RunPlan, Service
from firmware.truck.clock import without_rollover
from sim.scenario.scenario import Scenario, ScenarioError
from sim.scenario.scenes.scene import Recording, Scene
from sim.scenario.scenes.tainan import shared_file
from sim.world.button import Button
from sim.world.devices import TruckUnit
from sim.world.evidence import Evidence
from sim.world.gps.receiver import METRES_PER_DEGREE
from sim.world.road.driving import Path
from sim.world.timeline import Timeline

TRUCK, ROOM, WASTE = "t01", "r01", "residential_wet"
AHEAD_M = 600.0  # the room lies so far beyond the end of the track, straight on
ARRIVES_AFTER_S = 300
THIN_M = 15.0
DEGREES_PER_METRE = 1 / METRES_PER_DEGREE

_TIMED = re.compile(rb"\$..(?:RMC|GGA|GLL),(?:[^,]*,[NS],[^,]*,[EW],)?(\d{2})(\d{2})(\d{2})")


def receiver_scene(scenario: Scenario) -> Scene:
    """The scene of the log named in [area] log; raises DataAbsentError, or ScenarioError if it has no track."""
    name = scenario.area["log"]
    raw = shared_file("nmea", name).read_bytes()
    truth = _truth(shared_file("nmea", name + ".chk").read_text(encoding="utf-8", errors="replace"))
    says = _by_second(raw)
    if len(truth) < 2 or len(says) < 2:
        raise ScenarioError(f"{scenario.name}: {name} has no track")
    line = _line([(lat, lon) for _, lat, lon in truth])
    first_at = without_rollover(truth[0][0])
    day = datetime.datetime.fromtimestamp(first_at, datetime.UTC)
    plan = _plan(line, day.hour * 3600 + day.minute * 60 + day.second)
    recording = Recording(TRUCK, tuple(says), tuple((without_rollover(at), lat, lon) for at, lat, lon in truth))
    return Scene(plan, {(ROOM, WASTE): 3}, day_start_at(plan, scenario.date), recording)


class RecordedTruck:
    """A truck whose receiver is a recording: nobody drives it, its place is what the recording says.

    Its button is a button: whoever sits in it can press.
    """

    state = "recorded"
    errand = None

    def __init__(
        self, recording: Recording, unit: TruckUnit, timeline: Timeline, evidence: Evidence,
        pressed: Callable[[str], None],
    ) -> None:
        """`pressed` is told after each press, with the truck's id."""
        self._recording = recording
        self._unit = unit
        self._timeline = timeline
        self.button = Button(recording.truck, unit, timeline, evidence, pressed)
        evidence.track[recording.truck] = list(recording.truth)

    def start(self) -> None:
        """Play the recording from now on, each second's bytes at its second."""
        for offset_s, data in self._recording.says:
            self._timeline.after(offset_s, lambda data=data: self._unit.serial(data))  # type: ignore[misc]

    @property
    def place(self) -> tuple[float, float]:
        """Latitude and longitude now, as gpsd read them."""
        truth = self._recording.truth
        known = bisect_right(truth, self._timeline.now, key=lambda each: each[0])
        return truth[max(0, known - 1)][1:]

    def read_itinerary(self, body: Mapping[str, Any] | None) -> None:
        """Nobody reads it."""


def _truth(chk: str) -> list[tuple[float, float, float]]:
    """Time and place of every fix gpsd reports."""
    found = []
    for line in chk.splitlines():
        if not line.startswith("{"):
            continue
        report = json.loads(line)
        if report.get("class") == "TPV" and report.get("mode", 0) >= 2 and "time" in report and "lat" in report:
            at = datetime.datetime.fromisoformat(report["time"].replace("Z", "+00:00")).timestamp()
            found.append((at, float(report["lat"]), float(report["lon"])))
    return found


def _by_second(raw: bytes) -> list[tuple[float, bytes]]:
    """The log cut where its time of day changes: (seconds after the first, bytes)."""
    found: list[tuple[float, bytes]] = []
    first_s = now_s = None
    for line in raw.splitlines(keepends=True):
        timed = _TIMED.match(line)
        if timed:
            hours, minutes, seconds = (int(part) for part in timed.groups())
            now_s = hours * 3600 + minutes * 60 + seconds
            first_s = now_s if first_s is None else first_s
        offset_s = 0.0 if now_s is None or first_s is None else float((now_s - first_s) % 86400)
        if found and found[-1][0] == offset_s:
            found[-1] = (offset_s, found[-1][1] + line)
        else:
            found.append((offset_s, line))
    return found


def _line(track: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The track without its wander, and straight on from its end."""
    line = [track[0]]
    for point in track[1:]:
        if Path([line[-1], point]).length_m >= THIN_M:
            line.append(point)
    if len(line) < 2:
        line.append((line[0][0] + THIN_M * DEGREES_PER_METRE, line[0][1]))
    (lat1, lon1), (lat2, lon2) = line[-2], line[-1]
    factor = AHEAD_M / Path([line[-2], line[-1]]).length_m
    return [*line, (lat2 + (lat2 - lat1) * factor, lon2 + (lon2 - lon1) * factor)]


def _plan(line: list[tuple[float, float]], first_day_s: int) -> Plan:
    lat, lon = line[-1]
    length_m = lengths_m(line)[-1]
    arrive_s = first_day_s + ARRIVES_AFTER_S
    visit = PlannedVisit(ROOM, 1, arrive_s, arrive_s + 120, length_m)
    service = Service("daily", (True, True, True, True, True, True, True), "20200101", "20991231")
    return Plan(
        area_id="rec",
        name="where the receiver was recorded",
        timezone="UTC",
        estates={"e01": Estate("e01", "at the end of the track")},
        rooms={ROOM: Room(ROOM, "beyond the track", lat, lon, "e01", (WASTE,))},
        routes={"track": Route("track", "along the track", WASTE, tuple(line))},
        services={"daily": service},
        runs={"track-1": RunPlan("track-1", "track", TRUCK, "daily", (visit,))},
    )
