"""Judges of bookings: who booked a truck had one, in the window, once; and the record says of it what was so."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from broker.rules.states.booking import COMING
from sim.judging.sentence import Term, said
from sim.judging.verdict import Verdict, clock, too_few, verdict
from sim.world.evidence import Evidence

FETCHED = ("loaded", "completed")
ENDED_IN_VAIN = ("declined", "expired", "cancelled", "failed")
EARLY_S = 600.0  # a crew that is there before the window waits, or loads


def booking_went(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """By the record the bookings of a pile went through exactly these states."""
    pile = values["pile"]
    bodies = [record.body for record in evidence.stored_of("booking") if record.body["pile"] == pile]
    states = [state for state, _ in groupby(map(_went_to, bodies))]
    words = [Term("booking", state) for state in states]
    faults = []
    if bodies and states != values["states"]:
        wanted = [Term("booking", state) for state in values["states"]]
        faults.append(said("fault", "booking_states", pile=pile, wanted=wanted, states=words))
    lacks = too_few("bookings", len(bodies), 1)
    return verdict("booking_went", faults, lacks, pile=pile, states=words)


def _went_to(body: Mapping[str, Any]) -> str:
    if body["answered_at"] is not None:
        return "answered"
    return "disputed" if body["disputed_at"] is not None else str(body["state"])


def booked_truck_came(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """To each pile that was booked one truck came in its window; what it loaded, and when it came, is on record."""
    faults = []
    newest = evidence.newest_of("booking")
    for _, pile, from_at, until_at in evidence.asked_for:
        name = {"pile": pile, "from": clock(evidence, from_at), "until": clock(evidence, until_at)}
        came = [visit for visit in evidence.visits if visit.booked and visit.room == pile
                and from_at - EARLY_S <= visit.arrived_at <= until_at + values["late_min"] * 60]  # fmt: skip
        kept = [record.body for record in newest.values()
                if (record.body["pile"], record.body["from_at"]) == (pile, int(from_at))
                and record.body["state"] not in ENDED_IN_VAIN]  # fmt: skip
        if len(came) != 1:
            faults.append(said("fault", "booked_visits", **name, came=len(came)))
        if len(kept) != 1:
            faults.append(said("fault", "booked_records", **name, found=len(kept)))
            continue
        (body,) = kept
        if came and body["state"] in COMING and evidence.end_at - came[0].arrived_at <= values["within_s"]:
            continue  # it may be told yet
        still_loads = bool(came) and came[0].left_at is None  # when the run ends
        if body["state"] not in (("at_site",) if still_loads else FETCHED):
            faults.append(said("fault", "booked_state", **name, state=Term("booking", body["state"])))
        elif came and not still_loads and body["measured_litres"] != came[0].litres:
            told = Term("names", "nothing") if body["measured_litres"] is None else body["measured_litres"]
            faults.append(said("fault", "booked_measured", **name, litres=came[0].litres, told=told))
        elif came and abs((body["at_site_at"] or 0) - came[0].arrived_at) > values["within_s"]:
            at = clock(evidence, body["at_site_at"]) if body["at_site_at"] else Term("names", "nothing")
            faults.append(said("fault", "booked_arrival", **name, at=clock(evidence, came[0].arrived_at), told=at))
    count = len(evidence.asked_for)
    return verdict("booked_truck_came", faults, too_few("bookings", count, values["at_least"]), bookings=count)
