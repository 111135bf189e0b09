"""Bookings by property: what became of them, what was estimated against what was measured, and nothing else."""

import pytest

from broker.reports.tables import as_csv, finding_rows
from broker.rules.statistics.bookings import PropertyBookings, bookings_by_property
from tests.support.facts import DAY, NOON, ZONE, Fact


def booking(number: int, version: int = 5, **body: object) -> Fact:
    """A booking of e1 for noon, fetched as it was estimated unless said otherwise."""
    full = {"estate": "e1", "state": "completed", "from_at": NOON, "requested_at": NOON - 86_400, "litres": 1_000,
            "measured_litres": 1_000, "grams": 800_000, "overfilled": False, "reason": None, "disputed_at": None,
            **body}  # fmt: skip
    return Fact("booking", f"b{number}", f"booking:b{number}:{version:06d}", NOON + version, full)


def of_day(*facts: Fact) -> list[PropertyBookings]:
    """The table of the day of all tests."""
    return bookings_by_property(facts, ZONE, DAY, DAY)


def test_estimated_and_measured_are_of_the_same_bookings() -> None:
    """What nobody measured says nothing of how well a property estimates."""
    one, other, silent = booking(1, litres=2_000, measured_litres=2_500, overfilled=True), booking(2), booking(
        3, litres=9_000, measured_litres=None, grams=None, state="loaded"
    )
    (row,) = of_day(one, other, silent)
    assert (row.bookings, row.fetched, row.measured, row.overfilled) == (3, 3, 2, 1)
    assert (row.estimated_litres, row.measured_litres, row.measured_share) == (3_000, 3_500, 1.1667)
    assert row.weighed_grams == 1_600_000


@pytest.mark.parametrize("state", ["declined", "expired", "cancelled", "failed"])
def test_each_exit_is_counted_as_what_it_is(state: str) -> None:
    """And a no-show among the failures apart."""
    reason = "no_show" if state == "failed" else "x"
    (row,) = of_day(booking(1, state=state, reason=reason, measured_litres=None, grams=None))
    counts = {name: getattr(row, name) for name in ("fetched", "declined", "expired", "cancelled", "failed")}
    assert counts == {**dict.fromkeys(counts, 0), state: 1}
    assert row.no_show == (state == "failed")
    assert (row.measured_share, row.weighed_grams) == (None, None)


def test_only_the_newest_state_of_this_days_window_counts() -> None:
    """A hold that nobody booked is none; another day's is another's; what a file says in other words counts nothing."""
    older = booking(1, 2, state="accepted", measured_litres=None, grams=None)
    held, tomorrow = booking(2, requested_at=None, state="expired"), booking(3, from_at=NOON + 86_400)
    odd = booking(4, estate="e2", litres="many", measured_litres=True, grams="x", requested_at=NOON)
    first, second = of_day(older, booking(1), held, tomorrow, odd)
    assert (first.estate, first.bookings, first.fetched) == ("e1", 1, 1)
    assert (second.estate, second.bookings, second.measured, second.weighed_grams) == ("e2", 1, 0, None)


def test_the_table_has_its_heads_also_when_nothing_was_booked() -> None:
    """As the other tables of findings."""
    rows = finding_rows("bookings", [], ZONE, DAY, DAY)
    assert as_csv(rows, "bookings").lstrip("\ufeff").startswith("estate,bookings,fetched,")
