"""One line of a GTFS table, asked for its cells by kind: what a cell cannot be becomes a Finding of that line."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from broker.plain_text import hidden_character
from broker.plan.calendar import parse_date
from broker.plan.gtfs.tables.files import Finding, Table, quoted
from firmware.wire import MAX_NAME, is_id

YEARS = range(1990, 2201)  # any other is a slip of the pen, and no clock of ours can count it
MAX_TIME_S = 48 * 3600  # a run that ends later than the night after its day is a slip of the pen


@dataclass(frozen=True, slots=True)
class Row:
    """A line's cells; every method returns None after it has refused the cell (or if an optional one is empty)."""

    table: Table
    line: int
    cells: Sequence[str]
    findings: list[Finding]

    def refuse(self, reason: str) -> None:
        """Report that this line cannot be right."""
        self.findings.append(Finding(self.table.name, self.line, reason))

    def get(self, column: str) -> str:
        """The trimmed text of a cell; empty if the column does not exist."""
        at = self.table.index.get(column)
        return "" if at is None else self.cells[at]

    def stated(self, column: str, why: str = "") -> bool:
        """Whether a cell that must have something has it; a column that is not there was refused as such."""
        if not self.get(column) and column in self.table.index:
            self.refuse(f"{column} is empty{why}")
        return bool(self.get(column))

    def text(self, column: str) -> str | None:
        """A name of at most 200 characters, all of which can be seen."""
        value = self.get(column)
        if not self.stated(column):
            return None
        hidden = hidden_character(value)
        if len(value) > MAX_NAME:
            self.refuse(f"{column} has {len(value)} characters, at most {MAX_NAME} can be shown")
        elif hidden:
            self.refuse(f"{column} holds {hidden}, which cannot be seen: {quoted(value)}")
        else:
            return value
        return None

    def id(self, column: str) -> str | None:
        """An id that can be a level of a topic."""
        value = self.get(column)
        if is_id(value):
            return value
        if self.stated(column):
            self.refuse(f"{column} {quoted(value)} cannot be an id: use 1-64 of a-z A-Z 0-9 . _ - and no dot first")
        return None

    def whole(self, column: str, low: int, high: int) -> int | None:
        """An integer between two bounds, None if the cell is empty."""
        value = self.get(column)
        if not value:
            return None
        if value.isascii() and value.removeprefix("-").isdigit() and len(value) <= 12 and low <= int(value) <= high:
            return int(value)
        self.refuse(f"{column} must be a whole number from {low} to {high}, got {quoted(value)}")
        return None

    def number(self, column: str, low: float, high: float) -> float | None:
        """A decimal number between two bounds, None if the cell is empty."""
        value = self.get(column)
        if value:
            try:
                number = float(value)
                if low <= number <= high and value.isascii() and "_" not in value:
                    return number
            except ValueError:
                pass
            self.refuse(f"{column} must be a number from {low:g} to {high:g}, got {quoted(value)}")
        return None

    def decimal(self, column: str, low: float, high: float) -> Decimal | None:
        """The same as `number`, without rounding to a binary fraction."""
        value = self.get(column)
        if not value:
            return None
        try:
            number = Decimal(value)
            if value.isascii() and "_" not in value and number.is_finite() and low <= number <= high:
                return number
        except InvalidOperation:
            pass
        self.refuse(f"{column} must be a number from {low:g} to {high:g}, got {quoted(value)}")
        return None

    def time_s(self, column: str) -> int | None:
        """Seconds since the start of the service day of H:MM:SS, past 24:00:00 too; None if the cell is empty."""
        value = self.get(column)
        if not value:
            return None
        parts = value.split(":")
        if len(parts) == 3 and all(p.isascii() and p.isdigit() and 1 <= len(p) <= 2 for p in parts):
            hours, minutes, seconds = (int(part) for part in parts)
            total_s = hours * 3600 + minutes * 60 + seconds
            if minutes < 60 and seconds < 60 and total_s <= MAX_TIME_S:
                return total_s
        self.refuse(f"{column} must be a time H:MM:SS up to {MAX_TIME_S // 3600}:00:00, got {quoted(value)}")
        return None

    def date(self, column: str) -> str | None:
        """A day as YYYYMMDD, of a year in which a truck may drive."""
        value = self.get(column)
        try:
            year = parse_date(value).year
        except ValueError:
            if column in self.table.index:
                self.refuse(f"{column} must be a day YYYYMMDD, got {quoted(value)}")
            return None
        if year not in YEARS:
            self.refuse(f"{column} must be a day of the years {YEARS[0]} to {YEARS[-1]}, got {value}")
            return None
        return value
