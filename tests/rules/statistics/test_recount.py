"""The figures against a recount: counted once more as a clerk would, by other code, from the words alone."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from broker.rules.statistics.cube import DIMENSIONS, MEASURES, count, fold
from broker.store.days import Days
from tests.support.facts import NOON, Fact
from tests.support.random_facts import some_facts

HOUR = 3600


class Clerk:
    """Has all facts on the desk and counts one drawer at a time."""

    def __init__(self, facts: list[Fact], zone: str) -> None:
        self.zone = ZoneInfo(zone)
        self.facts = sorted(facts, key=lambda fact: (fact.at, fact.id))
        of_one = [fact for fact in self.facts if fact.kind in ("visit", "call", "workflow")]
        self.last = {(fact.kind, fact.key): fact for fact in of_one}
        self.visits = [fact for (kind, _), fact in self.last.items() if kind == "visit"]
        self.ends = {visit.key: self.end(visit) for visit in self.visits}

    def counted(self) -> Iterator[Fact]:
        """What belongs into a drawer."""
        for fact in self.last.values():
            body = fact.body
            if not (fact.kind == "visit" and body["undone"] and body["due_at"] is None):
                yield fact
        yield from (fact for fact in self.facts if fact.kind == "weighing")

    def happened(self, fact: Fact) -> int:
        """When."""
        body = fact.body
        if fact.kind == "visit":
            return next(body[name] for name in ("arrived_at", "due_at", "planned_at") if body[name] is not None)
        return int(body[{"call": "called_at", "workflow": "raised_at", "weighing": "at"}[fact.kind]])

    def drawer(self, day: str, name: str, value: str) -> dict[str, int]:
        """The figures of one day and one value of one dimension."""
        told = dict.fromkeys(MEASURES, 0)
        for fact in self.counted():
            body = dict(fact.body)
            visit = None if fact.kind == "weighing" else self.last.get(("visit", fact.key))
            run = [other for other in self.visits if other.body["run_id"] == body["run_id"]]
            if name == "route" or (name == "waste" and fact.kind != "weighing"):
                body[name] = run[0].body[name] if run else ""
            if name == "estate":
                body[name] = visit.body[name] if visit else ""
            same_day = datetime.fromtimestamp(self.happened(fact), self.zone).strftime("%Y-%m-%d") == day
            if same_day and body.get(name, "") == value:
                getattr(self, fact.kind)(told, fact)
        return told

    def visit(self, told: dict[str, int], fact: Fact) -> None:
        """One visit."""
        body, state = fact.body, fact.body["state"]
        told["visits"] += 1
        if state in ("served", "skipped", "cancelled"):
            told[state] += 1
        if state == "skipped":
            told[f"skipped_{body['reason']}"] += 1
        if state == "served":
            told["returned"] += not body["original"]
            for name, against in (("plan", "planned_at"), ("promise", "promised_at")):
                if body["arrived_at"] is not None and body[against] is not None:
                    told[f"{name}_known"] += 1
                    told[f"{name}_on_time"] += -5 <= (body["arrived_at"] - body[against]) / 60 <= 5
                    told[f"{name}_late_s"] += body["arrived_at"] - body[against]
            for name in ("bins", "grams"):
                if body[f"{name}_before"] is not None:
                    told[f"{name}_known"] += 1
                    told[name] += max(body[f"{name}_before"] - body[f"{name}_after"], 0)
        outside = self.outside(fact)
        if outside is not None:
            told["outside_known"] += 1
            told["outside_s"] += outside
        told["disagreements"] += self.odd(body)

    def odd(self, body: dict[str, Any]) -> bool:
        """Whether count, weight and crew contradict each other, by one of the ten ways."""
        bins = None if body["bins_before"] is None else body["bins_before"] - 3
        kilos = None if body["grams_before"] is None else (body["grams_before"] - 150_000) / 1000
        served, skipped = body["state"] == "served", body["state"] == "skipped"
        ways = [served and kilos is not None and kilos <= -5]
        if bins is None and kilos is not None:
            ways += [served and -5 < kilos <= 0.5 and body["grams_before"] >= 5000, skipped and kilos >= 5]
        if bins is not None:
            ways += [served and bins < 0, served and bins == 0, skipped and bins > 0]
        if bins is not None and kilos is not None:
            ways += [bins > 0 and kilos <= 0, bins <= 0 and kilos > 200, bins > 0 and kilos / bins > 200]
        return any(ways)

    def end(self, fact: Fact) -> int | None:
        """When the bins of a visit were no longer outside."""
        body = fact.body
        if body["state"] == "served":
            if body["arrived_at"] is None:
                return body["passed_at"]
            return body["left_at"] if body["left_at"] - body["arrived_at"] <= 4 * HOUR else body["arrived_at"]
        if body["state"] != "skipped":
            return None
        own = [other for other in self.facts if (other.kind, other.key) == ("visit", fact.key)]
        states = [(other.at, other.body["state"]) for other in own]
        while len(states) > 1 and states[-2][1] == "skipped":
            states.pop()
        told_at = states[-1][0]
        known = [body[name] for name in ("due_at", "arrived_at", "passed_at") if body[name] is not None]
        return told_at if told_at - max(known or [body["planned_at"]]) <= 4 * HOUR else body["passed_at"]

    def outside(self, fact: Fact) -> int | None:
        """How long they stood there."""
        body, end = fact.body, self.ends[fact.key]
        if end is None:
            return None
        call = body["due_at"]
        here = [one for one in self.visits if one.body["room"] == body["room"]]
        same = [
            one for one in here
            if one.body["waste"] == body["waste"] and self.ends[one.key] is not None
            and (self.ends[one.key], one.key) < (end, fact.key)
        ]  # fmt: skip
        before = max(same, key=lambda one: (self.ends[one.key], one.key), default=None)
        since = 0 if before is None else int(self.ends[before.key] or 0)
        if before is not None and before.body["kept_lit"]:
            return end - since
        presses = []
        for press in self.facts:
            if press.kind != "keeper" or press.key != body["room"] or press.body["event"] != "bins_out":
                continue
            if max(since, (end if call is None else call) - 2 * HOUR) <= press.at <= end:
                theirs = [
                    one for one in here
                    if one.body["waste"] != body["waste"] and one.body["due_at"] is not None
                    and one.body["due_at"] <= press.at <= (self.ends[one.key] or one.body["due_at"] + 4 * HOUR)
                ]  # fmt: skip
                if not theirs or (call is not None and press.at >= call):
                    presses.append(press.at)
        after = [at for at in presses if call is not None and at >= call]
        start = min(after) if after else max(presses, default=call)
        return None if start is None else max(0, end - max(start, since))

    def call(self, told: dict[str, int], fact: Fact) -> None:
        """One call, scored by the arrival of its visit."""
        told["calls"] += 1
        visit, lead_s = self.last.get(("visit", fact.key)), fact.body["lead_s"]
        if visit is not None:
            arrived_at = visit.body["arrived_at"]
            lead_s = None if arrived_at is None else arrived_at - fact.body["called_at"]
        if lead_s is not None:
            told["calls_scored"] += 1
            told["calls_13_to_19"] += 13.5 <= lead_s / 60 <= 19.5
            told["calls_11_to_21"] += 11 <= lead_s / 60 <= 21
            told["calls_short"] += lead_s / 60 < 10

    def workflow(self, told: dict[str, int], fact: Fact) -> None:
        """One press."""
        if fact.body["workflow"] == "withdrawn":
            told["incidents_withdrawn"] += 1
            return
        told["incidents"] += 1
        if fact.body["cleared_at"] is None:
            told["incidents_open"] += 1
        else:
            told["incident_s"] += fact.body["cleared_at"] - fact.body["raised_at"]

    def weighing(self, told: dict[str, int], fact: Fact) -> None:
        """One load."""
        told["weighings"] += 1
        told["weighed_grams"] += fact.body["grams"]


# An ordinary day, and days of 23 and of 25 hours.
@pytest.mark.parametrize(
    ("zone", "day"),
    [("Asia/Shanghai", "2026-11-22"), ("Europe/Berlin", "2026-03-29"), ("Europe/Berlin", "2026-10-25"),
     ("America/St_Johns", "2026-03-08"), ("America/St_Johns", "2026-11-01")],
)  # fmt: skip
@settings(max_examples=30, deadline=None, database=None)
@given(facts=some_facts)
@pytest.mark.real  # seconds of work
def test_statistics_equal_a_clerk_s_recount(zone, day, facts):
    """Every day, and every value of every dimension; nothing is counted that is not recounted."""
    shift_s = Days(zone).start(day) + 12 * HOUR - NOON
    facts = [_moved(fact, shift_s) for fact in facts]
    cube, clerk = count(facts, zone), Clerk(facts, zone)
    for name in DIMENSIONS:
        for (of_day, value), figures in fold(cube, "day", [name], "2026-01-01", "2026-12-31").items():
            assert figures == clerk.drawer(of_day, name, value)
    counted = sum(
        row["visits"] + row["calls"] + row["incidents"] + row["incidents_withdrawn"] + row["weighings"]
        for row in cube.values()
    )
    assert counted == len(list(clerk.counted()))


def _moved(fact: Fact, shift_s: int) -> Fact:
    """The same at another time."""
    body = {
        name: value + shift_s if value is not None and name != "at" and name.endswith("_at") else value
        for name, value in fact.body.items()
    }
    if "at" in body:
        body["at"] += shift_s
    return replace(fact, at=fact.at + shift_s, body=body)
