"""Everything about people that the web has: who you are, accounts, tokens, rosters, and their pages."""

import time
from collections.abc import Callable

from fastapi import APIRouter

from broker.people.administration import Administration
from broker.people.rosters import Rosters
from broker.plan.model import Plan
from broker.web.api.people.accounts import account_router
from broker.web.api.people.rosters import roster_router
from broker.web.door.gate import Gate
from broker.web.pages.people.accounts import account_pages
from broker.web.pages.people.rosters import roster_pages


def people_routers(gate: Gate, plan: Plan, now: Callable[[], float] = time.time) -> list[APIRouter]:
    """Those that need to know the area, too."""
    estates = {room.estate_id for room in plan.rooms.values()}
    house = Administration(gate.people, estates, plan.trucks())
    rosters = Rosters(gate.people, plan.rooms, plan.trucks(), now)
    return [
        roster_router(rosters, plan),
        account_router(gate, house),
        account_pages(gate, house, {one: estate.name for one, estate in plan.estates.items()}, plan.timezone),
        roster_pages(gate.people, rosters, plan, now),
    ]
