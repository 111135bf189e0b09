"""A morning on which somebody is on duty for each step of a chain, and two firms have a truck."""

from dataclasses import replace

from broker.plan.model import Vehicle
from broker.rules.day.duty import Post
from broker.rules.states.answer import Answer
from broker.rules.states.visit import Visit
from tests.support.bridge.rehearsal import Rehearsal

WET = ("residential_wet",)


class Street(Rehearsal):
    """A morning with people on duty and two contractors, each with a truck."""

    def open(self) -> None:
        """Start (again), with them."""
        vehicles = (
            Vehicle("t01", WET, 190), Vehicle("x01", WET, contractor="first"), Vehicle("own", WET),
            Vehicle("x02", WET, contractor="second"),
        )  # fmt: skip
        self.plan = replace(self.plan, vehicles={one.truck_id: one for one in vehicles})
        super().open()
        self.bridge.dispatch.day.duty.is_kept_by(self.on_duty)

    @staticmethod
    def on_duty(post: Post, at: int) -> tuple[str, ...]:
        """Somebody for each step, by its place."""
        del at
        return (f"{post.step} of {post.contractor or post.estate or post.truck}",)

    def row(self, incident_id: str, name: str) -> Answer:
        """One addressee's row."""
        row = self.bridge.dispatch.day.incidents[self.truck, incident_id].answer(name)
        assert row is not None
        return row

    def says(self, incident_id: str, name: str, answer: str, **more: object) -> None:
        """What an addressee answers."""
        self.act("answer", incident_id, addressee=name, answer=answer, **more)

    def second(self) -> Visit:
        """The visit that makes up for the blocked one, whoever owes it."""
        (owed,) = (one for one in self.bridge.dispatch.day.visits.values() if one.owed and not one.original)
        return owed
