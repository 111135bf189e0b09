"""Judges of the button: every press is kept once, and the light tells the driver how far it came."""

from collections.abc import Mapping
from typing import Any

from sim.judging.verdict import Verdict, clock, verdict
from sim.world.evidence import Evidence

MATCH_S = 6.0


def press_stored_once(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """Each press that was meant is one incident in the store, each incident belongs to one press, none is missing."""
    truck = values["truck"]
    presses = [p for p in evidence.presses if p.truck == truck and p.meant in ("lane_blocked", "breakdown")]
    incidents: dict[str, list[Mapping[str, Any]]] = {}
    seen_records: set[tuple[int, int]] = set()
    faults = []
    for record in evidence.stored_of("incident"):
        if not record.id.startswith(f"{truck}:"):
            continue
        body = record.body
        incidents.setdefault(body["incident_id"], []).append(body)
        if (body["boot"], body["seq"]) in seen_records:
            faults.append(f"record {body['boot']}:{body['seq']} is stored twice")
        seen_records.add((body["boot"], body["seq"]))
    if len(incidents) != len(presses):
        faults.append(f"{len(presses)} presses, but {len(incidents)} incidents stored: {' '.join(incidents)}")
    for press in presses:
        close = [
            name for name, bodies in incidents.items()
            if bodies[0]["pressed_at"] is None or abs(bodies[0]["pressed_at"] - press.at) <= MATCH_S
        ]  # fmt: skip
        if len(close) != 1:
            faults.append(f"the press at {clock(evidence, press.at)} matches {len(close)} incidents")
        elif values["reason"] and incidents[close[0]][-1]["reason"] != values["reason"]:
            faults.append(f"{close[0]} is stored as {incidents[close[0]][-1]['reason']}")
    open_at_bridge = {r.body["incident_id"] for r in evidence.stored_of("workflow") if r.body["truck"] == truck}
    faults += [f"{name} has no workflow" for name in incidents if name not in open_at_bridge]
    return verdict(
        "press_stored_once", f"{len(presses)} presses of {truck}, incidents {' '.join(incidents) or 'none'}", faults,
        enough=len(presses) == values["presses"],
    )  # fmt: skip


def light_stages(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """After the first press the button's light went through these stages, in this order."""
    truck = values["truck"]
    first = min((p.at for p in evidence.presses if p.truck == truck), default=None)
    shown = [c.shown for c in evidence.lights if c.truck == truck and first is not None and c.at >= first]
    rest = iter(shown)
    missing = [stage for stage in values["stages"] if stage not in rest]
    faults = [f"never showed {missing[0]} in its turn; shown: {' '.join(shown) or 'nothing'}"] if missing else []
    return verdict("light_stages", f"{truck}: {' '.join(shown)}", faults, enough=bool(shown))


def acknowledged(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """When a person acknowledged, the driver's light stood steady within `within_s`."""
    truck = values["truck"]
    clicks = [at for at, who in evidence.acknowledged if who == truck]
    steady = [c.at for c in evidence.lights if c.truck == truck and c.shown == "steady"]
    within_s = values["within_s"]
    faults = [
        f"acknowledged at {clock(evidence, at)}, but no steady light within {within_s:g} s"
        for at in clicks
        if not any(at <= shown_at <= at + within_s for shown_at in steady)
    ]
    return verdict("acknowledged", f"{len(clicks)} acknowledgements for {truck}", faults, enough=bool(clicks))
