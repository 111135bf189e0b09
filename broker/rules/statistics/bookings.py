"""Bookings for renovation waste by property: what became of them, and what was estimated against what was measured.

A booking counts on the day of its window, by its newest state; a hold that nobody booked is none. Estimated and
measured are summed of the same bookings: those of which the crew measured anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from broker.rules.statistics.facts import Fact, moment, newest, text, whole
from broker.rules.statistics.periods import local_day

FETCHED = ("loaded", "completed")


@dataclass(frozen=True, slots=True)
class PropertyBookings:
    """One estate's bookings; shares are of whole numbers, None where nothing was measured."""

    estate: str
    bookings: int
    fetched: int
    declined: int
    expired: int
    cancelled: int
    failed: int
    no_show: int
    overfilled: int
    disputed: int
    measured: int
    estimated_litres: int
    measured_litres: int
    measured_share: float | None  # of what was estimated
    weighed_grams: int | None


def bookings_by_property(facts: Sequence[Fact], timezone: str, from_day: str, to_day: str) -> list[PropertyBookings]:
    """The estates that booked for these days, by id."""
    zone = ZoneInfo(timezone)
    found: dict[str, list[Fact]] = {}
    for fact in newest(facts, "booking"):
        from_at = moment(fact.body, "from_at")
        if from_at is None or moment(fact.body, "requested_at") is None:
            continue
        if from_day <= local_day(from_at, zone) <= to_day:
            found.setdefault(text(fact.body, "estate"), []).append(fact)
    return [_of_estate(estate, found[estate]) for estate in sorted(found)]


def _of_estate(estate: str, facts: Sequence[Fact]) -> PropertyBookings:
    states = [text(fact.body, "state") for fact in facts]
    pairs = [(whole(fact.body, "litres"), whole(fact.body, "measured_litres")) for fact in facts]
    measured = [(one, other) for one, other in pairs if one is not None and other is not None]
    estimated_litres, measured_litres = sum(one for one, _ in measured), sum(other for _, other in measured)
    grams = [grams for fact in facts if (grams := whole(fact.body, "grams")) is not None]
    return PropertyBookings(
        estate, len(facts), sum(state in FETCHED for state in states), states.count("declined"),
        states.count("expired"), states.count("cancelled"), states.count("failed"),
        sum(text(fact.body, "reason") == "no_show" for fact in facts),
        sum(fact.body.get("overfilled") is True for fact in facts),
        sum(moment(fact.body, "disputed_at") is not None for fact in facts), len(measured), estimated_litres,
        measured_litres, round(measured_litres / estimated_litres, 4) if estimated_litres else None,
        sum(grams) if grams else None,
    )  # fmt: skip
