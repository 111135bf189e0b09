"""What holds in every run, whatever goes wrong in it: the promises of the system, judged against the world's truth.

    recorded    what a device kept is stored, once
    pressed     a press that was meant is one incident, which is on the screen until it is over
    answered    what a person did about an incident is not forgotten: it goes on, and back only if nothing was decided
    blocked     a room whose lane was blocked is visited again, or somebody decided otherwise
    called      a visit has one call; where everybody hears everybody, its lamp is lit once and before the truck comes
    unknown     a lamp is never dark for want of knowledge, and never lit by late positions
    served      the record says of no room that it was served, if it was not
    finished    a run is over only when it owes nothing

A run of several days is asked day by day. Where the clock of the bridge was wrong nothing is asked that compares its
moments with the world's or with each other.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sim.judging.judges import lamps, presses, visits
from sim.judging.sentence import Sentence, Term, said, waste_word
from sim.judging.verdict import Judge, Verdict, clock, recorded_visit, verdict
from sim.world.evidence import Evidence, Heard, Press, StoredRecord

HEARD_WITHIN_S = 3.0  # a lamp shows what its room was told by then
SHOWN_WITHIN_S = 5.0  # a press that is stored is on the screen by then
ONE_GESTURE_S = 30.0
DAY_S, NIGHT_S = 86_400, 3 * 3600
BOOTS_FOR_S = 30.0  # a truck's computer takes no press so soon after its plug was pushed
MEANT = ("lane_blocked", "breakdown")
OVER = ("served", "skipped", "cancelled")
ENDED = ("closed", "withdrawn")
STEPS = {"raised": 0, "acknowledged": 1, "in_progress": 2, "resolved": 3, "closed": 4, "withdrawn": 4}
RUNS_OUT_S = 590.0  # an acknowledgement without action is none any more after ten minutes
HARMLESS = ("bins_moved", "waste_thrown", "keeper_press", "on_screen")
NO_RETURN = ("wait", "cancel_visit", "extra_truck")


def invariants(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:  # noqa: ARG001 - they ask for nothing
    """Everything that holds in every run."""
    found = [said("promise", name, fault=fault) for name, faults in _looked(evidence) for fault in faults]
    return verdict("invariants", found, promises=len(INVARIANTS))


def broken(evidence: Evidence) -> list[str]:
    """The names of those that did not hold."""
    return [name for name, faults in _looked(evidence) if next(faults, None) is not None]


def all_faults(evidence: Evidence) -> dict[str, list[Sentence]]:
    """The names of those that did not hold, each with all that broke it."""
    return {name: found for name, faults in _looked(evidence) if (found := list(faults))}


def _looked(evidence: Evidence) -> Iterator[tuple[str, Iterator[Sentence]]]:
    """Each promise with what breaks it; of several days each is asked by itself, for rooms are called on each anew."""
    days = list(_days(evidence))
    for name, look in INVARIANTS.items():
        parts = [evidence] if look is _recorded else days
        yield name, itertools.chain.from_iterable(map(look, parts))


def _days(evidence: Evidence) -> Iterator[Evidence]:
    """The days of a run, each from the hour of the night in which nobody is called."""
    night_at = evidence.day_start_at + NIGHT_S
    if evidence.end_at <= night_at + DAY_S:
        yield evidence
        return
    while night_at < evidence.end_at:
        yield evidence.between(night_at, night_at + DAY_S)
        night_at += DAY_S


def _recorded(evidence: Evidence) -> Iterator[Sentence]:
    yield from _faults(visits.records_stored_once, evidence, at_least=0)


def _pressed(evidence: Evidence) -> Iterator[Sentence]:
    for truck in sorted(evidence.track):
        meant = [press for press in evidence.presses if press.truck == truck and press.meant in MEANT]
        if meant and _are_apart(meant) and all(_had_power(evidence, press) for press in meant):
            faults = _faults(presses.press_stored_once, evidence, truck=truck, presses=len(meant), reason="")
            yield from (one for one in faults if one.word != presses.NO_MATCH or _had_right_clock(evidence))
    workflows = evidence.stored_of("workflow")
    for at, shown in evidence.screen if _had_right_clock(evidence) else ():
        newest = {record.key: record for record in workflows if record.at <= at}
        for record in {one.key: one for one in workflows if one.at <= at - SHOWN_WITHIN_S}.values():
            later = newest[record.key]
            if record.body["workflow"] not in ENDED and later.body["workflow"] not in ENDED:
                name = record.body["incident_id"]
                if name not in shown:
                    yield said("fault", "not_on_screen", incident=name, truck=record.body["truck"],
                               since=clock(evidence, record.at), at=clock(evidence, at))  # fmt: skip


def _answered(evidence: Evidence) -> Iterator[Sentence]:
    known: dict[str, StoredRecord] = {}
    for record in evidence.stored_of("workflow") if _had_right_clock(evidence) else ():
        before, known[record.key] = known.get(record.key, record), record
        was, now = before.body["workflow"], record.body["workflow"]
        ran_out = (was, now) == ("acknowledged", "raised") and record.at - before.at >= RUNS_OUT_S
        if STEPS[now] < STEPS[was] and record.at > before.at and not ran_out:
            states = {"was": Term("steps", was), "now": Term("steps", now)}
            yield said("fault", "went_back", incident=record.body["incident_id"], since=clock(evidence, before.at),
                       at=clock(evidence, record.at), **states)  # fmt: skip


def _blocked(evidence: Evidence) -> Iterator[Sentence]:
    planned = {(one.body["room"], one.body["visit_number"]) for one in evidence.stored_of("visit")}
    served = {(one.room, one.visit_number) for one in evidence.visits}
    workflows = evidence.newest_of("workflow", evidence.end_at) if _had_right_clock(evidence) else {}
    for record in workflows.values():
        body = record.body
        if body["reason"] != "lane_blocked" or body["room"] is None or body["workflow"] == "withdrawn":
            continue
        room, number = body["room"], body["visit_number"]
        if body["decision"] not in NO_RETURN and not {(room, number), (room, number + 1)} & (served | (
                planned - {(room, number)})):  # fmt: skip
            yield said("fault", "no_second_visit", room=room, incident=body["incident_id"],
                       since=clock(evidence, record.at), number=number + 1)  # fmt: skip


def _called(evidence: Evidence) -> Iterator[Sentence]:
    calls: dict[tuple[Any, ...], set[Any]] = {}
    for heard in evidence.heard:
        body = heard.body
        if heard.channel == "arrival" and body["state"] in lamps.LIT:
            visit = (heard.by, body["waste"], body["run_id"], body["visit_number"])
            calls.setdefault(visit, set()).add(body["call_id"])
    for (room, waste, run, number), found in calls.items():
        if len(found) > 1:
            ids = sorted(map(str, found))
            yield said("fault", "called_twice", room=room, waste=waste_word(waste), n=number, run=run, ids=ids)
    if _had_right_clock(evidence):
        yield from _let_go(evidence)
    if not _disturbed(evidence):
        yield from _faults(lamps.one_call_per_visit, evidence, at_least=0)
        yield from _faults(lamps.lamp_lit_before_arrival, evidence, at_least=0, share=1.0)
        yield from _faults(lamps.lamp_off_after_departure, evidence, at_least=0, within_s=90.0)


def _let_go(evidence: Evidence) -> Iterator[Sentence]:
    """A call that was made and is taken back, by the bridge or by the lamp."""
    told: dict[tuple[str, str], Heard] = {}
    moments: list[tuple[float, int, Any]] = [
        *((heard.at, 0, heard) for heard in evidence.heard if heard.channel == "arrival"),
        *((change.at, 1, change) for change in evidence.lamps if change.shown == "off"),
    ]
    for _, _, one in sorted(moments, key=lambda moment: moment[:2]):
        if isinstance(one, Heard):
            before, body = told.get((one.by, one.body["waste"])), one.body
            if before is not None and body["sent_at"] < before.body["sent_at"]:
                continue  # a broker that was killed says again what was so before
            told[one.by, body["waste"]] = one
            if before is not None and before.body["state"] in ("due", "held") and body["state"] == "scheduled" and (
                    _visit_of(before) == _visit_of(one)):  # fmt: skip
                yield said("fault", "call_taken_back", room=one.by, waste=waste_word(body["waste"]),
                           n=body["visit_number"], since=clock(evidence, before.at), at=clock(evidence, one.at),
                           state=Term("states", body["state"]))  # fmt: skip
            continue
        last = told.get((one.room, one.waste))
        is_called = last is not None and last.body["state"] in lamps.LIT and last.at < one.at - HEARD_WITHIN_S
        forgot = any(last is not None and (spell.start >= last.at or spell.covers(one.at))
                     for spell in evidence.unpowered.get(one.room, []) if spell.start <= one.at)  # fmt: skip
        if last is not None and is_called and not forgot:
            yield said("fault", "dark_when_called", room=one.room, waste=waste_word(one.waste),
                       since=clock(evidence, last.at), state=Term("states", last.body["state"]),
                       at=clock(evidence, one.at))  # fmt: skip


def _visit_of(heard: Heard) -> tuple[Any, ...]:
    return heard.body["run_id"], heard.body["visit_number"]


def _unknown(evidence: Evidence) -> Iterator[Sentence]:
    yield from _faults(lamps.never_dark_while_unknown, evidence, at_least=0, grace_s=100.0)
    for truck in sorted(evidence.track) if _had_right_clock(evidence) else ():
        yield from _faults(lamps.no_lamp_from_late_data, evidence, truck=truck)


def _served(evidence: Evidence) -> Iterator[Sentence]:
    there = Counter((visit.room, visit.waste) for visit in evidence.visits)
    for record in evidence.newest_of("visit").values():
        body = record.body
        if body["state"] != "served":
            continue
        place = (body["room"], body["waste"])
        there[place] -= 1  # which number a stay has is a matter of what was decided while the truck stood there
        if there[place] < 0:
            yield said("fault", visits.NEVER_WAS, visit=recorded_visit(body), at=clock(evidence, record.at))


def _finished(evidence: Evidence) -> Iterator[Sentence]:
    for run in evidence.stored_of("run"):
        if run.body["state"] != "finished" or not _had_right_clock(evidence):
            continue
        for visit in evidence.newest_of("visit", run.at).values():
            body = visit.body
            if body["run_id"] == run.body["run_id"] and body["state"] not in OVER:
                yield said("fault", "finished_owing", run=run.key, room=body["room"], n=body["visit_number"],
                           state=Term("states", body["state"]), at=clock(evidence, run.at))  # fmt: skip


INVARIANTS: dict[str, Callable[[Evidence], Iterator[Sentence]]] = {
    "recorded": _recorded,
    "pressed": _pressed,
    "answered": _answered,
    "blocked": _blocked,
    "called": _called,
    "unknown": _unknown,
    "served": _served,
    "finished": _finished,
}


def _faults(judge: Judge, evidence: Evidence, **values: Any) -> Iterator[Sentence]:
    found = judge(evidence, values)
    yield from (fault for fault in found.faults if isinstance(fault, Sentence) and fault != found.lacks)


def _had_power(evidence: Evidence, press: Press) -> bool:
    """Whether the truck's computer ran while the button was held, and for a while before."""
    off = evidence.unpowered.get(press.truck, [])
    began, held = press.at - BOOTS_FOR_S, press.at + press.held_s
    return not any(one.start < held and (one.end is None or one.end > began) for one in off)


def _are_apart(presses: Sequence[Press]) -> bool:
    """Whether each press is a gesture of its own: a second hold right after a first one belongs to it."""
    times = sorted(press.at for press in presses)
    return all(after - before >= ONE_GESTURE_S for before, after in itertools.pairwise(times))


def _had_right_clock(evidence: Evidence) -> bool:
    return not any(kind == "clock_jump" for _, kind in evidence.happened)


def _disturbed(evidence: Evidence) -> bool:
    """Whether anything went wrong that a truck, a room or the bridge has to do with."""
    return any(kind not in HARMLESS for _, kind in evidence.happened)
