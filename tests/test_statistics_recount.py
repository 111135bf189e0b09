"""The figures against a recount: counted once more as a clerk would, by other code, from the words alone."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.rules.statistics import DIMENSIONS, MEASURES, count, fold
from firmware.wire import SKIP_REASONS, WASTES
from tests.test_store_statistics import NOON, Fact

RECOUNTED = [name for name in MEASURES if not name.startswith(("outside", "disagree", "weigh", "grams", "promise"))]


def _fact(kind: str, n: int, minute: int, state: str, reason: str, bins: int | None, lead_s: int, over: bool) -> Fact:
    """Something of visit number `n`: itself, its call or a press there; calls and presses name no route or estate."""
    at = NOON + minute * 60
    about: dict[str, Any] = {
        "run_id": f"run{n % 4}",
        "room": f"r{n % 3}",
        "visit_number": 1 + n % 2,
        "truck": f"t{n % 2}",
    }
    if kind == "visit":
        place = {"waste": WASTES[n % 4], "estate": f"e{n % 3}", "route": f"L{n % 4}", "original": n % 2 == 0}
        times = {"arrived_at": at, "planned_at": at - lead_s // 2 + 300}
        told = {"state": state, "reason": reason, "bins_before": bins, "bins_after": 3}
        return Fact(kind, f"{n}", "", at, {**about, **place, **times, **told})
    if kind == "call":
        return Fact(kind, f"{n}", "", at, {**about, "called_at": at, "lead_s": None if over else lead_s})
    return Fact(kind, f"{n}", "", at, {**about, "pressed_at": at, "cleared_at": at + lead_s if over else None})


_facts = st.lists(
    st.builds(
        _fact, st.sampled_from(["visit", "visit", "call", "workflow"]), st.integers(0, 11), st.integers(-2000, 2000),
        st.sampled_from(["served", "served", "skipped", "cancelled", "pending"]), st.sampled_from(SKIP_REASONS),
        st.integers(0, 9) | st.none(), st.integers(500, 1400), st.booleans(),
    ),
    max_size=40,
).map(lambda facts: [replace(fact, id=f"{number:03d}") for number, fact in enumerate(facts)])  # fmt: skip


def _happened(fact: Fact) -> int:
    names = {"visit": "arrived_at", "call": "called_at", "workflow": "pressed_at"}
    at: int = fact.body[names[fact.kind]]
    return at


def _recount(facts: list[Fact], zone: str, day: str, name: str, value: str) -> dict[str, int]:
    """The figures of one day and one value of one dimension."""
    told = dict.fromkeys(MEASURES, 0)
    last = {(fact.kind, fact.key): fact for fact in sorted(facts, key=lambda fact: (fact.at, fact.id))}
    for (kind, key), fact in last.items():
        body = dict(fact.body)
        visit = last.get(("visit", key))
        run = [other for (of, _), other in last.items() if of == "visit" and other.body["run_id"] == body["run_id"]]
        if name in ("waste", "route"):
            body[name] = run[0].body[name] if run else ""
        if name == "estate":
            body[name] = visit.body[name] if visit else ""
        same_day = datetime.fromtimestamp(_happened(fact), ZoneInfo(zone)).strftime("%Y-%m-%d") == day
        if same_day and body[name] == value:
            {"visit": _visit, "call": _call, "workflow": _press}[kind](told, body)
    return told


def _visit(told: dict[str, int], body: dict[str, Any]) -> None:
    told["visits"] += 1
    if body["state"] in ("served", "skipped", "cancelled"):
        told[body["state"]] += 1
    if body["state"] == "skipped":
        told[f"skipped_{body['reason']}"] += 1
    if body["state"] == "served":
        told["returned"] += not body["original"]
        told["plan_known"] += 1
        told["plan_on_time"] += -5 <= (body["arrived_at"] - body["planned_at"]) / 60 <= 5
        told["plan_late_s"] += body["arrived_at"] - body["planned_at"]
        if body["bins_before"] is not None:
            told["bins_known"] += 1
            told["bins"] += max(body["bins_before"] - body["bins_after"], 0)


def _call(told: dict[str, int], body: dict[str, Any]) -> None:
    told["calls"] += 1
    if body["lead_s"] is not None:
        told["calls_scored"] += 1
        told["calls_13_to_19"] += 13.5 <= body["lead_s"] / 60 <= 19.5
        told["calls_11_to_21"] += 11 <= body["lead_s"] / 60 <= 21
        told["calls_short"] += body["lead_s"] / 60 < 10


def _press(told: dict[str, int], body: dict[str, Any]) -> None:
    told["incidents"] += 1
    if body["cleared_at"] is None:
        told["incidents_open"] += 1
    else:
        told["incident_s"] += body["cleared_at"] - body["pressed_at"]


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "America/St_Johns"])
@settings(max_examples=30, deadline=None, database=None)
@given(facts=_facts)
def test_statistics_equal_a_clerk_s_recount(zone, facts):
    """Every day, and every value of every dimension; nothing is counted that is not recounted."""
    cube = count(facts, zone)
    for name in DIMENSIONS:
        for (day, value), figures in fold(cube, "day", [name], "2026-11-01", "2026-12-31").items():
            told = _recount(facts, zone, day, name, value)
            assert {one: figures[one] for one in RECOUNTED} == {one: told[one] for one in RECOUNTED}
    events = {(fact.kind, fact.key) for fact in facts}
    assert sum(row["visits"] + row["calls"] + row["incidents"] for row in cube.values()) == len(events)
