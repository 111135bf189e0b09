"""Reading from a store what the statistics of some days need, and answering a question about them."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from broker.reports import chain_table, corrections, tables
from broker.rules.collecting.readings import SPOKEN_OF_S
from broker.rules.statistics.calls import ScoredCall, scored_calls
from broker.rules.statistics.chain import chain
from broker.rules.statistics.cube import Cube, count
from broker.rules.statistics.filling import DAY_S, FILLED_WITHIN_S
from broker.store import Record, Store, amendments, where
from broker.store.days import Days

# The records of an event lie around it: from so many days before to so many days after (None: whenever they came).
# A visit is called before midnight and served after it, or days later by a dispatcher who tidies up, for whom the
# bridge keeps it two weeks; a press may be delivered weeks late, and its incident closed whenever somebody does.
KINDS: Mapping[str, tuple[int, int | None]] = {
    "visit": (2, 15),
    "call": (2, 2),
    "workflow": (2, None),
    "weighing": (2, None),
    "keeper": (2, 2),
    "booking": (13, 15),  # booked twelve days ahead at most, disputed and weighed in the days after
    "case": (0, 1),
    "alarm": (8, 2),  # what stands is kept again each week
}
# How fast a room fills follows from its last collection before.
FILLED_DAYS = FILLED_WITHIN_S // DAY_S + 2
CHAIN_KINDS = {**KINDS, "visit": (FILLED_DAYS, KINDS["visit"][1])}


def facts_of(
    store: Store, from_day: str, to_day: str, timezone: str, kinds: Mapping[str, tuple[int, int | None]] = KINDS
) -> list[Record]:
    """All records the figures of these days can depend on, amendments applied, also those of earlier states."""
    first, last, days = date.fromisoformat(from_day), date.fromisoformat(to_day), Days(timezone)
    found: list[Record] = []
    for kind, (before, after) in kinds.items():
        start = days.start((first - timedelta(days=before)).isoformat())
        end = None if after is None else days.start((last + timedelta(days=after + 1)).isoformat())
        query = (where("kind") == kind) & (where("at") >= start)
        found += store.search(query if end is None else query & (where("at") < end))
    return corrections.laid_over(found, store.search(where("kind") == amendments.KIND))


def chain_facts(store: Store, from_day: str, to_day: str, timezone: str) -> list[Record]:
    """All records the chain of these days can depend on: of the units' reports, nine records in ten, those that came
    before a midnight, and the newest ones."""
    found = facts_of(store, from_day, to_day, timezone, CHAIN_KINDS)
    first, last, days = date.fromisoformat(from_day), date.fromisoformat(to_day), Days(timezone)
    for number in range(-FILLED_DAYS, (last - first).days + 2):
        midnight = days.start((first + timedelta(days=number)).isoformat())
        said = (where("kind") == "bins") & (where("at") >= midnight - SPOKEN_OF_S) & (where("at") < midnight)
        found += store.search(said)
    end = days.start((last + timedelta(days=1)).isoformat())
    return [*found, *(record for record in store.latest("bins").values() if record.at < end)]


def calls_of(store: Store, from_day: str, to_day: str, timezone: str) -> list[ScoredCall]:
    """Every call of these days, scored."""
    kinds = {kind: KINDS[kind] for kind in ("call", "visit")}
    return scored_calls(facts_of(store, from_day, to_day, timezone, kinds), timezone, from_day, to_day)


def figures_of(store: Store, from_day: str, to_day: str, timezone: str) -> Cube:
    """The cube of these days and no others; raises ValueError for a day that is none."""
    cube = count(facts_of(store, from_day, to_day, timezone), timezone)
    return {key: figures for key, figures in cube.items() if from_day <= key[0] <= to_day}


def chain_of(store: Store, from_day: str, to_day: str, timezone: str) -> Cube:
    """The cube of the chain of these days and no others; raises ValueError for a day that is none."""
    cube = chain(chain_facts(store, from_day, to_day, timezone), timezone)
    return {key: figures for key, figures in cube.items() if from_day <= key[0] <= to_day}


def answer(
    store: Store, table: str, form: str, timezone: str, from_day: str, to_day: str, period: str, by: Sequence[str]
) -> str:
    """One of `tables.TABLES` of these days as `csv` or `json`; `period` is for the figures and the chain, `by` for the
    calls too."""
    if table == "figures":
        rows = tables.rows(figures_of(store, from_day, to_day, timezone), period, by, from_day, to_day)
    elif table == "chain":
        rows = chain_table.rows(chain_of(store, from_day, to_day, timezone), period, by, from_day, to_day)
    else:
        facts = facts_of(store, from_day, to_day, timezone)
        rows = tables.finding_rows(table, facts, timezone, from_day, to_day, by)
    return tables.as_csv(rows, table, by) if form == "csv" else tables.as_json(rows)
