"""A morning on the bridge without any device: a truck is moved along its route by hand, second by second."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

from broker.bridge import Bridge
from broker.plan.calendar import day_start_at
from broker.plan.demo_area import demo_plan
from broker.plan.geometry import lengths_m
from broker.rules.dispatch.actions import Act
from broker.store.opening import open_store
from firmware import wire

DAY = dt.date(2026, 11, 23)  # a Monday


class Morning:
    """One bridge over a store in `folder`, one truck, and everything that was published."""

    def __init__(
        self, folder: Path, truck: str = "t01", lead_s: int = 1500, *, alone: bool = False, visits: int | None = None
    ) -> None:
        """`alone`: no other truck has a run; to be preferred, since every run costs time in each second. `visits`: how
        many of each run there are, where fewer do, since each costs time when a truck breaks down.
        """
        whole = demo_plan()
        runs = {trip_id: replace(run, visits=run.visits[:visits]) for trip_id, run in whole.runs.items()}
        self.plan = replace(whole, runs=runs)
        self.folder = folder
        mine = [run for run in self.plan.runs.values() if run.truck_id == truck]
        if alone:
            self.plan = replace(self.plan, runs={run.trip_id: run for run in mine})
        self.trip = min(mine, key=lambda run: run.visits[0].arrive_day_s)
        self.route = self.plan.routes[self.trip.route_id]
        self.waste = self.route.waste
        self.truck = truck
        self.run_id = f"{self.trip.trip_id}.{DAY:%Y%m%d}"
        self.now = float(day_start_at(self.plan, DAY) + self.trip.visits[0].arrive_day_s - lead_s)
        self.sent: list[tuple[float, str, Any]] = []
        self.retained: dict[str, dict[str, Any]] = {}
        self.seq = 0
        self.line = self.route.line
        self.cumulative = lengths_m(self.line)
        self.along = self.trip.visits[0].distance_m - 300.0
        self.speak = True
        self.open()

    def open(self) -> None:
        """Start (again) a bridge over the same store."""
        self.store = open_store(self.folder, area="xh", timezone="Asia/Shanghai", now=lambda: self.now)
        self.bridge = Bridge(self.plan, self.store, self._send)
        self.bridge.start(self.now)

    def _send(self, topic: str, payload: bytes, retained: bool) -> None:
        message = wire.unpack(topic, payload)
        self.sent.append((self.now, topic, message.body))
        if retained and message.body is None:
            self.retained.pop(topic, None)
        elif retained:
            self.retained[topic] = message.body

    def place(self) -> tuple[float, float]:
        """Where the truck is: (lat, lon)."""
        along = max(0.0, min(self.along, self.cumulative[-1]))
        for i in range(len(self.line) - 1):
            if along <= self.cumulative[i + 1]:
                part = (along - self.cumulative[i]) / max(0.01, self.cumulative[i + 1] - self.cumulative[i])
                (a, b), (c, d) = self.line[i], self.line[i + 1]
                return a + (c - a) * part, b + (d - b) * part
        return self.line[-1]

    def say(self, channel: str, body: dict[str, Any], item: str = "", *, device: str = "", boot: int = 1) -> None:
        """A device's message reaches the bridge."""
        device = device or self.truck
        self.seq += 1
        topic = wire.topic(channel, "xh", device, item, family="room" if device[0] in "rn" else "truck")
        self.bridge.receive(topic, wire.pack(topic, {"boot": boot, "seq": self.seq, **body}), self.now)

    def fix(self, speed_mps: float, **changes: Any) -> None:
        """The truck's position is reported."""
        lat, lon = self.place()
        body = {
            "fix_at": int(self.now), "sent_at": int(self.now), "lat": lat, "lon": lon, "speed_mps": speed_mps,
            "bearing_deg": None, "hdop": 1.0, "sats": 9, "mode": 3, "late": False,
        }
        self.say("fix", {**body, **changes})

    def step(self, seconds: int = 1, speed_mps: float = 0.0) -> None:
        """Time passes; a fix every 10 s."""
        for _ in range(seconds):
            self.now += 1
            self.along += speed_mps
            if self.speak and int(self.now) % 10 == 0:
                self.fix(speed_mps)
            self.bridge.tick(self.now)
            self.bridge.flush(self.now)

    def hours(self, count: int, tick_s: int = 1800) -> None:
        """Time passes in such ticks; nobody speaks."""
        for _ in range(count * 3600 // tick_s):
            self.now += tick_s
            self.bridge.tick(self.now)
            self.bridge.flush(self.now)

    def drive_to(self, visit: int, speed_mps: float = 5.0) -> None:
        """Drive until the room of the trip's `visit` (counted from 0) is reached."""
        while self.along < self.trip.visits[visit].distance_m:
            self.step(1, speed_mps)

    def serve(self, visit: int, dwell_s: int = 100) -> None:
        """Drive to a room and stand there."""
        self.drive_to(visit)
        self.step(dwell_s)

    def press(self, reason: str = "lane_blocked", **changes: Any) -> str:
        """The driver holds the button; the incident's id."""
        lat, lon = self.place()
        incident_id = changes.pop("incident_id", f"{self.truck}-1-{self.seq + 1}")
        body = {
            "incident_id": incident_id, "reason": reason, "pressed_at": int(self.now), "lat": lat, "lon": lon,
            "fix_at": int(self.now), "withdrawn": False,
        }
        self.say("incident", {**body, **changes}, incident_id)
        self.bridge.flush(self.now)
        return incident_id

    def act(self, action: str, incident_id: str, **more: Any) -> None:
        """A dispatcher's click."""
        self.bridge.act(Act(action, "dispatcher", incident=(self.truck, incident_id), **more), self.now)

    def arrival(self, room: str) -> dict[str, Any]:
        """What the room holds as its arrival."""
        return self.retained[wire.topic("arrival", "xh", room, self.waste)]

    def stage(self, incident_id: str) -> str | None:
        """What the driver's light is told."""
        body = self.retained.get(wire.topic("incident_ack", "xh", self.truck, incident_id))
        return body["stage"] if body else None

    def itinerary(self) -> list[tuple[str, int, str]]:
        """(room, visit_number, state) as the truck was told."""
        visits = self.retained[wire.topic("itinerary", "xh", self.truck)]["visits"]
        return [(v["room"], v["visit_number"], v["state"]) for v in visits]

    def close(self) -> None:
        """End in order."""
        self.bridge.stop(self.now)
        self.store.close()
