"""The judge of the whole record: which visits are right, which are wrong and how; and the sums of many days.

A visit is right if it is on record as served, by its run, at its room, with the arrival as it was. Wrong are those that
are missing, those of another time, those known by a person's word only; worse are those that never were, and calls for
rooms that the same run had served.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from sim.judging.judges.visits import NEVER_WAS
from sim.judging.sentence import Sentence, said, waste_word
from sim.judging.verdict import Verdict, clock, not_on_record, recorded_visit, too_few, verdict, visit_at, visit_name
from sim.world.evidence import Evidence, StoredRecord, TrueVisit

SAME_DAY_S = 12 * 3600.0
ANOTHER_ROOM_S = 60.0  # a visit that is on record elsewhere at that time is one of the wrong room


@dataclass(slots=True)
class Tally:
    """What was true and what is on record, in numbers; tallies of several runs add up."""

    made: int = 0
    right: int = 0
    missing: int = 0  # not on record as served
    wrong_time: int = 0
    by_word: int = 0  # a person said that it was made, and not when
    never_made: int = 0  # and on record as served
    called_after: int = 0
    bins: int = 0  # emptied, at the visits whose record does not say "unknown"
    bins_told: int = 0
    bins_unknown: int = 0  # visits
    grams: int = 0
    grams_told: int = 0
    grams_unknown: int = 0
    faults: list[Sentence] = field(default_factory=list)

    def __add__(self, other: "Tally") -> "Tally":
        """Both together."""
        return Tally(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Tally)))

    @property
    def share(self) -> float:
        """How many visits of those that were made are right."""
        return self.right / self.made if self.made else 0.0

    def off(self, what: str) -> float:
        """By which share the sum of `bins` or `grams` on record is off."""
        true, told = getattr(self, what), getattr(self, f"{what}_told")
        return float((told - true) / true) if true else float(told > 0)


def tally(evidence: Evidence, within_s: float) -> Tally:
    """The numbers of a run; arrivals are right within `within_s`."""
    found = Tally()
    served = [record for record in evidence.newest_of("visit").values() if record.body["state"] == "served"]
    left: dict[str, StoredRecord] = {record.key: record for record in served}
    missing: list[TrueVisit] = []
    visits = sorted(evidence.visits, key=lambda one: one.arrived_at)
    told = _told(visits, served)
    for number, visit in enumerate(visits):
        record = told.get(number)
        if record is not None:
            del left[record.key]
        if visit.left_at is None:  # it still stands there
            continue
        found.made += 1
        amounts = (("bins", visit.bins_taken), ("grams", visit.grams_taken))
        for what, taken in () if visit.booked else amounts:  # at a pile there are no bins, and it is weighed elsewhere
            _add(found, what, taken, None if record is None else record.body)
        if record is None:
            found.missing += 1
            missing.append(visit)
            continue
        late_s = _late_s(visit, record.body["arrived_at"])
        if late_s is None:
            found.by_word += 1
            found.faults.append(said("fault", "known_by_word", visit=visit_at(evidence, visit)))
        elif abs(late_s) > within_s:
            found.wrong_time += 1
            found.faults.append(
                said("fault", "arrival_off", visit=visit_name(visit), at=clock(evidence, visit.arrived_at),
                     within=within_s, told=clock(evidence, record.body["arrived_at"]), off=late_s)
            )  # fmt: skip
        else:
            found.right += 1
    for record in left.values():
        found.never_made += 1
        for what in ("bins", "grams"):
            _add(found, what, 0, record.body)
        found.faults.append(_never_made(evidence, record, missing))
    found.faults += [not_on_record(evidence, visit) for visit in missing]
    for fault in _called_after(evidence):
        found.called_after += 1
        found.faults.append(fault)
    return found


def visits_right(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """The record is right of nearly all visits, has none that never was, calls nobody in vain, and adds up."""
    return judged(tally(evidence, values["within_s"]), values)


def judged(found: Tally, values: Mapping[str, Any]) -> Verdict:
    """What is to be said of these numbers."""
    wrong = found.share < values["share"] or found.never_made > values["never_made"]
    faults = found.faults if wrong or found.called_after > values["called_after"] else []
    for what, sums, none_known, one in (("bins", "visits_bins", "unknown_bins", 1),
                                        ("grams", "visits_kg", "unweighed", 1000)):  # fmt: skip
        if abs(found.off(what)) > values["sums_within"]:
            true, off = getattr(found, what) / one, values["sums_within"] * getattr(found, what) / one
            told = getattr(found, f"{what}_told") / one
            faults = [said("fault", sums, low=true - off, high=true + off, told=told), *faults]
        unknown, most = getattr(found, f"{what}_unknown"), values["unknown_share"] * found.made
        if unknown > most:
            faults = [said("fault", none_known, most=most, visits=found.made, unknown=unknown), *faults]
    return verdict(
        "visits_right", faults, too_few("visits", found.made, values["at_least"]), right=found.right, made=found.made,
        share=found.share, missing=found.missing, wrong_time=found.wrong_time, by_word=found.by_word,
        never_made=found.never_made, called_after=found.called_after, bins_off=found.off("bins"),
        kg_off=found.off("grams"),
    )  # fmt: skip


def _told(visits: Sequence[TrueVisit], records: Sequence[StoredRecord]) -> dict[int, StoredRecord]:
    """The record of each visit by its number: the nearest pairs of a day first, those without a time last."""
    pairs: list[tuple[float, int, int]] = []
    for number, visit in enumerate(visits):
        for place, record in enumerate(records):
            body = record.body
            same = (body["truck"], body["room"], body["waste"]) == (visit.truck, visit.room, visit.waste)
            if same and abs(record.at - visit.arrived_at) < SAME_DAY_S:
                late_s = _late_s(visit, body["arrived_at"])
                pairs.append((SAME_DAY_S if late_s is None else abs(late_s), number, place))
    told: dict[int, StoredRecord] = {}
    taken: set[int] = set()
    for _, number, place in sorted(pairs):
        if number not in told and place not in taken:
            told[number] = records[place]
            taken.add(place)
    return told


def _late_s(visit: TrueVisit, arrived_at: int | None) -> float | None:
    """How much later an arrival is on record than it was; where one place serves two rooms all between is right."""
    if arrived_at is None:
        return None
    first_at = visit.arrived_at if visit.stood_from_at is None else visit.stood_from_at
    return arrived_at - min(max(arrived_at, first_at), visit.arrived_at)


def _add(found: Tally, what: str, taken: int, body: Mapping[str, Any] | None) -> None:
    """Count what was emptied and what is on record of it; an unknown amount is no wrong one."""
    if body is None:
        setattr(found, what, getattr(found, what) + taken)
        return
    before, after = body[f"{what}_before"], body[f"{what}_after"]
    if before is None or after is None:
        setattr(found, f"{what}_unknown", getattr(found, f"{what}_unknown") + 1)
        return
    setattr(found, what, getattr(found, what) + taken)
    setattr(found, f"{what}_told", getattr(found, f"{what}_told") + max(0, before - after))


def _never_made(evidence: Evidence, record: StoredRecord, missing: Iterable[TrueVisit]) -> Sentence:
    body = record.body
    at = body["arrived_at"]
    name = recorded_visit(body)
    for visit in missing if at is not None else ():
        end_at = visit.left_at if visit.left_at is not None else evidence.end_at
        if visit.truck == body["truck"] and visit.arrived_at - ANOTHER_ROOM_S <= at <= end_at + ANOTHER_ROOM_S:
            where = {"truck": visit.truck, "there": visit.room}
            return said("fault", "was_elsewhere", visit=name, at=clock(evidence, at), **where)
    return said("fault", NEVER_WAS, visit=name, at=clock(evidence, record.at if at is None else at))


def _called_after(evidence: Evidence) -> Iterator[Sentence]:
    """Calls that were made when the same run had been there and did not come again."""
    for call in evidence.newest_of("call").values():
        body = call.body
        at, place = body["called_at"], (body["run_id"], body["room"], body["waste"])
        there = [visit for visit in evidence.visits if (visit.run_id, visit.room, visit.waste) == place]
        gone = [visit for visit in there if visit.left_at is not None and at is not None and visit.left_at <= at]
        if gone and len(gone) == len(there):
            left = clock(evidence, max(visit.left_at or 0.0 for visit in gone))
            place_name = {"room": body["room"], "waste": waste_word(body["waste"])}
            yield said("fault", "called_after", left=left, at=clock(evidence, at), **place_name)

