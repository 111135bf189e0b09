"""The whole application of the web over a morning with an open incident and both registers."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from broker.people.rosters import Rosters
from broker.registers.elections.demo import demo_elections
from broker.registers.safety.demo import demo_works
from broker.reports.casebook import CaseBook
from broker.rules.bookings.asked import BookingDeed
from broker.rules.bookings.places import windows
from broker.rules.dispatch.actions import Act
from broker.rules.dispatch.bookings.booking_handling import ground_of
from broker.web.api.app import build_app
from broker.web.api.bookings import booking_router
from broker.web.api.cases import case_router
from broker.web.api.figures.record import record_router
from broker.web.api.map.routers import map_router
from broker.web.api.people.routers import people_routers
from broker.web.api.realtime import realtime_router
from broker.web.api.registers.routers import router as register_router
from broker.web.api.street.asked import asked_router
from broker.web.api.street.devices import device_router
from broker.web.api.street.keepers import keeper_router
from broker.web.pages.bookings import booking_pages
from broker.web.pages.learned import learned_pages
from broker.web.pages.signs import sign_pages
from broker.web.view.picture import snapshot
from tests.support.bridge.direct_desk import DirectDesk
from tests.support.bridge.morning import Morning
from tests.support.people import House
from tests.support.registers import open_registers


class WholeWeb:
    """Everything that a bridge serves, without a server; `served` visits are behind the truck that pressed."""

    def __init__(self, folder: Path, *, served: int = 0, hosts: Collection[str] = ()) -> None:
        self.morning = Morning(folder / "records")
        for visit in range(served):
            self.morning.serve(visit)
        self.incident_id = self.morning.press()
        self.morning.say("life", {"life": "ready"}, device="t77")  # in no plan: an alarm about a device
        self.morning.step(2)
        self.booking = self._held()
        self.registers = open_registers(folder / "registers")
        self.registers.elections.create(demo_elections(), "demo", "demo")
        self.registers.safety.create(demo_works(), "demo", "demo")
        self.desk = DirectDesk()
        self.desk.morning = self.morning
        self.desk.show(snapshot(self.morning.bridge, self.morning.now))
        self.house = House(folder / "people")
        self.house.account("wang", "dispatcher")  # without one this machine would be let in to look
        plan = self.morning.plan
        further = [register_router(self.registers), record_router(self.morning.store, plan)]
        further += [*people_routers(self.house.gate, plan), realtime_router(self.desk, plan)]
        rosters = Rosters(self.house.people, plan.rooms, plan.trucks())
        further += [device_router(self.desk, self.morning.store), keeper_router(self.desk, plan, rosters.rooms_of)]
        further.append(sign_pages(self.desk, self.house.gate, plan))
        pages = asked_router, booking_router, booking_pages, learned_pages, map_router
        further += [make(self.desk, self.morning.store, plan) for make in pages]
        self.book = CaseBook(self.morning.store, plan, 3, 14)
        further.append(case_router(self.book, plan, lambda: self.morning.now))
        self.app = build_app(self.desk, self.morning.store, further, self.house.gate, hosts)

    def _held(self) -> str:
        """A window of a pile that is held."""
        day, now = self.morning.bridge.dispatch.day, int(self.morning.now)
        found = windows(day.bookings, ground_of(day, now), "p01", 1_000, now)
        window = next(one for one in found if one.truck == "t97")
        deed = BookingDeed("hold", "b1", pile="p01", truck="t97", from_at=window.from_at, litres=1_000)
        self.morning.bridge.act(Act("booking", "Zhang", booking=deed), self.morning.now)
        return deed.booking

    def ids(self) -> dict[str, Any]:
        """What there is, by the names that paths have for it."""
        room = self.morning.trip.visits[-1].room_id
        alarm_id = next(one.id for one in self.morning.bridge.dispatch.day.alarms.values() if one.topic == "stranger")
        people = {"account": "wang", "token": "m1", "shift": "s1", "booking": self.booking}
        about = {"alarm_id": alarm_id, "incident_id": self.incident_id, "run_id": self.morning.run_id}
        about["route_id"] = self.morning.route.route_id
        people |= {"closure_id": "x", "case_id": "x", "call_id": "x"}  # there are none
        return {**about, "number": 1, "room": room, **people}
