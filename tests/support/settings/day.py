"""The dispatch of a broker.toml on the demo area's Monday, and the truck t01, moved by hand; no store, no broker."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from broker.config import BrokerConfig, read_config
from broker.ingest.decisions import Decisions
from broker.plan.calendar import day_start_at
from broker.plan.geometry import lengths_m, point_at
from broker.rules.dispatch.actions import Act
from broker.rules.effects.effect import Effect, Publish
from broker.rules.states.answer import Answer
from broker.settings import configured_plan, dispatch_settings
from firmware import wire

DAY = dt.date(2026, 11, 23)  # a Monday
TRUCK, TRIP = "t01", "wet-north-1"


class NothingStored:
    """A record that is empty."""

    def latest(self, *_: object, **__: object) -> dict[str, Any]:
        """Nothing."""
        return {}

    def scan(self, *_: object, **__: object) -> Iterable[Any]:
        """Nothing."""
        return ()


def configured(folder: Path, text: str) -> BrokerConfig:
    """What the bridge reads of a broker.toml with these sections, for the demo area unless they name another."""
    path = folder / "broker.toml"
    path.write_text(text if "[area]" in text else f'[area]\nplan = "demo"\n{text}', encoding="utf-8")
    return read_config(path)


class ConfiguredDay:
    """What the dispatch of a configuration publishes while t01 stands, drives, is silent or is stuck."""

    def __init__(self, config: BrokerConfig, lead_s: int) -> None:
        """`lead_s` before the run's first planned arrival; the truck stands 300 m before that room."""
        self.plan = configured_plan(config)
        self.trip = self.plan.runs[TRIP]
        self.route = self.plan.routes[self.trip.route_id]
        self.first, self.second, self.third = self.trip.visits[:3]
        self.start_at = day_start_at(self.plan, DAY) + self.first.arrive_day_s
        self.end_at = day_start_at(self.plan, DAY) + self.trip.visits[-1].leave_day_s
        self.now = self.start_at - lead_s
        self.along_m = self.first.distance_m - 300.0
        self.north_m = 0.0  # beside the line
        self.retained: dict[str, Any] = {}
        self._cumulative = lengths_m(self.route.line)
        self._seq = 0
        self._faults: Counter[str] = Counter()
        settings = dispatch_settings(config)
        self._decisions = Decisions(NothingStored(), self.plan, settings, lambda: (), self._faults, self.now)
        self.tick()

    def _take(self, effects: Iterable[Effect]) -> None:
        assert not self._faults
        for effect in effects:
            if isinstance(effect, Publish):
                self.retained[effect.topic] = effect.body

    def _say(self, channel: str, body: dict[str, Any], item: str = "") -> None:
        self._seq += 1
        address = wire.parse_topic(wire.topic(channel, self.plan.area_id, TRUCK, item, family="truck"))
        self._take(self._decisions.on_message(wire.Message(address, {"boot": 1, "seq": self._seq, **body}), self.now))

    def tick(self) -> None:
        """A second's end."""
        for effects in self._decisions.on_tick(self.now):
            self._take(effects)
        while (effects_of_work := self._decisions.next_step(self.now)) is not None:
            self._take(effects_of_work)

    def fix(self, speed_mps: float) -> None:
        """The truck says where it is."""
        lat, lon = point_at(self.route.line, self._cumulative, self.along_m)
        body = {"fix_at": self.now, "sent_at": self.now, "lat": lat + self.north_m / 111_000, "lon": lon,
                "speed_mps": speed_mps, "bearing_deg": None, "hdop": 1.0, "sats": 9, "mode": 3, "late": False}
        self._say("fix", body)

    def stand(self, seconds: int) -> "ConfiguredDay":
        """The truck stands for a while, with a fix every 10 s."""
        for _ in range(seconds // 10):
            self.now += 10
            self.fix(0.0)
            self.tick()
        return self

    def wait_for(self, what: Callable[[], object], most_s: int) -> int:
        """Seconds that the truck stands until something is so; at most `most_s`."""
        since = self.now
        while not what() and self.now - since < most_s:
            self.stand(10)
        return self.now - since

    def drive(self, to_m: float, speed_mps: float = 5.0) -> "ConfiguredDay":
        """The truck drives on to a place of its line, with a fix every 10 s."""
        while self.along_m < to_m:
            self.now += 10
            self.along_m = min(to_m, self.along_m + 10 * speed_mps)
            self.fix(speed_mps)
            self.tick()
        return self

    def press(self, reason: str = "lane_blocked") -> str:
        """The driver holds the button; the incident's id."""
        lat, lon = point_at(self.route.line, self._cumulative, self.along_m)
        name = f"{TRUCK}-1-{self._seq + 1}"
        body = {"incident_id": name, "reason": reason, "pressed_at": self.now, "lat": lat, "lon": lon,
                "fix_at": self.now, "withdrawn": False}
        self._say("incident", body, name)
        self.tick()
        return name

    def call_full(self) -> None:
        """The crew says that the truck is full."""
        run = self._decisions.dispatch.day.run_of(TRUCK)
        assert run is not None
        self._take(self._decisions.dispatch.act(Act("full", "crew", run_id=run.run_id), self.now))

    def offers(self, incident_id: str) -> Sequence[Mapping[str, Any]]:
        """What a dispatcher is shown for a breakdown."""
        return self._decisions.dispatch.day.incidents.offers((TRUCK, incident_id))[1]

    def arrival(self, room: str) -> dict[str, Any]:
        """What a room was told last; empty before it was told anything."""
        topic = wire.topic("arrival", self.plan.area_id, room, self.route.waste)
        return cast(dict[str, Any], self.retained.get(topic, {}))

    def answers(self) -> list[Answer]:
        """The rows of all incidents."""
        return [row for incident in self._decisions.dispatch.day.incidents.values() for row in incident.answers]

    def visits(self) -> list[dict[str, Any]]:
        """What the truck was told last, in its order; empty before it was told anything."""
        body = self.retained.get(wire.topic("itinerary", self.plan.area_id, TRUCK))
        return body["visits"] if body else []
