"""The figures as sheets for people: each one measure, day by day and by kind, estate, route or truck.

What a page shows and what is exported are these very cells, in a reader's language and in units that people read
(kilograms, minutes, percent). A sum is counted anew over the whole span, not added up from its cells.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from broker.reports import chain_table
from broker.reports.tables import known, share
from broker.reports.words import WORDS, in_language, waste_word, word
from broker.rules.statistics.alarm_load import WHOLE, AlarmLoad, alarm_hours, alarm_load
from broker.rules.statistics.bookings import bookings_by_property
from broker.rules.statistics.chain import MEASURES as CHAIN_MEASURES
from broker.rules.statistics.chain import chain
from broker.rules.statistics.cube import DIMENSIONS, MEASURES, Cube, Figures, count
from broker.rules.statistics.facts import Fact
from broker.rules.statistics.periods import days_between
from firmware.wire import WASTES

BY = ("waste", "estate", "route", "truck")
HOURS_A_DAY = 24
NOTHING: Mapping[str, str] = MappingProxyType({})
Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with its heads, a sum where there can be one, and how it is drawn: `bars`, `stacked` or `lines`."""

    key: str
    title: str
    unit: str
    chart: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] | None
    drawn: int  # so many columns after the first are drawn

    @property
    def lines(self) -> list[tuple[Cell, ...]]:
        """All rows as they are exported, the sum last."""
        return [*self.rows, *([] if self.total is None else [self.total])]


class _Measure(NamedTuple):
    """One measure of the figures as people read it."""

    key: str
    unit: str
    chart: str
    of: Callable[[Figures], float | None]


def sheets(
    facts: Sequence[Fact], timezone: str, from_day: str, to_day: str, by: str, language: str, names: Mapping[str, str],
    only: Mapping[str, str] = NOTHING,
) -> list[Sheet]:  # fmt: skip
    """All sheets of these days by one of BY; `facts` as for the chain, `names` are the plan's. `only` of one estate or
    one truck, or of both (dimension: id): what is nobody's in particular, the load of alarms, is left out then."""
    cube = count(facts, timezone)
    links = chain(facts, timezone, cube)
    own = _only(cube, only), _only(links, only)
    span = _Span(from_day, to_day, by, language, names, by)
    found = counted_sheets(*own, from_day, to_day, by, language, names)
    if not only:
        found += [_alarms(span, facts, timezone), _alarm_hours(span, facts, timezone)]
    if "truck" not in only:
        found.append(_bookings(span, facts, timezone, only.get("estate")))
    return found


def _only(cube: Cube, only: Mapping[str, str]) -> Cube:
    """The part of a cube that is of one estate, of one truck, or of both."""
    places = [(DIMENSIONS.index(name) + 1, wanted) for name, wanted in only.items()]
    return {key: figures for key, figures in cube.items() if all(key[place] == wanted for place, wanted in places)}


def counted_sheets(
    cube: Cube, links: Cube, from_day: str, to_day: str, by: str, language: str, names: Mapping[str, str],
    head: str | None = None,
) -> list[Sheet]:  # fmt: skip
    """Those of the figures and the chain (`links`), from cubes, which may be the sum of several areas'; `head` is the
    word for what stands in the place of `by`."""
    span = _Span(from_day, to_day, by, language, names, head or by)
    return [*(span.measured(cube, measure) for measure in _MEASURES), _chain(span, links)]


@dataclass(frozen=True, slots=True)
class _Span:
    """Some days by one dimension, as one reader wants them."""

    from_day: str
    to_day: str
    by: str
    language: str
    names: Mapping[str, str]
    head: str

    def say(self, key: str) -> str:
        """A word of the sheets."""
        return WORDS.say(self.language, "sheet", key)

    def called(self, group: str) -> str:
        """What a kind, an estate, a route or a truck is called."""
        if self.by == "waste":
            return waste_word(self.language, group)
        return in_language(self.names.get(group, group), self.language) if group else word(self.language, "unknown")

    def within(self, cube: Cube, measures: Sequence[str]) -> dict[tuple[str | None, str | None], Figures]:
        """(day, group) -> figures, each also put together (None) over all days, all groups, and both."""
        place = DIMENSIONS.index(self.by) + 1
        found: dict[tuple[str | None, str | None], Figures] = {}
        for key, figures in cube.items():
            if self.from_day <= key[0] <= self.to_day:
                for day in (key[0], None):
                    for group in (key[place], None):
                        row = found.setdefault((day, group), dict.fromkeys(measures, 0))
                        for name, value in figures.items():
                            row[name] += value
        return found

    def groups(self, found: Mapping[tuple[str | None, str | None], Figures]) -> list[str]:
        """Those that anything is known of, kinds in the wire's order, others by name; what is not named last."""
        met = {group for _, group in found if group is not None}
        first = [waste for waste in WASTES if waste in met] if self.by == "waste" else []
        return [*first, *sorted(met - {*first}, key=lambda group: (not group, self.called(group), group))]

    def measured(self, cube: Cube, measure: _Measure) -> Sheet:
        """A measure day by day; of one day group by group."""
        found = self.within(cube, MEASURES)
        days = list(days_between(self.from_day, self.to_day))

        def cell(day: str | None, group: str | None) -> Cell:
            figures = found.get((day, group))
            return None if figures is None else measure.of(figures)

        groups = [group for group in self.groups(found) if group or cell(None, group)]  # weigh-ins name no estate
        title, everything = self.say(measure.key), self.say("all")
        unit = self.say(measure.unit) if measure.unit else ""
        if len(days) == 1:
            told = [(self.called(group), cell(days[0], group)) for group in groups]
            head = (self.say(self.head), title)
            return Sheet(measure.key, title, unit, "bars", head, tuple(told), (everything, cell(None, None)), 1)
        heads = (self.say("day"), *map(self.called, groups), everything)
        rows = tuple((day, *(cell(day, group) for group in (*groups, None))) for day in days)
        total = (self.say("sum"), *(cell(None, group) for group in (*groups, None)))
        return Sheet(measure.key, title, unit, measure.chart, heads, rows, total, len(groups))


def _number(name: str, under: int = 1) -> Callable[[Figures], float | None]:
    """A sum where it is known, in a larger unit: whole where it is counted."""

    def of(figures: Figures) -> float | None:
        value = known(figures, name)
        return value if value is None or under == 1 else round(value / under, 3)

    return of


def _percent(name: str) -> Callable[[Figures], float | None]:
    def of(figures: Figures) -> float | None:
        value = share(figures, name)
        return None if value is None else round(value * 100, 2)

    return of


_MEASURES = (
    _Measure("bins", "bins_unit", "stacked", _number("bins")),
    _Measure("kilograms", "kg", "stacked", _number("grams", 1000)),
    _Measure("served", "visits_unit", "stacked", _number("served")),
    _Measure("skipped", "visits_unit", "stacked", _number("skipped")),
    _Measure("plan_on_time", "percent", "lines", _percent("plan_on_time_share")),
    _Measure("promise_on_time", "percent", "lines", _percent("promise_on_time_share")),
    _Measure("outside", "minutes", "stacked", _number("outside_s", 60)),
    _Measure("calls_in_band", "percent", "lines", _percent("calls_13_to_19_share")),
    _Measure("incidents", "incidents_unit", "stacked", _number("incidents")),
    _Measure("incident_minutes", "minutes", "stacked", _number("incident_s", 60)),
)
CHAIN_LINKS = ("filled_grams", "grams", "transported_grams", "weighed_grams")


def _chain(span: _Span, cube: Cube) -> Sheet:
    """Filled, collected, transported, weighed: group by group over the whole span."""
    found = span.within(cube, CHAIN_MEASURES)

    def row(name: str, group: str | None) -> tuple[Cell, ...]:
        shown = chain_table.shown(found.get((None, group), dict.fromkeys(CHAIN_MEASURES, 0)))
        of = [shown[link] for link in (*CHAIN_LINKS, "difference_grams")]
        return (name, *(None if grams is None else round(grams / 1000, 3) for grams in of))

    # Nobody weighs an estate's alone.
    groups = [group for group in span.groups(found) if group or span.head != "estate"]
    rows = tuple(row(span.called(group), group) for group in groups)
    heads = (span.say(span.head), *(span.say(link) for link in (*CHAIN_LINKS, "difference")))
    total = row(span.say("all"), None)
    return Sheet("chain", span.say("chain"), span.say("kg"), "bars", heads, rows, total, len(CHAIN_LINKS))


def _alarms(span: _Span, facts: Sequence[Fact], timezone: str) -> Sheet:
    """How many alarms an hour one person was given, by day."""
    loads = alarm_load(facts, timezone, span.from_day, span.to_day)

    def row(name: str, load: AlarmLoad, days: int) -> tuple[Cell, ...]:
        an_hour = round(load.told / (days * HOURS_A_DAY), 3)
        return (name, an_hour, load.told, load.alarms, load.presses, load.worst_10_min)

    rows = tuple(row(load.day, load, 1) for load in loads if load.day != WHOLE)
    whole = next((load for load in loads if load.day == WHOLE), loads[0])
    heads = ("day", "an_hour", "told", "alarms_told", "presses", "worst_10_min")
    total = row(span.say("sum"), whole, len(rows))
    title = span.say("alarms")
    return Sheet("alarms", title, span.say("an_hour"), "bars", tuple(map(span.say, heads)), rows, total, 1)


def _alarm_hours(span: _Span, facts: Sequence[Fact], timezone: str) -> Sheet:
    """In which hours of the day a person was told how much."""
    hours = alarm_hours(facts, timezone, span.from_day, span.to_day)
    rows = tuple((f"{one.hour:02}:00", one.told, one.presses, one.worst) for one in hours)
    heads = tuple(map(span.say, ("hour", "told", "presses", "worst_day")))
    total = (span.say("all"), sum(one.told for one in hours), sum(one.presses for one in hours), None)
    return Sheet("alarm_hours", span.say("alarm_hours"), span.say("alarms_unit"), "bars", heads, rows, total, 1)


def _bookings(span: _Span, facts: Sequence[Fact], timezone: str, estate: str | None) -> Sheet:
    """What became of the bookings, and what was estimated and measured, by estate, or of one."""
    found = bookings_by_property(facts, timezone, span.from_day, span.to_day)
    found = [one for one in found if estate in (None, one.estate)]
    rows: list[tuple[Cell, ...]] = []
    for one in found:
        given_up = one.declined + one.expired + one.cancelled
        cubic = one.estimated_litres / 1000, one.measured_litres / 1000
        counts = one.bookings, one.fetched, given_up, one.failed, one.disputed
        rows.append((in_language(span.names.get(one.estate, one.estate), span.language), *counts, *cubic))
    heads = ("estate", "booked", "fetched", "not_wanted", "failed", "disputed", "estimated", "measured")
    sums = [sum(row[place] for row in rows) for place in range(1, len(heads))]  # type: ignore[misc]
    title = span.say("bookings")
    return Sheet(
        "bookings", title, span.say("bookings_unit"), "bars", tuple(map(span.say, heads)), tuple(rows),
        (span.say("all"), *sums), 2,
    )  # fmt: skip
