"""What a report is: pages in both languages, two tables as CSV, all in a workbook, a digest of its figures."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from broker.registers.exchange.sheets import write_xlsx
from broker.reports import chain_table, tables
from broker.rules.statistics.chain import chain
from broker.rules.statistics.cube import Cube, count
from broker.rules.statistics.facts import Fact
from broker.rules.statistics.periods import Period
from broker.words import LANGUAGES

Page = Callable[[Sequence[Fact], Cube, Period, str], str]  # facts, their cube, of when, language
CALLS_BY = ("room", "route", "day", "kind")
AS_CSV = ("figures", "chain")
FORMS = (*(f"{language}.html" for language in LANGUAGES), *(f"{table}.csv" for table in AS_CSV), "xlsx")


class Counted:
    """The facts of many days, counted once for all of their reports."""

    def __init__(self, facts: Sequence[Fact], timezone: str) -> None:
        self.facts, self._timezone = facts, timezone
        self.cube = count(facts, timezone)
        self._links = chain(facts, timezone, self.cube)

    def is_gap(self, period: Period) -> bool:
        """Whether there is no record at all of it."""
        return not any(period.from_day <= key[0] <= period.to_day for key in self.cube)

    def rows(self, table: str, period: Period) -> list[dict[str, Any]]:
        """One of `tables.TABLES` of a period; figures and chain by kind of waste, calls by CALLS_BY."""
        span = period.from_day, period.to_day
        if table == "figures":
            return tables.rows(self.cube, period.kind, ("waste",), *span)
        if table == "chain":
            return chain_table.rows(self._links, period.kind, (), *span)
        return tables.finding_rows(table, self.facts, self._timezone, *span, CALLS_BY if table == "calls" else ())

    def whole(self, period: Period) -> dict[str, Any]:
        """The figures of a period over everything."""
        return tables.rows(self.cube, period.kind, (), period.from_day, period.to_day)[0]


@dataclass(frozen=True, slots=True)
class Report:
    """One report, not written yet."""

    period: Period
    figures: Mapping[str, Any]
    rows: Mapping[str, Sequence[Mapping[str, Any]]]  # by table

    @staticmethod
    def of(counted: Counted, period: Period) -> "Report":
        """The report of a period."""
        return Report(period, counted.whole(period), {table: counted.rows(table, period) for table in tables.TABLES})

    @property
    def digest(self) -> str:
        """What changes when a figure does, and only then."""
        said = json.dumps([self.figures, self.rows], ensure_ascii=False, sort_keys=True)
        return sha256(said.encode()).hexdigest()[:32]

    def files(self, counted: Counted, page: Page) -> dict[str, bytes]:
        """Its files by name."""
        name = self.period.name
        facts, cube = counted.facts, counted.cube
        found = {f"{name}.{one}.html": page(facts, cube, self.period, one).encode() for one in LANGUAGES}
        found |= {f"{name}.{table}.csv": tables.as_csv(self.rows[table], table).encode() for table in AS_CSV}
        headed = ((table, tables.heads(self.rows[table], table, CALLS_BY)) for table in tables.TABLES)
        found[f"{name}.xlsx"] = write_xlsx(
            (table, heads, [[row[head] for head in heads] for row in self.rows[table]])
            for table, heads in headed if heads
        )  # fmt: skip
        return found
