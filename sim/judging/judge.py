"""The judges by the name of their expectation, and a whole scenario's verdicts."""

from collections.abc import Sequence

from sim.judging.judges import alarms, bins, bookings, cases, invariants, lamps, presses, rightness, tracks, visits
from sim.judging.verdict import Judge, Verdict
from sim.scenario.scenario import Demand
from sim.world.evidence import Evidence

JUDGES: dict[str, Judge] = {
    judge.__name__: judge
    for judge in (
        lamps.one_call_per_visit,
        lamps.lamp_lead,
        lamps.lamp_lit_before_arrival,
        lamps.lamp_off_after_departure,
        lamps.no_lamp_from_late_data,
        lamps.never_dark_while_unknown,
        lamps.lamp_shows,
        lamps.lamp_stays_lit,
        visits.visits_served,
        rightness.visits_right,
        visits.second_visit,
        visits.visits_taken_over,
        visits.visited_between,
        visits.itinerary_changed,
        visits.records_stored_once,
        visits.backlog_marked_late,
        bins.bins_collected,
        tracks.positions_true,
        bookings.booked_truck_came,
        bookings.booking_went,
        presses.press_stored_once,
        presses.light_stages,
        presses.acknowledged,
        presses.answered,
        cases.case_suggested,
        cases.case_went,
        alarms.alarms_told,
        invariants.invariants,
    )
}


def judge(evidence: Evidence, demands: Sequence[Demand]) -> list[Verdict]:
    """One verdict per expectation, in their order."""
    return [JUDGES[demand.kind](evidence, demand.values) for demand in demands]
