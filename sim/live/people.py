"""The people of a live run: a machine for the scenario's own dispatcher, and somebody of each role to be by a click."""

from pathlib import Path

from broker.people.people import People
from broker.people.roles import EVERYWHERE, Role, Scope
from broker.plan.model import Plan
from sim.live.dispatcher import WHO

EVERYWHERE_ROLES: tuple[Role, ...] = ("dispatcher", "registrar", "technician", "supervisor", "viewer")


def move_in(folder: Path, plan: Plan) -> str:
    """Make them in an empty folder; the token of the scenario's dispatcher."""
    people = People(folder)
    for role in EVERYWHERE_ROLES:
        people.add(role, f"demo {role}", (role,), EVERYWHERE)
    for estate_id, estate in plan.estates.items():
        people.add(f"property-{estate_id}", estate.name, ("property",), Scope(estates=(estate_id,)))
    for truck in plan.trucks():
        people.add(f"crew-{truck}", truck, ("crew",), Scope(trucks=(truck,)))
    for firm in sorted({one.contractor for one in plan.vehicles.values() if one.contractor is not None}):
        people.add(f"contractor-{firm}", firm, ("contractor",), Scope(contractors=(firm,)))
    return people.add_token(WHO, ("dispatcher",))
