"""Expectations while a run goes on: which hold by now, which can no longer, and what the others wait for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sim.judging.judge import JUDGES
from sim.judging.sentence import not_yet, said
from sim.judging.verdict import Verdict, clock
from sim.scenario.scenario import Demand
from sim.world.evidence import Evidence

# A fault that one of these finds stays one, whatever comes; of the others more may come and mend it.
LASTING = (
    "one_call_per_visit", "lamp_off_after_departure", "no_lamp_from_late_data", "never_dark_while_unknown",
    "acknowledged", "itinerary_changed", "positions_true",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation now: `waiting`, `held`, `failed` or `not_judged`, what was seen, and what it waits for or why."""

    kind: str
    asks: Mapping[str, Any]
    state: str
    seen: str
    why: tuple[str, ...] = ()


def so_far(evidence: Evidence, demands: Sequence[Demand], now: float) -> list[Expectation]:
    """Each expectation as it stands at `now`; the evidence may grow on."""
    evidence = replace(evidence, end_at=min(now, evidence.end_at))
    return [_one(evidence, demand, now) for demand in demands]


def at_the_end(verdicts: Sequence[Verdict], demands: Sequence[Demand], *, judged: bool = True) -> list[Expectation]:
    """The verdicts of a run that is over; nothing failed that could not be `judged`."""
    otherwise = "failed" if judged else "not_judged"
    return [
        Expectation(verdict.kind, demand.values, "held" if verdict.held else otherwise, verdict.seen, verdict.faults)
        for verdict, demand in zip(verdicts, demands, strict=True)
    ]


def _one(evidence: Evidence, demand: Demand, now: float) -> Expectation:
    values = demand.values
    if "to" in values and now < evidence.day_start_at + values["to"]:
        return _in_its_hours(evidence, demand, now)
    if demand.kind in ("acknowledged", "itinerary_changed"):  # what happened just now has its time still
        decided_at = now - values["within_s"]
        evidence = replace(
            evidence, acknowledged=[each for each in evidence.acknowledged if each[0] <= decided_at],
            presses=[press for press in evidence.presses if press.at + press.held_s <= decided_at],
        )  # fmt: skip
    verdict = JUDGES[demand.kind](evidence, values)
    faults = tuple(fault for fault in verdict.faults if fault != verdict.lacks)
    lasting = demand.kind in LASTING or (values.get("share") == 1.0 and demand.kind.startswith("lamp_"))
    failed = "to" in values or (faults and lasting)  # hours that are over do not come again
    state = "held" if verdict.held else "failed" if failed else "waiting"
    why = faults or verdict.faults
    if state == "waiting":
        why = tuple(not_yet(fault) for fault in why)
    return Expectation(demand.kind, values, state, verdict.seen, why)


def _in_its_hours(evidence: Evidence, demand: Demand, now: float) -> Expectation:
    """One that is about hours that are not over: it can fail in them, and holds at their end."""
    values = demand.values
    from_at, until = (evidence.day_start_at + values[name] for name in ("from", "to"))
    wait = said("lacks", "hours", to=clock(evidence, until), **{"from": clock(evidence, from_at)})
    if now < from_at:
        return Expectation(demand.kind, values, "waiting", "", (wait,))
    verdict = JUDGES[demand.kind](evidence, {**values, "to": now - evidence.day_start_at})
    faults = tuple(fault for fault in verdict.faults if fault != verdict.lacks)
    return Expectation(demand.kind, values, "failed" if faults else "waiting", verdict.seen, faults or (wait,))
