"""The transfer station's weigh-ins of one day, each with whether anything collected fits it."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from broker.reports.figures import facts_of
from broker.rules.statistics.facts import text, weighing_at, weighings, whole
from broker.rules.statistics.findings import unmatched
from broker.rules.statistics.periods import local_day
from broker.store import Store


@dataclass(frozen=True, slots=True)
class WeighedLoad:
    """One weigh-in as it is on record; `matched` is false where no visit of its run, or of its truck that day, was."""

    id: str
    at: int
    truck: str
    waste: str
    grams: int
    run_id: str | None
    who: str
    matched: bool


def weighed_on(store: Store, day: str, timezone: str) -> list[WeighedLoad]:
    """The weigh-ins of a day in the order of time, as corrected; raises StoreError."""
    facts, zone = facts_of(store, day, day, timezone), ZoneInfo(timezone)
    alone = {fact.id for fact in unmatched(facts, timezone)}
    return [
        WeighedLoad(
            id=fact.id, at=weighing_at(fact), truck=text(fact.body, "truck"), waste=text(fact.body, "waste"),
            grams=whole(fact.body, "grams") or 0, run_id=fact.body.get("run_id") or None,
            who=text(fact.body, "who"), matched=fact.id not in alone,
        )
        for fact in weighings(facts) if local_day(weighing_at(fact), zone) == day
    ]  # fmt: skip
