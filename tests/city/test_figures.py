"""The city's figures are the sum of its cells', counted by the same rules from what the cells pushed."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.city.database import CityDatabase
from broker.city.figures import CityFigures, counted, rows, summed
from broker.reports.figures import chain_of, figures_of
from broker.store import Record, Store, amendments
from broker.store.sqlite.store import SQLiteStore
from tests.support.city.district import beat_of, days_of, records_of, share
from tests.support.facts import NOON, ZONE
from tests.support.random_facts import some_facts

FROM, TO = "2026-11-20", "2026-11-24"
AREAS = ("one", "two", "three")


def figures_alone(store: Store) -> tuple[dict[str, int], dict[str, int]]:
    """All figures and the chain of these days as a cell itself has them, added up."""
    found = []
    for cube in (figures_of(store, FROM, TO, ZONE), chain_of(store, FROM, TO, ZONE)):
        total: Counter[str] = Counter()
        for figures in cube.values():
            total.update(figures)
        found.append({name: value for name, value in total.items() if value})
    return found[0], found[1]


def corrected(records: Sequence[Record], corrections: Sequence[tuple[int, int]]) -> list[Record]:
    """The records, and amendments of some: another count, or another time of arrival."""
    found, made = list(records), Counter[str]()
    visits = [record for record in records if record.kind == "visit"]
    for which, value in corrections if visits else ():
        original = visits[which % len(visits)]
        made[original.id] += 1
        patch = {"bins_after": value} if value % 2 else {"arrived_at": original.at + 60 * value}
        number, at = made[original.id], NOON + 3000 + len(found)
        found.append(amendments.record(original, number, patch, "counted again", "ann", at, at))
    return found


@pytest.mark.real
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.tuples(*(some_facts for _ in AREAS)), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), max_size=6)
)
def test_the_citys_figures_are_the_sum_of_its_cells(database_of_figures, tmp_path_factory, facts, corrections):
    """Whatever they recorded and corrected, in whatever order it comes, some of it twice: no more and no less."""
    database, run = database_of_figures, tmp_path_factory.mktemp("cells").name
    city, cells, parts = CityDatabase(database, None, lambda: NOON), [], []
    for area, its in zip((f"{run}-{one}" for one in AREAS), facts, strict=True):
        records = corrected(records_of(its, area), corrections)
        cell = SQLiteStore(tmp_path_factory.mktemp("c"), area, ZONE, lambda: NOON, min_free_bytes=0,
                           export_in_background=False)  # fmt: skip
        cell.append(records)
        there = share(database, area)
        half = len(records) // 2
        for batch in (records[half:], records[: half + 3]):  # corrections before what they correct
            there.push(batch, len(batch), "", len(records))
        there.close()
        cells.append(figures_alone(cell))
        cell.close()
        parts.append(counted(city.records(area, ZONE), area, FROM, TO, ZONE))
    city.close()
    whole = summed(parts)
    for which, cube in enumerate(whole):
        by_area = {area: Counter[str]() for area in {key[2] for key in cube}}
        for key, figures in cube.items():
            by_area[key[2]].update(figures)
        wanted = [{name: value for name, value in cell[which].items() if value} for cell in cells if cell[which]]
        got = [{name: value for name, value in one.items() if value} for _, one in sorted(by_area.items())]
        assert sorted(map(str, filter(None, got))) == sorted(map(str, filter(None, wanted)))
    of_all: Counter[str] = Counter()
    for cell in cells:
        of_all.update(cell[0])
    (row,) = rows(whole, "figures", "month", [], "2026-11-20", "2026-11-24")
    for name in ("visits", "served", "skipped", "bins_known", "calls", "incidents", "weighings", "disagreements"):
        assert (row[name] or 0) == of_all[name], name


def test_areas_stand_in_the_place_of_estates():
    """A room r01 of one area is not that of another; by waste they are put together."""
    one, two = (_part(area, number) for number, area in enumerate(("aa", "bb")))
    table = rows(summed([one, two]), "figures", "day", ["area"], "2026-11-22", "2026-11-22")
    assert [row["area"] for row in table] == ["aa", "bb"]
    by_waste = rows(summed([one, two]), "figures", "day", ["waste"], "2026-11-22", "2026-11-22")
    assert sum(row["served"] for row in table) == sum(row["served"] for row in by_waste)


class Kept(Store):
    """A store of some records."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records, self.now = records, lambda: NOON

    def batches(self, found: Any, order: Any) -> Any:
        return iter([sorted(self.records, key=order.key)])

    def newest(self, found: Any) -> Any:
        return iter(())

    def known_amendments(self, record_id: str | None = None) -> amendments.Amendments:
        return amendments.Amendments()


def _part(area: str, number: int) -> Any:
    records = records_of(days_of(number, days=1), area)
    store = Kept(records)
    store.search = lambda query, amended=True: iter([one for one in records if query(one._asdict())])  # type: ignore
    return counted(store, area, "2026-11-22", "2026-11-22", ZONE)


@pytest.mark.real
def test_a_correction_counts_at_once_and_a_new_record_within_a_minute(database):
    """What was counted is kept until the records are others."""
    with_beat = share(database, "aa")
    records = records_of(days_of(1, days=1), "aa")
    with_beat.push(records[:3], 3, records[2].id, 3)
    with_beat.beat(beat_of(1), "aa", {})
    city = CityDatabase(database, None, lambda: NOON)
    figures, cells = CityFigures(city, lambda: NOON), city.cells()

    def bins() -> int:
        return sum(figure["bins"] for figure in figures.of(cells, "2026-11-22", "2026-11-22").figures.values())

    before = bins()
    with_beat.push(records, len(records), "", len(records))
    assert bins() == before, "not counted again within the minute"
    with_beat.push([amendments.record(records[0], 1, {"bins_after": 0}, "miscounted", "ann", NOON, NOON)], 9, "", 9)
    facts = figures_of(city.records("aa", ZONE), "2026-11-22", "2026-11-22", ZONE)
    assert bins() == sum(figure["bins"] for figure in facts.values()) != before
    with_beat.close()
    city.close()
