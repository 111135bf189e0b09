"""The judge of what was collected: the bins really emptied against visits, figures, itineraries and learned stays."""

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from broker.rules.statistics.cube import count
from broker.rules.tracking.types import TrackSettings
from sim.judging.sentence import Sentence, said
from sim.judging.verdict import Verdict, not_on_record, too_few, verdict, visit_at
from sim.world.evidence import Evidence, Heard, StoredRecord, TrueVisit

SAME_VISIT_S = 300.0
SECOND_TRUCK_S = 7200.0
SEEN_GAP_S = TrackSettings().seen_gap_s


def bins_collected(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """Visit by visit the bins are those that were emptied, stays are learned by them, trucks were told what waited.

    Visits and figures add up to the same bins, and to the kilograms within `grams_within`. Kilograms may be unknown of
    a few visits, bins of those only that another truck of the kind made as well or whose unit was without power: a
    number that is said is right.
    """
    made = [visit for visit in evidence.visits if visit.left_at is not None and not visit.booked]
    served = {record.key: record for record in evidence.stored_of("visit") if record.body["state"] == "served"}
    itineraries = [heard for heard in evidence.heard if heard.channel == "itinerary"]
    stays = evidence.stored_of("dwell")
    positions_at = _positions_at(evidence)
    faults: list[Sentence] = []
    unlearned: list[Sentence] = []
    by_visits_grams = taken = grams = unweighed = 0
    for visit in made:
        record = _same(visit, list(served.values()))
        if record is None:
            faults.append(not_on_record(evidence, visit))
            continue
        del served[record.key]
        body = record.body
        if None in (body["bins_before"], body["bins_after"]):
            if not _has_a_second_truck(visit, made) and not _was_without_power(evidence, visit):
                faults.append(said("fault", "bins_unknown", visit=visit_at(evidence, visit), bins=visit.bins_taken))
        else:
            taken += visit.bins_taken
            told = body["bins_before"] - body["bins_after"]
            if told != visit.bins_taken:
                name = visit_at(evidence, visit)
                faults.append(said("fault", "bins_other", visit=name, bins=visit.bins_taken, told=told))
        if None in (body["grams_before"], body["grams_after"]):
            unweighed += 1
        else:
            grams += visit.grams_taken
            by_visits_grams += body["grams_before"] - body["grams_after"]
        if not _has_a_second_truck(visit, made):  # of what is outside, each is told only what may be its own
            faults += _told(evidence, itineraries, visit)
        learned = _learned_at(stays, visit, record)
        faults += _learned(evidence, visit, learned)
        if not learned and not body["inferred"] and _is_seen_without_gap(positions_at.get(visit.truck, ()), visit):
            unlearned.append(said("fault", "unlearned", visit=visit_at(evidence, visit)))  # a stay that was seen
    if len(unlearned) > values["unlearned_share"] * len(made):
        faults += unlearned
    if unweighed > values["unweighed_share"] * len(made):
        most = values["unweighed_share"] * len(made)
        faults.append(said("fault", "unweighed", most=most, visits=len(made), unknown=unweighed))
    cube = count([one for one in evidence.stored if one.kind in ("visit", "call", "keeper")], values["timezone"])
    figures = {name: sum(row[name] for row in cube.values()) for name in ("bins", "grams")}
    if figures["bins"] != taken:
        faults.append(said("fault", "figures_bins", bins=taken, told=figures["bins"]))
    for where, told in (("visits_kg", by_visits_grams), ("figures_kg", figures["grams"])):
        off_grams = values["grams_within"] * grams
        if abs(told - grams) > off_grams:
            low, high = (grams - off_grams) / 1000, (grams + off_grams) / 1000
            faults.append(said("fault", where, low=low, high=high, told=told / 1000))
    off = 100 * (figures["grams"] - grams) / grams if grams else 0.0
    refused = sum(visit.bins_refused for visit in made)
    return verdict(
        "bins_collected", faults, too_few("visits", len(made), values["at_least"]), bins=taken, visits=len(made),
        kg=grams / 1000, off=off, refused=refused, unweighed=unweighed,
    )  # fmt: skip


def _has_a_second_truck(visit: TrueVisit, made: Sequence[TrueVisit]) -> bool:
    """Whether nobody can know which of two trucks emptied the bins that both found outside."""
    place = (visit.room, visit.waste)
    return any(
        other is not visit and (other.room, other.waste) == place
        and abs(other.arrived_at - visit.arrived_at) <= SECOND_TRUCK_S
        for other in made
    )  # fmt: skip


def _was_without_power(evidence: Evidence, visit: TrueVisit) -> bool:
    """Whether bins may have passed sensors that saw nothing."""
    spans = evidence.unpowered.get(visit.room, ())
    from_at, until_at = visit.arrived_at - SECOND_TRUCK_S, visit.arrived_at + SECOND_TRUCK_S
    return any(span.start < until_at and (span.end is None or span.end > from_at) for span in spans)


def _same(visit: TrueVisit, records: Sequence[StoredRecord]) -> StoredRecord | None:
    place = (visit.room, visit.waste, visit.visit_number, visit.truck)
    for record in records:
        body = record.body
        near = body["arrived_at"] is not None and abs(body["arrived_at"] - visit.arrived_at) <= SAME_VISIT_S
        if near and (body["room"], body["waste"], body["visit_number"], body["truck"]) == place:
            return record
    return None


def _told(evidence: Evidence, itineraries: Sequence[Heard], visit: TrueVisit) -> Iterator[Sentence]:
    """The driver who arrives reads how many bins waited."""
    told = None
    for heard in itineraries:
        if heard.at > visit.arrived_at:
            break
        if heard.device == visit.truck:
            told = heard.body
    for row in told["visits"] if told else ():
        if (row["room"], row["visit_number"]) == (visit.room, visit.visit_number):
            counts = [one["count"] for one in row["bins"]]
            if counts != [visit.bins_waited]:
                yield said("fault", "told_bins", visit=visit_at(evidence, visit), bins=visit.bins_waited, told=counts)


def _learned_at(stays: Sequence[StoredRecord], visit: TrueVisit, record: StoredRecord) -> list[Mapping[str, Any]]:
    place = (visit.room, visit.waste, record.body["arrived_at"] or 0)
    bodies = (stay.body for stay in stays)
    return [stay for stay in bodies if (stay["room_id"], stay["waste"], stay["started_at"]) == place]


def _learned(evidence: Evidence, visit: TrueVisit, learned: Sequence[Mapping[str, Any]]) -> Iterator[Sentence]:
    """The stay that is learned from is by the bins that stood there for the truck."""
    for stay in learned:
        stood = visit.bins_taken + visit.bins_refused
        if stay["bins"] is not None and stay["bins"] != stood:
            yield said("fault", "learned_bins", visit=visit_at(evidence, visit), bins=stood, told=stay["bins"])


def _positions_at(evidence: Evidence) -> dict[str, list[int]]:
    """When each truck was heard to say where it is, but for what came late and decided nothing."""
    told: dict[str, list[int]] = {}
    for record in evidence.stored_of("fix"):
        body = record.body
        if body["fix_at"] is not None and body["lat"] is not None and not body["late"]:
            told.setdefault(record.key, []).append(body["fix_at"])
    return {truck: sorted(at) for truck, at in told.items()}


def _is_seen_without_gap(positions_at: Sequence[int], visit: TrueVisit) -> bool:
    """Whether the positions of the truck went on from before the stay until after it."""
    assert visit.left_at is not None
    from_at, until_at = visit.arrived_at - SEEN_GAP_S, visit.left_at + SEEN_GAP_S
    first, end = bisect_left(positions_at, from_at), bisect_right(positions_at, until_at)
    seen = [from_at, *positions_at[first:end], until_at]
    return all(after - before <= SEEN_GAP_S for before, after in itertools.pairwise(seen))

