"""What can be done with visits that a run cannot serve: shown to the dispatcher before anything happens, and agreed to
as it was shown.
"""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.dispatch.actions import Act
from broker.rules.dispatch.visits.tours import stop_of, tour_of, ways_of
from broker.rules.replanning.offers import Offer, Steps, Tour, breakdown
from broker.rules.states.incident import Incident
from broker.rules.states.visit import Visit, record_key

EXTRA = "extra"  # the place of the contractor's truck in an offer until the dispatcher names it
EXTRA_COMES_S = 1200


class ReplanError(ValueError):
    """An offer that cannot be carried out; the text says what is missing."""


def offers_for(day: Day, run: Run, visits: Sequence[Visit], now: int) -> Steps[tuple[Offer, ...]]:
    """What can be done with visits that `run` cannot serve: other trucks of the same waste, an extra truck, both.

    It is of the day as it is at the first step, whatever happens between the others.
    """
    broken = replace(tour_of(day, run, now), stops=tuple(stop_of(day, run, visit, now) for visit in visits))
    others = [
        tour_of(day, other, now)
        for other in sorted(day.runs.values(), key=lambda other: other.run_id)
        if other.truck != run.truck and other.waste == run.waste and day.run_of(other.truck) is other
    ]
    extra = Tour(
        truck=EXTRA, run_id=EXTRA, start=broken.start, start_at=now + EXTRA_COMES_S, stops=(),
        wastes=frozenset({run.waste}), shift_end_at=run.shift_end_at,
    )
    return breakdown(broken, others, ways_of(day, run, now), extra)


def offer_id(offer: Offer) -> str:
    """What tells one offer from another: who takes over what in which order, and whom it lets down.

    Not the minutes, which drift while a person looks; a promise that they break makes it another offer.
    """
    deal = [
        (record_key(change.key), change.to_truck, change.broken)
        for change in offer.changes
        if change.broken or change.to_truck != change.from_truck
    ]
    return blake2b(repr(deal).encode(), digest_size=8).hexdigest()


def offer_body(day: Day, offer: Offer) -> dict[str, Any]:
    """An offer as the dispatcher sees it: every promise that would change, before anything does."""
    return {
        "id": offer_id(offer),
        "name": offer.name,
        "cost_s": offer.cost_s,
        "detour_s": offer.detour_s,
        "broken_promises": offer.broken,
        "changes": [
            {
                "visit": record_key(change.key),
                "room": change.key[1],
                "room_name": day.plan.rooms[change.key[1]].name,
                "from_truck": change.from_truck,
                "to_truck": change.to_truck,
                "before_at": change.before_at,
                "after_at": change.after_at,
                "broken": change.broken,
            }
            for change in offer.changes
        ],
        "unplaced": [{"visit": record_key(entry.stop.key), "reason": entry.reason} for entry in offer.unplaced],
    }


def agreed(
    day: Day, incident: Incident, offers: Sequence[Offer], act: Act, now: int
) -> Offer:
    """The offer that was looked at, as it would be carried out now; ReplanError, and the new ones shown, if it changed.

    Where none were shown (for a blocked lane) `act.option` counts what there is now.
    """
    shown = [body["id"] for body in day.incidents.offers(incident.key)[1]]
    ids = [offer_id(offer) for offer in offers]
    choice = shown or ids
    if act.offer is None and not 0 <= act.option < len(choice):
        raise ReplanError(f"there are {len(choice)} options, counted from 0")
    wanted = act.offer or choice[act.option]
    if wanted not in ids:
        day.incidents.show_offers(incident.key, now, [offer_body(day, offer) for offer in offers])
        raise ReplanError("this option is not what it was when it was shown: look again, then decide")
    return offers[ids.index(wanted)]
