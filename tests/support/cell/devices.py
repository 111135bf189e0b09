"""A truck and a bin-room unit as they speak on the wire, without a network: what they say when, and what they wait for.

`due(now)` gives what is to be published, `hear` takes what came; a record is sent again until the application ack says
that it is stored. Shapes and pace are the firmware's: a truck's fix each 50 m, at once when it stops or sets out, at
least each minute; a unit's bins each ten minutes and when they change, its lamps when one changes.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from broker.plan.model import Plan, RunPlan
from firmware import wire
from tests.support.cell.area import SPEED_MPS, STAY_S, place

RESENT_S = 15.0
FIX_M, FIX_S, BINS_S = 50.0, 60.0, 600.0
BIN_GRAMS, EMPTY_GRAMS, BINS = 42_000, 11_000, 4
OUT_AFTER_S, BACK_AFTER_S = 60.0, 45.0  # the keeper rolls them out after the call, and back in after the truck left
LIT = ("due", "held", "at_stop")
NEVER = float("inf")
Said = tuple[str, bytes, bool]  # topic, payload, retained


class Device:
    """What trucks and units have in common: numbered records and what became of them."""

    family = ""

    def __init__(self, area: str, name: str) -> None:
        self.area, self.name = area, name
        self.seq = 0
        self.open: dict[int, tuple[Said, float, float]] = {}  # number: (what, when first, when last)
        self.waits_s: list[float] = []  # from the first sending of each record to its ack
        self.resent = 0

    def topic(self, channel: str, item: str = "") -> str:
        """A topic of this device."""
        return wire.topic(channel, self.area, self.name, item, family=self.family)

    def filters(self) -> list[str]:
        """What it subscribes to."""
        raise NotImplementedError

    def first(self, now: float) -> list[Said]:
        """What it reports when it was switched on."""
        return []

    def next_at(self) -> float:
        """When it has something to say by itself."""
        raise NotImplementedError

    def due(self, now: float) -> list[Said]:
        """What it has to say by itself now."""
        raise NotImplementedError

    def hear(self, topic: str, payload: bytes, now: float) -> list[Said]:
        """Take in what came for it; what it says to that."""
        raise NotImplementedError

    def busy(self, now: float) -> Said:
        """What it says next when it says as much as it is answered."""
        raise NotImplementedError

    def life(self) -> Said:
        """What it says when it comes."""
        return self.topic("life"), b'{"life":"ready","boot":1,"fw":"1.0.0"}', True

    def will(self) -> tuple[str, bytes]:
        """What the broker says for it."""
        return self.topic("life"), b'{"life":"lost","boot":1}'

    def record(self, channel: str, body: Mapping[str, Any], now: float, item: str = "") -> Said:
        """A new record, to be published now."""
        self.seq += 1
        topic = self.topic(channel, item)
        payload = json.dumps({"boot": 1, "seq": self.seq, **body}, separators=(",", ":")).encode()
        said = topic, payload, channel not in ("fix", "keeper")
        self.open[self.seq] = said, now, now
        return said

    def acked(self, payload: bytes, now: float) -> None:
        """The bridge says what of this device is stored."""
        for ack in json.loads(payload)["acks"]:
            if ack["boot"] != 1:
                continue
            spans = [(1, ack["upto"]), *ack["also"]]
            for number in [one for one in self.open if any(first <= one <= last for first, last in spans)]:
                self.waits_s.append(now - self.open.pop(number)[1])

    def again(self, now: float) -> list[Said]:
        """What was not acknowledged for long, to be sent once more."""
        late = [number for number, (_, _, last) in self.open.items() if now - last >= RESENT_S]
        for number in late:
            said, first, _ = self.open[number]
            self.open[number] = said, first, now
        self.resent += len(late)
        return [self.open[number][0] for number in late]


class Truck(Device):
    """One truck that drives its run by the timetable."""

    family = "truck"

    def __init__(self, plan: Plan, run: RunPlan, day_start_at: int) -> None:
        super().__init__(plan.area_id, run.truck_id)
        self._street = int(run.truck_id[1:-1])
        self._fixes = _fixes(run, day_start_at)
        self._next = next(self._fixes, None)
        self._last = (0.0, 0.0)
        self.pressed: dict[str, float] = {}  # incident: when
        self.lit_s: list[float] = []  # from the press to the light that says it is stored

    def filters(self) -> list[str]:
        """What concerns it."""
        return [self.topic(channel) for channel in ("ack", "itinerary", "command")] + [
            self.topic("incident_ack", "x")[:-1] + "+", wire.topic("life", self.area, family="bridge"),
        ]  # fmt: skip

    def next_at(self) -> float:
        """When it has something to say by itself."""
        return NEVER if self._next is None else self._next[0]

    def due(self, now: float) -> list[Said]:
        """Its positions whose time has come."""
        found = []
        while self._next is not None and self._next[0] <= now:
            self._last = self._next[1:]
            self._next = next(self._fixes, None)
            found.append(self.fix(now))
        return found

    def fix(self, now: float) -> Said:
        """Where it is."""
        along_m, speed_mps = self._last
        lat, lon = place(self._street, along_m)
        return self.record("fix", {
            "fix_at": int(now), "sent_at": int(now), "lat": lat, "lon": lon, "speed_mps": speed_mps,
            "bearing_deg": 90.0, "hdop": 0.9, "sats": 11, "mode": 3, "late": False, "driven_m": round(along_m),
        }, now)  # fmt: skip

    def press(self, now: float) -> Said:
        """Its driver holds the button."""
        incident = f"{self.name}-1-{self.seq + 1}"
        self.pressed[incident] = now
        return self._press(incident, now, withdrawn=False)

    def withdraw(self, incident: str, now: float) -> Said:
        """Its driver takes the press back."""
        return self._press(incident, now, withdrawn=True)

    def _press(self, incident: str, now: float, *, withdrawn: bool) -> Said:
        lat, lon = place(self._street, self._last[0])
        return self.record("incident", {
            "incident_id": incident, "reason": "lane_blocked", "pressed_at": int(now), "lat": lat, "lon": lon,
            "fix_at": int(now), "withdrawn": withdrawn,
        }, now, incident)  # fmt: skip

    def hear(self, topic: str, payload: bytes, now: float) -> list[Said]:
        """What came for it."""
        _, _, _, _, _, channel, *rest = topic.split("/")
        if channel == "ack":
            self.acked(payload, now)
        elif channel == "incident_ack" and payload and rest[0] in self.pressed:
            self.lit_s.append(now - self.pressed.pop(rest[0]))
        return []

    def busy(self, now: float) -> Said:
        """What it says next when it says as much as it is answered."""
        return self.fix(now)


def _fixes(run: RunPlan, day_start_at: int) -> Iterator[tuple[float, float, float]]:
    """(when, how far along, how fast) for each position of a run."""
    along_m, end_m = 0.0, run.visits[-1].distance_m + 200.0
    at = float(day_start_at + run.visits[0].arrive_day_s - run.visits[0].distance_m / SPEED_MPS)
    yield at, 0.0, 0.0
    for stop_m, stay_s in (*((visit.distance_m, float(STAY_S)) for visit in run.visits), (end_m, 3600.0)):
        while along_m < stop_m:
            step_m = min(FIX_M, stop_m - along_m)
            along_m, at = along_m + step_m, at + step_m / SPEED_MPS
            yield at, along_m, SPEED_MPS if along_m < stop_m else 0.0
        until, at = at + stay_s, at + 5.0
        while at < until:
            yield at, along_m, 0.0
            at += FIX_S
        at = until
        yield at, along_m, 0.0


class Unit(Device):
    """One bin-room unit: three kinds of waste, a lamp for each."""

    family = "room"

    def __init__(self, plan: Plan, room: str, begins_at: float) -> None:
        super().__init__(plan.area_id, room)
        self._bins = dict.fromkeys(plan.rooms[room].wastes, BINS)
        self._grams = dict.fromkeys(self._bins, BIN_GRAMS)
        self._lamps = dict.fromkeys(self._bins, "off")
        self._calls: dict[str, str | None] = dict.fromkeys(self._bins)
        self._timers: dict[str, tuple[float, int]] = {}  # by waste: when bins move, and how many are inside then
        self._report_at = begins_at + (sum(map(ord, room)) * 37 % int(BINS_S))

    def filters(self) -> list[str]:
        """What concerns it."""
        own = [self.topic(channel) for channel in ("ack", "command")]
        clock = wire.topic("clock", self.area, family="bridge")
        return [*own, self.topic("arrival", "x")[:-1] + "+", clock, wire.topic("life", self.area, family="bridge")]

    def first(self, now: float) -> list[Said]:
        """What it says when it was switched on."""
        return [self.bins(now), self.lamp(now)]

    def next_at(self) -> float:
        """When it has something to say by itself."""
        return min([self._report_at, *(at for at, _ in self._timers.values())])

    def due(self, now: float) -> list[Said]:
        """Bins that moved, or the report of each ten minutes."""
        moved = [waste for waste, (at, _) in self._timers.items() if at <= now]
        for waste in moved:
            self._bins[waste] = self._timers.pop(waste)[1]
        if not moved and now < self._report_at:
            return []
        self._report_at = now + BINS_S
        return [self.bins(now)]

    def bins(self, now: float) -> Said:
        """What stands in the room."""
        rows = [{"waste": waste, "count": count, "grams": count * self._grams[waste], "quality": 0}
                for waste, count in self._bins.items()]  # fmt: skip
        return self.record("bins", {"at": int(now), "late": False, "bins": rows}, now)

    def lamp(self, now: float) -> Said:
        """What its lamps show."""
        rows = [{"waste": waste, "lamp": lamp, "lit": lamp in LIT, "call_id": self._calls[waste]}
                for waste, lamp in self._lamps.items()]  # fmt: skip
        return self.record("lamp", {"at": int(now), "lamps": rows}, now)

    def hear(self, topic: str, payload: bytes, now: float) -> list[Said]:
        """What came for it; its lamps follow at once."""
        _, _, _, _, _, channel, *rest = topic.split("/")
        if channel == "ack":
            self.acked(payload, now)
        if channel != "arrival" or not payload:
            return []
        waste, body = rest[0], json.loads(payload)
        state = body["state"] if body["state"] in LIT else "off"
        before, self._lamps[waste] = self._lamps[waste], state
        self._calls[waste] = body["call_id"] if state in LIT else None
        if state == before:
            return []
        if state == "due" and self._bins[waste]:
            self._timers[waste] = now + OUT_AFTER_S, 0
        elif before == "at_stop" and state == "off":
            self._grams[waste] = EMPTY_GRAMS
            self._timers[waste] = now + BACK_AFTER_S, BINS
        return [self.lamp(now)]

    def busy(self, now: float) -> Said:
        """What it says next when it says as much as it is answered."""
        return self.bins(now)
