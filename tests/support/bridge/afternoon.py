"""An afternoon on the bridge of two trucks on call that are driven by hand, as the crow flies, and nobody else."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

from broker.bridge import Bridge
from broker.plan.calendar import day_start_at
from broker.plan.demo_area import demo_plan
from broker.plan.geometry import distance_m
from broker.rules.bookings.asked import BookingDeed
from broker.rules.bookings.places import Window, windows
from broker.rules.dispatch.actions import Act
from broker.rules.dispatch.bookings.booking_handling import ground_of
from broker.rules.states.booking import Booking
from broker.store.opening import open_store
from firmware import wire

DAY = dt.date(2026, 11, 26)  # a Thursday
SPEED_MPS = 5.0


class Afternoon:
    """One bridge over a store in `folder`; it is noon."""

    def __init__(self, folder: Path) -> None:
        self.plan = replace(demo_plan(), runs={})
        self.folder = folder
        self.now = float(self.at(12))
        self.retained: dict[str, dict[str, Any]] = {}
        self.seq = 0
        station = self.plan.piles["p08"]
        self.stands = dict.fromkeys(("t97", "t98"), (station.lat, station.lon - 0.004))
        self.speaks = {"t97": True, "t98": True}
        self.made = 0
        self.open()

    def at(self, hour: float, days: int = 0) -> int:
        """A moment of this day, or one after it."""
        return day_start_at(self.plan, DAY + dt.timedelta(days=days)) + int(hour * 3600)

    def open(self) -> None:
        """Start (again) a bridge over the same store."""
        self.store = open_store(self.folder, area="xh", timezone="Asia/Shanghai", now=lambda: self.now)
        self.bridge = Bridge(self.plan, self.store, self._send)
        self.bridge.start(self.now)

    def kill(self) -> None:
        """kill -9: what was not committed is gone."""
        self.store.close()
        self.open()

    def _send(self, topic: str, payload: bytes, retained: bool) -> None:
        body = wire.unpack(topic, payload).body
        if retained and body is None:
            self.retained.pop(topic, None)
        elif retained and body is not None:
            self.retained[topic] = body

    # --- what people do -------------------------------------------------------------------------------------

    def windows(self, pile: str = "p01", litres: int = 1_000) -> list[Window]:
        """What is offered."""
        day = self.bridge.dispatch.day
        return windows(day.bookings, ground_of(day, int(self.now)), pile, litres, int(self.now))

    def do(self, deed: str, booking: str, who: str = "property of e01", **more: Any) -> None:
        """A deed on a booking."""
        self.bridge.act(Act("booking", who, booking=BookingDeed(deed, booking, **more)), self.now)

    def hold(self, pile: str = "p01", hour: float = 14, **more: Any) -> str:
        """Hold a window of a pile; the booking's id."""
        self.made += 1
        more = {"truck": "t97", "from_at": self.at(hour), **more}
        self.do("hold", f"b{self.made}", pile=pile, **more)
        return f"b{self.made}"

    def book(self, pile: str = "p01", hour: float = 14, litres: int = 1_000, **more: Any) -> str:
        """Hold and book; the booking's id."""
        booking = self.hold(pile, hour, litres=litres, **more)
        self.do("book", booking, litres=litres)
        return booking

    def accepted(self, pile: str = "p01", hour: float = 14, litres: int = 1_000, **more: Any) -> str:
        """Hold and book, and its truck says yes; the booking's id."""
        booking = self.book(pile, hour, litres, **more)
        self.do("accept", booking, "crew of t97")
        return booking

    def known(self, booking: str) -> Booking:
        """A booking as it stands."""
        return self.bridge.dispatch.day.bookings[booking]

    def states(self, booking: str) -> list[str]:
        """All that a booking has been, as the record has it."""
        said = [record.body["state"] for record in self.store.scan("booking") if record.key == booking]
        return [state for state, before in zip(said, [None, *said], strict=False) if state != before]

    # --- what trucks do -------------------------------------------------------------------------------------

    def fix(self, truck: str, speed_mps: float) -> None:
        """A truck's position is reported."""
        self.seq += 1
        lat, lon = self.stands[truck]
        body = {
            "boot": 1, "seq": self.seq, "fix_at": int(self.now), "sent_at": int(self.now), "lat": round(lat, 6),
            "lon": round(lon, 6), "speed_mps": speed_mps, "bearing_deg": None, "hdop": 1.0, "sats": 9, "mode": 3,
            "late": False,
        }
        topic = wire.topic("fix", "xh", truck, family="truck")
        self.bridge.receive(topic, wire.pack(topic, body), self.now)

    def press(self, truck: str, reason: str) -> None:
        """A driver holds the button: the incident `TRUCK-1-1`."""
        self.seq += 1
        (lat, lon), name = self.stands[truck], f"{truck}-1-1"
        body = {"boot": 1, "seq": self.seq, "incident_id": name, "reason": reason, "withdrawn": False,
                "pressed_at": int(self.now), "lat": round(lat, 6), "lon": round(lon, 6), "fix_at": int(self.now)}
        topic = wire.topic("incident", "xh", truck, name, family="truck")
        self.bridge.receive(topic, wire.pack(topic, body), self.now)

    def step(self, seconds: int = 1, moving: str = "") -> None:
        """Time passes; each truck says every 10 s where it is."""
        for _ in range(seconds):
            self.now += 1
            if int(self.now) % 10 == 0:
                for truck, speaks in self.speaks.items():
                    if speaks:
                        self.fix(truck, SPEED_MPS if truck == moving else 0.0)
            self.bridge.tick(self.now)
            self.bridge.flush(self.now)

    def until(self, hour: float, tick_s: int = 60) -> None:
        """Time passes until then, in such ticks; trucks stand."""
        while self.now < self.at(hour) - tick_s:
            self.now += tick_s - 1
            self.step()

    def drive(self, truck: str, place: str) -> None:
        """A truck drives to a pile."""
        pile = self.plan.places[place]
        (lat, lon), began = self.stands[truck], self.now
        long_s = int(distance_m(lat, lon, pile.lat, pile.lon) / SPEED_MPS)
        for second in range(1, long_s + 1):
            share = second / long_s
            self.stands[truck] = lat + (pile.lat - lat) * share, lon + (pile.lon - lon) * share
            self.step(1, truck)
        assert self.now - began == long_s

    def itinerary(self, truck: str = "t97") -> list[tuple[str, str]]:
        """(place, state) as a truck was told."""
        body = self.retained.get(wire.topic("itinerary", "xh", truck))
        return [(visit["room"], visit["state"]) for visit in body["visits"]] if body else []

    def close(self) -> None:
        """End in order."""
        self.bridge.stop(self.now)
        self.store.close()
