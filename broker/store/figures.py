"""Reading from a store what the statistics of some days need."""

from datetime import date, timedelta

from broker.rules.statistics import Cube, count
from broker.store import Record, Store
from broker.store.days import Days

KINDS = ("visit", "call", "workflow", "weighing", "keeper")
MARGIN_DAYS = 2  # a visit's records lie around its event: called before midnight, served after it


def facts_of(store: Store, from_day: str, to_day: str, timezone: str) -> list[Record]:
    """All records the figures of these days can depend on, amendments applied."""
    before = (date.fromisoformat(from_day) - timedelta(days=MARGIN_DAYS)).isoformat()
    after = (date.fromisoformat(to_day) + timedelta(days=MARGIN_DAYS)).isoformat()
    start, end = Days(timezone).span(before, after)
    return [record for kind in KINDS for record in store.scan(kind, start, end)]


def figures_of(store: Store, from_day: str, to_day: str, timezone: str) -> Cube:
    """The cube of these days and no others; raises ValueError for a day that is none."""
    cube = count(facts_of(store, from_day, to_day, timezone), timezone)
    return {key: figures for key, figures in cube.items() if from_day <= key[0] <= to_day}
