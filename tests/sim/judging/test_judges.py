"""Every expectation can fail: a real run satisfies each judge, and the same run doctored is condemned by it."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sim.judging.judge import JUDGES
from sim.judging.judges.lamps import LIT
from sim.scenario.scenario import parse
from sim.scenario.schema import DEMANDS
from sim.virtual.run import play
from sim.world.evidence import Evidence, Interval, LampChange, LightChange, Press, StoredRecord, TrueVisit

# One truck, four rooms, and in one hour nearly everything that can go wrong.
SCENARIO = """
[scenario]
about = "everything at once"
from = "05:50"
to = "06:45"
seed = 3
[area]
runs = ["wet-north-1"]
first_visits = 4
bins_each = 1
[dispatcher]
acknowledge_after_s = 30
decide_after_s = 90
[[event]]
at = "05:52"
kind = "link_cut"
device = "r07"
for_min = 4
[[event]]
at = "06:00"
kind = "lane_blocked"
room = "r03"
for_min = 22
[[event]]
at = "06:12"
kind = "link_cut"
device = "t01"
for_min = 2
[[expect]]
kind = "visits_served"
"""
ASKED = {
    "lamp_off_after_departure": {"within_s": 180.0},
    "lamp_lead": {"low_min": 1.0, "high_min": 60.0},
    "no_lamp_from_late_data": {"truck": "t01"},
    "lamp_shows": {"room": "r07", "waste": "residential_wet", "shown": "no_data", "from": 21300, "to": 21360},
    "lamp_stays_lit": {"from": 22200, "to": 22320},
    "press_stored_once": {"truck": "t01", "reason": "lane_blocked"},
    "light_stages": {"truck": "t01", "stages": ["fast", "slow", "steady", "flashes"]},
    "acknowledged": {"truck": "t01", "within_s": 5.0},
    "answered": {"truck": "t01", "of": "dispatcher", "states": ["told", "seen"]},
    "case_suggested": {"room": "r03", "times": 1},
    "case_went": {"room": "r03", "states": ["opened", "handed_over", "answered", "closed"], "evidence": 2},
    "second_visit": {"room": "r03", "within_min": 60.0},
    "booking_went": {"pile": "p01", "states": ["loaded"]},
    "alarms_told": {"alarms": [], "most_10_min": 10},
    "itinerary_changed": {"truck": "t01"},
    "visits_taken_over": {"truck": "t01"},
    "visited_between": {"room": "r05", "from": 21600, "to": 25200},
    "backlog_marked_late": {"device": "t01"},
    "positions_true": {"truck": "t01"},
    "visits_served": {"within_s": 200.0},
    "visits_right": {"within_s": 200.0},
}


@pytest.fixture(scope="module")
def run() -> Evidence:
    """The evidence of one real run of the scenario above."""
    return play(parse(SCENARIO, "everything", "everything.toml")).evidence


def judged(kind: str, evidence: Evidence) -> tuple[bool, tuple[str, ...]]:
    """What the judge of this kind says with the values asked above and the language's defaults."""
    values = {name: key.default for name, key in DEMANDS[kind].items() if key.default is not ...}
    verdict = JUDGES[kind](evidence, values | ASKED.get(kind, {}))
    return verdict.held, verdict.faults


def taken_over(evidence: Evidence) -> None:
    """As if t01 had broken down after its first visit and t02 had gone on."""
    for visit in evidence.visits[1:]:
        visit.truck = "t02"
    evidence.presses = [replace(press, meant="breakdown") for press in evidence.presses]


def first(evidence: Evidence, kind: str) -> StoredRecord:
    """One stored record of a kind."""
    return evidence.stored_of(kind)[0]


def darken(evidence: Evidence) -> None:
    """No lamp ever lit."""
    evidence.lamps = [replace(change, shown="off") if change.shown in LIT else change for change in evidence.lamps]


def flicker(evidence: Evidence) -> None:
    """A lamp went out and on again in the middle of its call."""
    visit = next(v for v in evidence.visits if v.visit_number == 1)
    for at, shown in ((visit.arrived_at - 30, "off"), (visit.arrived_at - 20, "due")):
        evidence.lamps.append(LampChange(at, visit.room, visit.waste, shown))


def lit_long_before(evidence: Evidence) -> None:
    """All lamps were lit an hour too early."""
    evidence.lamps = [replace(c, at=c.at - 3600 if c.shown in LIT else c.at) for c in evidence.lamps]
    evidence.start_at -= 7200


def never_off(evidence: Evidence) -> None:
    """Lamps stayed lit after the truck had left."""
    evidence.lamps = [c for c in evidence.lamps if c.shown != "off"]


def lit_blindly(evidence: Evidence) -> None:
    """All positions had come late."""
    for number, heard in enumerate(evidence.heard):
        if heard.channel == "fix":
            evidence.heard[number] = replace(heard, body={**heard.body, "late": True})


def dark_when_deaf(evidence: Evidence) -> None:
    """A lamp was dark while its room heard nothing."""
    evidence.lamps = [replace(c, shown="off") if c.shown == "no_data" else c for c in evidence.lamps]


def stored_twice(evidence: Evidence) -> None:
    """One record is in the store under two ids."""
    record = first(evidence, "bins")
    evidence.stored.append(replace(record, id=record.id + ":again"))


def swap_stages(evidence: Evidence) -> None:
    """The light showed that it was seen before it was stored."""
    evidence.lights.reverse()


def into_blocked_lane(evidence: Evidence) -> None:
    """The second visit came while the lane was blocked."""
    evidence.blocked["r03"] = [Interval(evidence.start_at, None)]


def backlog_first(evidence: Evidence) -> None:
    """After the gap the oldest came first."""
    late = next(h for h in evidence.heard if h.channel == "fix" and h.body["late"])
    evidence.heard.remove(late)
    where = next(i for i, h in enumerate(evidence.heard) if h.channel == "fix" and h.device == "t01")
    evidence.heard.insert(where, replace(late, body={**late.body, "seq": 100_000}))


def moved(evidence: Evidence) -> None:
    """One stored position is a kilometre off."""
    record = next(r for r in evidence.stored_of("fix") if r.body["fix_at"] is not None and r.body["lat"] is not None)
    evidence.stored.remove(record)
    evidence.stored.append(replace(record, body={**record.body, "lat": record.body["lat"] + 0.01}))


def itinerary_late(evidence: Evidence) -> None:
    """The new itinerary never came."""
    press = evidence.presses[0].at
    evidence.heard = [h for h in evidence.heard if h.channel != "itinerary" or h.at <= press]


def one_more_taken(evidence: Evidence) -> None:
    """The crew emptied a bin more than is on record."""
    evidence.visits[0].bins_taken += 1


def a_stay_of_other_bins(evidence: Evidence) -> None:
    """A stay was learned with bins that were not there."""
    record = first(evidence, "dwell")
    evidence.stored.remove(record)
    evidence.stored.append(replace(record, body={**record.body, "bins": 7}))


def told_of_other_bins(evidence: Evidence) -> None:
    """The cab showed what the sensors saw when the bins were outside."""
    for number, heard in enumerate(evidence.heard):
        if heard.channel == "itinerary":
            visits = heard.body["visits"]
            for row in visits:
                for one in row["bins"]:
                    one["count"] = 0
            evidence.heard[number] = replace(heard, body={**heard.body, "visits": visits})


def served(evidence: Evidence) -> list[StoredRecord]:
    """The records of one visit that was served."""
    one = next(record for record in evidence.stored_of("visit") if record.body["state"] == "served")
    return [record for record in evidence.stored_of("visit") if record.key == one.key]


def came_later(evidence: Evidence) -> None:
    """The truck was at its first room five minutes after what is on record."""
    evidence.visits[0].arrived_at += 300


def at_another_room(evidence: Evidence) -> None:
    """What is on record as served at one room was made at another."""
    for record in served(evidence):
        record.body["room"] = "r99"


def told_by_a_person(evidence: Evidence) -> None:
    """Of one visit it is known that it was made, and not when."""
    for record in served(evidence):
        record.body["arrived_at"] = None


def called_again(evidence: Evidence) -> None:
    """A lamp was lit when the truck had been there and was gone."""
    visit, call = evidence.visits[-1], evidence.stored_of("call")[-1]
    later = {"room": visit.room, "waste": visit.waste, "called_at": round(visit.left_at or 0.0) + 60}
    evidence.stored.append(replace(call, key="again", body={**call.body, **later}))


def nobody_knows_what(evidence: Evidence) -> None:
    """The bins of a served visit are unknown."""
    for record in evidence.stored_of("visit"):
        record.body["bins_after"] = None


def nothing(_: Evidence) -> None:
    """Leave it as it was."""


Doctor = Callable[[Evidence], object]


def booked(evidence: Evidence) -> None:
    """A property booked a truck, and it came."""
    at, from_at = evidence.start_at, evidence.start_at + 600
    evidence.asked_for.append((at, "p01", from_at, from_at + 3600))
    came = TrueVisit("t97", "p01", "renovation", 1, from_at + 60, from_at + 400, booked=True, litres=1500)
    evidence.visits.append(came)
    body = {"pile": "p01", "from_at": int(from_at), "state": "loaded", "measured_litres": 1500,
            "at_site_at": int(from_at) + 65, "disputed_at": None, "answered_at": None}  # fmt: skip
    evidence.stored.append(StoredRecord("booking:b1:000007", "booking", "b1", int(from_at) + 400, body))


def booked_until_now(evidence: Evidence) -> None:
    """As booked, but the run ends while the truck loads."""
    booked(evidence)
    evidence.visits[-1].left_at = None
    booking_says(state="at_site", measured_litres=None)(evidence)


def booking_says(**other: Any) -> Doctor:
    """The record says something else of the booking."""

    def doctor(evidence: Evidence) -> None:
        evidence.stored_of("booking")[0].body.update(other)

    return doctor


def booked_twice(evidence: Evidence) -> None:
    """There are two bookings of one window."""
    record = evidence.stored_of("booking")[0]
    evidence.stored.append(replace(record, id="booking:b2:000007", key="b2"))


def handed_over(evidence: Evidence) -> None:
    """A room's lane became a case, and enforcement had it."""
    for number, state in enumerate(("opened", "handed_over", "answered", "closed"), 1):
        at = int(evidence.start_at) + 600 + number
        body = {"room": "r03", "state": state, "kind": "chronic_lane", "evidence": [{"key": "a"}, {"key": "b"}]}
        evidence.stored.append(StoredRecord(f"case:c1:{number:06d}", "case", "c1", at, body))


# kind -> (what is done first to the good run, the doctorings that its judge must each condemn)
DOCTORED: dict[str, tuple[Doctor, list[Doctor]]] = {
    "visits_served": (nothing, [
        lambda e: e.stored.clear(),
        lambda e: e.planned.append(("t01", "r99", "residential_wet")),
        lambda e: e.visits.pop(0),
    ]),
    "visits_right": (nothing, [
        came_later, at_another_room, told_by_a_person, called_again, one_more_taken, nobody_knows_what,
        lambda e: e.stored.clear(),
        lambda e: e.visits.pop(0),
        lambda e: e.visits.clear(),
        lambda e: [setattr(v, "grams_taken", v.grams_taken * 11 // 10) for v in e.visits],
    ]),
    "one_call_per_visit": (nothing, [darken, flicker, lambda e: e.heard.clear(), lambda e: e.visits.clear()]),
    "lamp_lead": (nothing, [darken, lit_long_before, lambda e: e.visits.clear()]),
    "lamp_lit_before_arrival": (nothing, [darken, lambda e: e.visits.clear()]),
    "lamp_off_after_departure": (nothing, [never_off, lambda e: e.visits.clear()]),
    "no_lamp_from_late_data": (nothing, [lit_blindly, darken, lambda e: e.heard.clear()]),
    "never_dark_while_unknown": (nothing, [dark_when_deaf, lambda e: e.deaf.clear()]),
    "lamp_shows": (nothing, [dark_when_deaf, lambda e: e.lamps.clear()]),
    "lamp_stays_lit": (nothing, [darken, lambda e: e.lamps.append(
        next(LampChange(e.day_start_at + 22260, c.room, c.waste, "off") for c in e.lamps if c.shown == "due"
             and e.lamp_at(c.room, c.waste, e.day_start_at + 22260) in LIT))]),
    "alarms_told": (nothing, [
        lambda e: e.stored.append(StoredRecord("a", "alarm", "silent/truck/t01", int(e.start_at) + 60, {
            "announced_at": int(e.start_at) + 60, "word": "truck_silent"})),
        lambda e: e.presses.extend(Press(e.start_at + n, "t01", 2.0, "lane_blocked") for n in range(11)),
    ]),
    "press_stored_once": (nothing, [
        lambda e: e.presses.clear(),
        lambda e: e.presses.append(Press(e.start_at, "t01", 2.0, "lane_blocked")),
        lambda e: e.stored.append(replace(first(e, "incident"), id="t01:1:9999")),
        lambda e: [e.stored.remove(r) for r in e.stored_of("incident")],
        lambda e: [e.stored.remove(r) for r in e.stored_of("workflow")],
    ]),
    "light_stages": (nothing, [swap_stages, lambda e: e.lights.clear()]),
    "acknowledged": (nothing, [
        lambda e: e.lights.clear(),
        lambda e: e.acknowledged.clear(),
        lambda e: setattr(e, "lights", [LightChange(c.at + 60, c.truck, c.shown) for c in e.lights]),
    ]),
    "answered": (nothing, [
        lambda e: [e.stored.remove(r) for r in e.stored_of("workflow")],
        lambda e: [row.update(state="told") for r in e.stored_of("workflow") for row in r.body["answers"]],
        lambda e: [row.update(broken=1) for r in e.stored_of("workflow") for row in r.body["answers"]],
    ]),
    "case_suggested": (nothing, [
        lambda e: [e.stored.remove(r) for r in e.stored_of("workflow")], lambda e: e.presses.clear(),
        lambda e: [r.body.update(room="r09") for r in e.stored_of("workflow")],
        lambda e: e.presses.append(e.presses[0]),
    ]),
    "case_went": (handed_over, [
        lambda e: e.stored.remove(first(e, "case")), lambda e: e.stored_of("case")[-1].body.update(state="answered"),
        lambda e: [r.body.update(room="r09") for r in e.stored_of("case")],
        lambda e: [r.body["evidence"].pop() for r in e.stored_of("case")],
    ]),
    "second_visit": (nothing, [
        into_blocked_lane, darken, lambda e: e.presses.clear(),
        lambda e: [setattr(v, "visit_number", 1) for v in e.visits],
    ]),
    "itinerary_changed": (nothing, [itinerary_late, lambda e: e.presses.clear()]),
    "visits_taken_over": (taken_over, [
        lambda e: e.visits.pop(), lambda e: e.presses.clear(), lambda e: [setattr(v, "truck", "t01") for v in e.visits],
    ]),
    "visited_between": (nothing, [
        lambda e: [setattr(v, "arrived_at", v.arrived_at - 7200) for v in e.visits], lambda e: e.visits.clear(),
    ]),
    "booked_truck_came": (booked, [
        booked_twice, booking_says(state="accepted"), booking_says(state="failed"), booking_says(measured_litres=None),
        booking_says(measured_litres=1000), booking_says(at_site_at=None), booking_says(at_site_at=1),
        lambda e: [e.visits.remove(v) for v in e.visits if v.booked],
        lambda e: e.visits.append(replace(e.visits[-1], truck="t98")),
        lambda e: setattr(e.visits[-1], "arrived_at", e.asked_for[0][3] + 60),
        lambda e: e.stored.remove(first(e, "booking")), lambda e: e.asked_for.clear(),
    ]),
    "booking_went": (booked, [
        booking_says(state="accepted"), booking_says(disputed_at=1), booking_says(answered_at=1),
        booking_says(pile="p03"), lambda e: e.stored.remove(first(e, "booking")),
    ]),
    "backlog_marked_late": (nothing, [
        backlog_first, lambda e: e.heard.clear(), lambda e: [e.stored.remove(r) for r in e.stored_of("fix")],
    ]),
    "positions_true": (nothing, [moved, lambda e: e.track.clear(), lambda e: e.stored.clear()]),
    "bins_collected": (nothing, [
        one_more_taken,
        a_stay_of_other_bins,
        told_of_other_bins,
        lambda e: e.stored.remove(first(e, "dwell")),
        lambda e: [e.stored.remove(r) for r in e.stored_of("dwell")],
        lambda e: [setattr(v, "grams_taken", v.grams_taken * 11 // 10) for v in e.visits],
        lambda e: [e.stored.remove(r) for r in e.stored_of("visit")],
        lambda e: e.visits.clear(),
    ]),
    "invariants": (nothing, [
        stored_twice,
        lambda e: e.stored.remove(first(e, "keeper")),
        lambda e: e.stored.remove(first(e, "incident")),
        lambda e: setattr(e, "screen", [(at, frozenset()) for at, _ in e.screen]),
        lambda e: e.visits.clear(),
    ]),
    "records_stored_once": (nothing, [
        stored_twice,
        lambda e: e.stored.remove(first(e, "keeper")),
        lambda e: e.stored.append(replace(first(e, "bins"), id="r01:9:9")),
        lambda e: (e.recorded.clear(), e.stored.clear()),
    ]),
}  # fmt: skip


def test_every_kind_of_expectation_is_doctored_here() -> None:
    """A new kind without a doctored run would be one that nobody has seen failing."""
    assert set(DOCTORED) == set(DEMANDS)


@pytest.mark.real
@pytest.mark.parametrize("kind", sorted(DOCTORED))
def test_the_real_run_satisfies_the_judge_and_each_doctored_one_does_not(kind: str, run: Evidence) -> None:
    """First the evidence as it was, then each forgery of it."""
    prepare, forgeries = DOCTORED[kind]
    honest = copy.deepcopy(run)
    prepare(honest)
    held, faults = judged(kind, honest)
    assert held, faults
    for number, forge in enumerate(forgeries, 1):
        forged = copy.deepcopy(honest)
        forge(forged)
        held, faults = judged(kind, forged)
        assert not held, f"forgery {number} of {kind} was not seen"
        assert faults


def test_a_booked_truck_that_loads_when_the_run_ends_has_come_and_only_where_the_record_says_so() -> None:
    """Whoever is said to be elsewhere, came at another time than is said, or is one of two, has not."""
    evidence = Evidence(0.0, 1200.0)
    booked_until_now(evidence)
    assert judged("booked_truck_came", evidence) == (True, ())
    just_there = replace(copy.deepcopy(evidence), end_at=evidence.visits[-1].arrived_at + 30)
    booking_says(state="accepted", at_site_at=None)(just_there)
    assert judged("booked_truck_came", just_there) == (True, ())
    second = replace(evidence.visits[-1], truck="t98")
    forgeries: list[Doctor] = [
        booking_says(state="accepted"), booking_says(state="loaded"), booking_says(at_site_at=None),
        booking_says(at_site_at=1), booked_twice, lambda e: e.visits.clear(), lambda e: e.visits.append(second),
    ]  # fmt: skip
    for number, forge in enumerate(forgeries, 1):
        forged = copy.deepcopy(evidence)
        forge(forged)
        assert not judged("booked_truck_came", forged)[0], number


@pytest.mark.real
def test_a_run_that_ends_early_asks_for_no_less_of_the_lamps_that_went_dark(run: Evidence) -> None:
    """However soon after the last departure a run ends: each lamp that is dark counts, one still lit is undecided."""
    left = sorted(visit.left_at for visit in run.visits if visit.left_at is not None)
    dark = [
        min(change.at for change in run.lamps if change.room == visit.room and change.at > visit.left_at
            and change.shown not in LIT)
        for visit in run.visits if visit.left_at is not None
    ]  # fmt: skip
    judge = JUDGES["lamp_off_after_departure"]
    for end_at in (left[-1] + 1, max(dark) + 1, left[-1] + 500):
        verdict = judge(replace(run, end_at=end_at), {"within_s": 180.0, "at_least": sum(at < end_at for at in dark)})
        assert verdict.held, verdict
        assert verdict.seen == f"{sum(at < end_at for at in dark)} departures"


def test_a_truck_that_is_parked_is_where_it_stands_at_every_moment_of_it() -> None:
    """Though only the first and the last of them are kept: the page says when the judge knew."""
    evidence = Evidence(0.0, 1200.0)
    for at in range(0, 1200, 4):
        evidence.was_at("t01", float(at), 31.2, 121.4, parked=True)
    body = {"device": "t01", "fix_at": 300, "lat": 31.2, "lon": 121.4}
    evidence.stored.append(StoredRecord("t01:1:1", "fix", "t01", 300, body))
    assert len(evidence.track["t01"]) == 2
    for at in (302.0, 400.0, 1200.0):
        assert judged("positions_true", evidence.until(at)) == (True, ()), at
