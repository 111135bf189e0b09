"""What is said on the MQTT of a live run, into the evidence: who is ready, what each was told, what each said."""

from collections.abc import Callable, Container, Mapping
from dataclasses import replace
from typing import Any

from sim.live.clock import SpedClock
from sim.world.evidence import Evidence, Heard

DEVICE_CHANNELS = ("fix", "bins", "incident")


class Overheard:
    """Show it each message, in order."""

    def __init__(
        self, evidence: Evidence, clock: SpedClock, real_trucks: Container[str],
        cab: Callable[[str, Mapping[str, Any] | None], None], lamps: Callable[[str, Any, float], None],
    ) -> None:  # fmt: skip
        """`cab` is shown a real truck's itinerary, `lamps` is told a room's own word for its lamps."""
        self.count = 0
        self.ready: set[str] = set()  # devices that said so
        self._evidence = evidence
        self._clock = clock
        self._real_trucks = real_trucks
        self._cab = cab
        self._lamps = lamps
        self._dated: dict[str, int] = {}  # a real truck's incident: which press that was

    def hear(self, came_s: float, levels: list[str], body: dict[str, Any]) -> None:
        """A message of these levels below the area came at a real monotonic time."""
        at = self._clock.at(came_s)
        family, device = levels[0], levels[1]
        channel = levels[2] if len(levels) > 2 else ""
        heard = self._evidence.heard
        if channel == "life" and body["life"] == "ready":
            self.ready.add(device)
        elif family == "room" and channel == "lamp":
            self._lamps(device, body["lamps"], came_s)
        elif family == "room" and channel == "arrival":
            heard.append(Heard(at, device, "arrival", device, body))
        elif family == "truck" and channel == "itinerary":
            heard.append(Heard(at, device, "itinerary", device, body))
            if device in self._real_trucks:  # its cab is out of sight: it shows what came
                self._cab(device, body)
        elif channel in DEVICE_CHANNELS:
            heard.append(Heard(at, "bridge", channel, device, body))
            if channel == "incident" and device in self._real_trucks:
                self._date_press(device, body)

    def _date_press(self, truck: str, body: Mapping[str, Any]) -> None:
        """A press that a person was asked for came when its truck says: the finger has no clock of ours."""
        if body["incident_id"] in self._dated or body["pressed_at"] is None:
            return
        presses = self._evidence.presses
        for place, press in enumerate(presses):
            if press.truck == truck and press.meant != "withdraw" and place not in self._dated.values():
                self._dated[body["incident_id"]] = place
                presses[place] = replace(press, at=float(body["pressed_at"]))
                return
