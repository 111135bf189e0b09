"""What can be done with visits that a run cannot serve: shown to the dispatcher before anything happens, and agreed to
as it was shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from broker.rules.day.day import Day
from broker.rules.day.incidents import IncidentKey
from broker.rules.day.runs import Run
from broker.rules.dispatch.actions import Act
from broker.rules.dispatch.visits.extra_coming import Coming, coming, soonest
from broker.rules.dispatch.visits.extra_truck import why_not
from broker.rules.dispatch.visits.offered_times import EXTRA, gaining, timed
from broker.rules.dispatch.visits.replan_error import ReplanError
from broker.rules.dispatch.visits.tours import stop_of, tour_of, ways_of
from broker.rules.replanning.offers import Deal, Offer, Steps, Tour, Ways, breakdown, kept, whole
from broker.rules.replanning.searched import searched
from broker.rules.states.incident import Incident
from broker.rules.states.visit import Visit, VisitKey, record_key

DRIFT_S = 60  # by how much a time may be another than it was shown, or searched with
Ground = tuple[Tour, list[Tour], Ways, Tour]  # that cannot go on, the others, ways, one truck more


def offers_for(
    day: Day, run: Run, visits: Sequence[Visit], now: int, extra: Coming | None = None
) -> Steps[tuple[Offer, ...]]:
    """What can be done with visits that `run` cannot serve: other trucks of the same waste, an extra truck, both; the
    extra one is `extra`, else the one that would be there first.

    Who takes what is of the day as it is at the first step, whatever happens between the others; the times are those
    of the last.
    """
    extra_at = (extra or first_to_come(day, run, now)).at
    ground = _ground(day, run, visits, now, extra_at)
    found = []
    for offer in (yield from breakdown(*ground)):
        one = yield from timed(day, run, offer, ground[2], max(now, day.clock.now))
        found += [] if one is None else [one]
    return _best_first(found)


def _best_first(offers: Sequence[Offer]) -> tuple[Offer, ...]:
    return tuple(sorted(offers, key=lambda offer: (len(offer.unplaced), offer.cost_s, offer.name)))


def first_to_come(day: Day, run: Run, now: int) -> Coming:
    """Which truck could take over first, and when it would be where the run's truck is."""
    return soonest(day, run, tour_of(day, run, now).start, now)


def _ground(day: Day, run: Run, visits: Sequence[Visit], now: int, extra_at: int) -> Ground:
    """The tour that cannot go on, those of the other trucks, their ways, and the extra truck from when it can come."""
    broken = replace(tour_of(day, run, now), stops=tuple(stop_of(day, run, visit, now) for visit in visits))
    others = [
        tour_of(day, other, now)
        for other in sorted(day.runs.values(), key=lambda other: other.run_id)
        if other.truck != run.truck and other.waste == run.waste and day.run_of(other.truck) is other
        and not _stands_broken(day, other)
    ]
    extra = Tour(
        truck=EXTRA, run_id=EXTRA, start=broken.start, start_at=extra_at, stops=(),
        wastes=frozenset({run.waste}), shift_end_at=run.shift_end_at,
    )
    return broken, others, ways_of(day, run, now), extra


def _stands_broken(day: Day, run: Run) -> bool:
    """Whether its own driver pressed for a breakdown that is not over."""
    mine = (one for one in day.incidents.values() if one.run_id == run.run_id and one.reason == "breakdown")
    return any(one.open and one.workflow != "resolved" and one.condition == "active" for one in mine)


def show_when_made(day: Day, key: IncidentKey, run: Run, visits: Sequence[Visit], began_at: int) -> Steps[None]:
    """Work out the offers of the day as it is at the first step; show them if there is still something to decide.

    Nothing is searched for while all is as it was when those that are shown were: they are written at other minutes.
    """
    wanted = day.incidents.extra_for(key)  # a dispatcher has named it
    may = wanted is not None and why_not(day, run, wanted, began_at) is None
    start = tour_of(day, run, began_at).start
    extra = coming(day, run, wanted, start, began_at) if wanted and may else first_to_come(day, run, began_at)
    ground = _ground(day, run, visits, began_at, extra.at)
    roads = frozenset(one for one in day.closures.values() if one.covers(began_at))
    stands_on, before = searched(*ground, (extra.truck, roads), began_at), day.incidents.searched_in(key)
    offers: tuple[Offer, ...] | None = None
    if before is not None and before.is_still(stands_on, DRIFT_S):
        offers = yield from _at_other_minutes(day, run, day.incidents.offers(key)[1], ground, began_at)
    if offers is None:
        offers, before = (yield from offers_for(day, run, visits, began_at, extra)), stands_on
    incident = day.incidents.get(key)
    if incident is not None and incident.open and incident.workflow != "resolved":
        bodies = [offer_body(day, one, began_at, extra) for one in offers]
        day.incidents.show_offers(key, began_at, bodies, before)


def _at_other_minutes(
    day: Day, run: Run, shown: Sequence[Mapping[str, Any]], ground: Ground, now: int
) -> Steps[tuple[Offer, ...] | None]:
    """The same deals with the times of now; None if one is another by now."""
    found: list[Offer] = []
    for body in shown:
        yield
        offer = yield from _retimed(day, run, body, ground, max(now, day.clock.now), asks_anew=True)
        if offer is None:
            return None
        found.append(offer)
    return _best_first(found) or None


def deal_id(offer: Offer) -> str:
    """What tells one deal from another: who takes over what in which order, and whom it lets down.

    Not the minutes, which drift while a person looks; a promise that they break makes it another deal.
    """
    deal = [
        (record_key(change.key), change.to_truck, change.broken)
        for change in offer.changes
        if change.broken or change.to_truck != change.from_truck
    ]
    return _short(deal)


def _short(named: object) -> str:
    return blake2b(repr(named).encode(), digest_size=8).hexdigest()


def offer_body(day: Day, offer: Offer, made_at: int, extra: Coming) -> dict[str, Any]:
    """An offer as the dispatcher sees it: every promise that would change, before anything does, and which truck more
    it reckons with, if it does, and how that is known.

    `id` is of these very times, `deal` stays the same when they are written anew.
    """
    deal = deal_id(offer)
    return {
        "id": _short((deal, made_at)),
        "deal": deal,
        "name": offer.name,
        "cost_s": offer.cost_s,
        "detour_s": offer.detour_s,
        "broken_promises": offer.broken,
        "extra": extra.body() if any(change.to_truck == EXTRA for change in offer.changes) else None,
        "changes": [
            {
                "visit": record_key(change.key),
                "room": change.key[1],
                "room_name": day.plan.places[change.key[1]].name,
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
    day: Day, run: Run, visits: Sequence[Visit], incident: Incident, act: Act, now: int, *, at_once: bool = False
) -> Offer:
    """The offer that was looked at, as it would be carried out now; ReplanError, and others are begun, if it changed.

    Where none is shown (a blocked lane, a click before the first were made) they are worked out first, in steps, unless
    `at_once`.
    """
    if act.truck and not day.incidents.offers(incident.key)[1]:
        day.incidents.name_extra(incident.key, act.truck)
    if at_once:
        whole(show_when_made(day, incident.key, run, visits, now))
    shown = day.incidents.offers(incident.key)[1]
    if not shown:
        if day.incidents.working is None or day.incidents.working.key != incident.key:
            _work_out(day, run, visits, incident, now)
        raise ReplanError("what can be done is still being worked out: look again in a moment", not_yet=True)
    if act.offer is None and not 0 <= act.option < len(shown):
        raise ReplanError(f"there are {len(shown)} options, counted from 0")
    looked_at = day.incidents.offer_looked_at(incident.key, act.offer or shown[act.option]["id"])
    if looked_at is None:  # an old screen: what is shown to others stands
        raise ReplanError("this option is not on offer any more: look again, then decide")
    _must_be_in_time(day, run, visits, incident, act, looked_at[1], now)
    offer = _as_of_now(day, run, visits, *looked_at, now)
    if offer is None:
        day.incidents.end_choosing(incident.key)
        _work_out(day, run, visits, incident, now)
        raise ReplanError("this option is not what it was when it was shown: look again, then decide")
    return offer


def _must_be_in_time(
    day: Day, run: Run, visits: Sequence[Visit], incident: Incident, act: Act, body: Mapping[str, Any], now: int
) -> None:
    """Raise ReplanError, and begin others with that truck, where the one that is named cannot keep what is offered."""
    reckoned, truck = body.get("extra"), act.truck or ""
    if reckoned is None or truck in ("", reckoned["truck"]) or why_not(day, run, truck, now) is not None:
        return
    named = coming(day, run, truck, tour_of(day, run, now).start, now)
    late_s = named.at - reckoned["comes_at"]
    if late_s > DRIFT_S:
        day.incidents.name_extra(incident.key, truck)
        day.incidents.end_choosing(incident.key)
        _work_out(day, run, visits, incident, now)
        raise ReplanError(f"{truck} would be there {-(-late_s // 60)} minutes later than this option says: "
                          "look again, the options reckon with it now, then decide")  # fmt: skip


def _as_of_now(
    day: Day, run: Run, visits: Sequence[Visit], made_at: int, body: Mapping[str, Any], now: int
) -> Offer | None:
    """What was shown, with the times of now; None if it is another deal by now or they are others."""
    reckoned = body.get("extra")
    ground = _ground(day, run, visits, now, reckoned["comes_at"] if reckoned else made_at)
    offer = whole(_retimed(day, run, body, ground, now))
    return None if offer is None or _drifted(body, offer) else offer


def _retimed(
    day: Day, run: Run, body: Mapping[str, Any], ground: Ground, now: int, *, asks_anew: bool = False
) -> Steps[Offer | None]:
    """A deal that was shown with the times of now; None if it is another by now."""
    offer = yield from kept(_deal(day, body), *ground, asks_anew=asks_anew)
    offer = (yield from timed(day, run, offer, ground[2], now)) if offer is not None else None
    return None if offer is None or deal_id(offer) != body["deal"] else offer


def _work_out(day: Day, run: Run, visits: Sequence[Visit], incident: Incident, now: int) -> None:
    """Begin to, unless others are made for the first time just now: those that only age wait for whoever clicked."""
    working = day.incidents.working
    if working is None or day.incidents.offers(working.key)[1]:
        day.incidents.begin_working(incident.key, now, show_when_made(day, incident.key, run, visits, now))


def _deal(day: Day, body: Mapping[str, Any]) -> Deal:
    """Who drives where, as it was shown."""
    keys = {record_key(key): key for key in day.visits}
    orders: dict[str, list[VisitKey]] = {}
    for change in body["changes"]:
        if change["to_truck"] is not None and change["visit"] in keys:
            orders.setdefault(change["to_truck"], []).append(keys[change["visit"]])
    left = {keys[entry["visit"]]: entry["reason"] for entry in body["unplaced"] if entry["visit"] in keys}
    return Deal(body["name"], orders, left)


def _drifted(body: Mapping[str, Any], offer: Offer) -> bool:
    """Whether a truck that takes something over would be anywhere at another time by now than was shown."""
    shown = {change["visit"]: change["after_at"] for change in body["changes"]}
    trucks = gaining(offer)
    after = ((shown[record_key(one.key)], one.after_at) for one in offer.changes if one.to_truck in trucks)
    return any(was is None or at is None or abs(at - was) > DRIFT_S for was, at in after)
