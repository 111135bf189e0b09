"""The people of a live run: a machine for the scenario's own dispatcher, and somebody of each role to be by a click."""

from pathlib import Path

from broker.people.people import People
from broker.people.roles import EVERYWHERE, Role, Scope
from broker.plan.model import Plan
from broker.web.pages.rendering import WORDS as PAGES
from broker.words import LANGUAGES, Words
from sim.live.dispatcher import WHO

WORDS = Words(Path(__file__).parent / "words")

EVERYWHERE_ROLES: tuple[Role, ...] = (
    "dispatcher", "registrar", "technician", "supervisor", "viewer", "weigher", "enforcement",
)  # fmt: skip
OF_ESTATES: tuple[Role, ...] = ("keeper", "committee", "fire_brigade")  # one of each, of all estates


def move_in(folder: Path, plan: Plan) -> str:
    """Make them in an empty folder; the token of the scenario's dispatcher."""
    people = People(folder)
    for role in EVERYWHERE_ROLES:
        people.add(role, _named(role), (role,), EVERYWHERE)
    for role in OF_ESTATES:
        people.add(role, _named(role), (role,), Scope(estates=tuple(plan.estates)))
    for estate_id, estate in plan.estates.items():
        people.add(f"property-{estate_id}", estate.name, ("property",), Scope(estates=(estate_id,)))
    for truck in plan.trucks():
        people.add(f"crew-{truck}", truck, ("crew",), Scope(trucks=(truck,)))
    for firm in sorted({one.contractor for one in plan.vehicles.values() if one.contractor is not None}):
        people.add(f"contractor-{firm}", firm, ("contractor",), Scope(contractors=(firm,)))
    return people.add_token(WHO, ("dispatcher", "enforcement"))  # a scenario's answers are enforcement's as well


def _named(role: Role) -> str:
    """Somebody made up, in the form that names of a plan have: a screen shows the part in its language."""
    return " / ".join(
        WORDS.say(language, "people", "demo", role=PAGES.say(language, "role", role)) for language in LANGUAGES
    )
