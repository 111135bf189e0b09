"""Facts of an area as hypothesis draws them: a few days of everything, or two hours of trucks and keepers."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from firmware.wire import SKIP_REASONS, WASTES
from tests.support.facts import NOON, Fact

HOUR = 3600


def _fact(kind: str, n: int, minute: int, state: str, reason: str, bins: int | None, lead_s: int, over: bool) -> Fact:
    """Something of visit number `n`: itself, its call, a press there, its truck's load, its keeper's button."""
    at = NOON + minute * 60
    about: dict[str, Any] = {
        "run_id": f"run{n % 4}",
        "room": f"r{n % 2}",
        "visit_number": 1 + n // 4,
        "truck": f"t{n % 2}",
    }
    if kind == "visit":
        place = {"waste": WASTES[n % 4], "estate": f"e{n % 3}", "route": f"L{n % 4}", "original": n < 4}
        times = {
            "arrived_at": at if state != "served" or lead_s % 7 else None, "planned_at": at - lead_s // 2 + 300,
            "due_at": at - lead_s if over else None, "promised_at": at - lead_s + 900 if over else None,
            "left_at": at + (lead_s if lead_s % 5 else 5 * HOUR), "passed_at": at - 60 if lead_s % 2 else None,
        }  # fmt: skip
        grams = None if lead_s % 3 == 0 else (lead_s - 700) * 1000
        amounts = {"bins_before": bins, "bins_after": 3, "grams_before": grams, "grams_after": 150_000}
        told = {"state": state, "reason": reason, "kept_lit": over and state == "skipped",
                "undone": n >= 4 and (state, reason) == ("cancelled", "other")}  # fmt: skip
        return Fact(kind, f"{n}", "", at, {**about, **place, **times, **amounts, **told})
    if kind == "call":
        return Fact(kind, f"{n}", "", at, {**about, "called_at": at, "lead_s": None if over else lead_s})
    if kind == "weighing":
        body = {"truck": f"t{n % 2}", "run_id": f"run{n % 4}" if over else None, "waste": WASTES[n % 4], "at": at}
        return Fact(kind, f"t{n % 2}", "", at + 30, {**body, "grams": lead_s * 1000})
    if kind == "keeper":
        return Fact(kind, f"r{n % 2}", "", at, {"device": f"r{n % 2}", "event": "bins_out" if over else "lane_clear"})
    pressed = {"pressed_at": at if bins else None, "raised_at": at}
    word = "withdrawn" if state == "cancelled" else "raised"
    ended = {"workflow": word, "cleared_at": at + lead_s if over else None}
    return Fact(kind, f"{n}", "", at + 60, {**about, **pressed, **ended})


def _some(kinds: list[str], minutes: st.SearchStrategy[int], least: int) -> st.SearchStrategy[list[Fact]]:
    return st.lists(
        st.builds(
            _fact, st.sampled_from(kinds), st.integers(0, 11), minutes,
            st.sampled_from(["served", "served", "skipped", "cancelled", "pending"]), st.sampled_from(SKIP_REASONS),
            st.integers(0, 9) | st.none(), st.integers(500, 1400), st.booleans(),
        ),
        min_size=least,
        max_size=40,
    ).map(lambda facts: [replace(fact, id=f"{number:03d}") for number, fact in enumerate(facts)])  # fmt: skip


# Two days of everything, or two hours of trucks and keepers at the same rooms.
some_facts = _some(["visit", "visit", "call", "workflow", "weighing", "keeper"], st.integers(-2000, 2000), 0) | _some(
    ["visit", "keeper"], st.integers(-60, 60), 15
)
