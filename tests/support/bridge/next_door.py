"""A morning whose first room has another one 35 m further on, where positions may mix them up."""

from dataclasses import replace

from broker.plan.model import Plan, RunPlan
from broker.rules.states.visit import Visit
from sim.scenario.scenes.choice import with_neighbours
from tests.support.bridge.bin_room import FULL, Rooms
from tests.support.bridge.morning import Morning

BINS = 4


def next_door(plan: Plan, trip: RunPlan) -> tuple[Plan, RunPlan]:
    """The plan with a second room by the first of this trip, which comes to both; as it is, if it has one already."""
    if not all(visit.room_id.startswith("r") for visit in trip.visits):
        return plan, trip
    runs = {trip.trip_id: trip}
    plan = with_neighbours(plan, runs, {}, 1)
    return replace(plan, runs={**plan.runs, **runs}), runs[trip.trip_id]


def stand_and_go(morning: Morning, number: int, stand_s: int = 150) -> None:
    """The truck stands at one of the two doors, and drives on past both."""
    morning.serve(number, stand_s)
    morning.step(40, 5.0)


class NextDoor(Rooms):
    """A bridge, a truck, and the units of both rooms; `looked_at` is the one that reports."""

    looked_at = 0

    def open(self) -> None:
        """Start (again), with the room next door."""
        self.plan, self.trip = next_door(self.plan, self.trip)
        super().open()

    @property
    def room(self) -> str:
        """The room that is looked at."""
        return self.trip.visits[self.looked_at].room_id

    def both_out(self) -> None:
        """Both rooms are full in the morning, and their keepers roll all bins out."""
        for self.looked_at in (0, 1):
            self.report(BINS, BINS * FULL)
            self.roll_out(BINS)

    def stays_at(self, number: int) -> None:
        """The positions show a stay at one door, and none at the other's."""
        self.both_out()
        stand_and_go(self, number)
        assert self.of(number).state == "served"

    def back(self, number: int, *, full: int) -> None:
        """A room's bins come back, so many of them as full as they left."""
        self.looked_at = number
        self.roll_in(BINS, full=full)

    def settle(self) -> None:
        """The scales rest, and say so."""
        self.step(70)
        for self.looked_at in (0, 1):
            bins = self.bridge.dispatch.day.devices.room(self.room).bins.get(self.waste)
            if bins is not None:
                self.report(bins.count, bins.grams)

    def of(self, number: int) -> Visit:
        """A room's visit, as it is on record."""
        self.looked_at = number
        return Visit.from_body(self.visit())
