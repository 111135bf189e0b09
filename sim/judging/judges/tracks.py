"""Judges of positions: where the store says a truck was against where it really was."""

import bisect
from collections.abc import Mapping
from typing import Any

from broker.plan.geometry import distance_m
from sim.judging.sentence import said
from sim.judging.verdict import Verdict, clock, too_few, verdict
from sim.world.evidence import Evidence

NEAR_S = 6.0  # a standing receiver speaks more seldom than once a second


def positions_true(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """Every stored position of the truck lies within `within_m` of where it truly was at that time."""
    truck = values["truck"]
    track = sorted(evidence.track.get(truck, []))
    times = [at for at, _, _ in track]
    judged, worst_m = 0, 0.0
    faults = []
    for record in evidence.stored_of("fix"):
        body = record.body
        if body["device"] != truck or body["lat"] is None or body["fix_at"] is None:
            continue
        judged += 1
        first = bisect.bisect_left(times, body["fix_at"] - NEAR_S)
        around = track[first : bisect.bisect_right(times, body["fix_at"] + NEAR_S)]
        if not around and first < len(track):
            around = track[max(0, first - 1) : first]  # it stood there before and after
        off_m = min((distance_m(lat, lon, body["lat"], body["lon"]) for _, lat, lon in around), default=None)
        if off_m is None:
            faults.append(said("fault", "position_nowhere", truck=truck, at=clock(evidence, body["fix_at"])))
        else:
            worst_m = max(worst_m, off_m)
            if off_m > values["within_m"]:
                at, within_m = clock(evidence, body["fix_at"]), values["within_m"]
                faults.append(said("fault", "position_off", truck=truck, at=at, within=within_m, off=off_m))
    lacks = too_few("positions", judged, values["at_least"], truck=truck)
    return verdict("positions_true", faults, lacks, positions=judged, truck=truck, worst_m=worst_m)
