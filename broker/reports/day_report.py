"""What the report of a day, week or month holds: sentences, and chapters with a chart, a table, or a word for none."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from broker.reports import chain_table
from broker.reports.call_table import FEW_HEADS, call_cells
from broker.reports.sentences import kilograms, sentences
from broker.reports.tables import known
from broker.reports.words import WORDS, in_language, waste_word, word
from broker.rules.statistics.alarm_load import alarm_load
from broker.rules.statistics.bookings import bookings_by_property
from broker.rules.statistics.calls import BY_ROOM, ScoredCall, call_scores, scored_calls
from broker.rules.statistics.chain import MEASURES as CHAIN_MEASURES
from broker.rules.statistics.chain import chain
from broker.rules.statistics.cube import Cube, Figures, fold, series, total
from broker.rules.statistics.facts import Fact
from broker.rules.statistics.findings import disagreeing, lanes, weigh_ins
from broker.rules.statistics.grounds import cases
from broker.rules.statistics.periods import Period
from broker.rules.statistics.promises import answers

DAYS_SHOWN = 14
# The figures of the load of alarms, and what each should be at most (EEMUA 191); None: there is no such number.
ALARM_TARGETS: Mapping[str, str | None] = {
    "told": None, "per_10_min": "1", "worst_10_min": "10", "flood_share": "1%", "top_ten_share": None,
    "severe_share": None, "chattering": "0", "fleeting": "0", "standing": "0",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart: its name, its value (None: a gap), and what is written beside it."""

    name: str
    value: float | None
    shown: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Horizontal bars, and what they show."""

    label: str
    bars: tuple[Bar, ...]

    def width_percent(self, bar: Bar) -> float:
        """A bar's share of whatever width there is; a zero is a thin line, which a gap, a whole empty box, is not."""
        most = max([bar.value for bar in self.bars if bar.value is not None], default=0) or 1
        return 100.0 if bar.value is None else max(0.5, round(100 * bar.value / most, 1))


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column, and whether numbers stand in it."""

    name: str
    numbers: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts below their heads."""

    columns: tuple[Column, ...]
    rows: tuple[Sequence[str], ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One chapter; where it has neither bars nor rows, `none` is the word for that."""

    title: str
    none: str = ""
    chart: Chart | None = None
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class DayReport:
    """The whole report, in one language."""

    title: str
    sentences: tuple[str, ...]
    chapters: tuple[Chapter, ...]


def first_day(day: str) -> str:
    """The first of the days that the report of this day shows."""
    return (date.fromisoformat(day) - timedelta(days=DAYS_SHOWN - 1)).isoformat()


def _shown_from(period: Period) -> str:
    """From which day on charts and lanes are of: a day's are of two weeks, a longer period's its own."""
    return first_day(period.to_day) if period.kind == "day" else period.from_day


def period_report(
    facts: Sequence[Fact], cube: Cube, area: str, period: Period, language: str, timezone: str,
    names: Mapping[str, str],
) -> DayReport:  # fmt: skip
    """The report of a period; `facts` and `cube` hold it and, for a day's charts, those before it.

    `names` are the plan's, by id, "中文 / English" or one for both; what has none is shown by its id.
    """
    named = {place: in_language(name, language) for place, name in names.items()}
    figures = total(cube, period.from_day, period.to_day)
    none = word(language, "gap" if figures is None else "none")
    chapters = (
        _by_waste(cube, period, language, none),
        _last_days(cube, period, language),
        _leads(figures, language, none),
        *_calls(scored_calls(facts, timezone, period.from_day, period.to_day), language, named, none),
        _lanes(facts, period, language, timezone, named),
        _answers(facts, period, language, timezone, named, none),
        _chain(chain(facts, timezone, cube), period, language, none),
        _weigh_ins(facts, period, language, timezone, none),
        _cases(facts, period, language, timezone, named, none),
        _bookings(facts, period, language, timezone, named, none),
        _findings(facts, period, language, timezone, named, none),
        _alarms(facts, period, language, timezone, none),
    )
    title = word(language, f"title_{period.kind}", area=named.get(area, area), day=period.name)
    return DayReport(title, tuple(sentences(figures, period.name, language)), chapters)


def _table(language: str, texts: Sequence[str], numbers: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    columns = [Column(word(language, key), key in numbers) for key in (*texts, *numbers)]
    return Table(tuple(columns), tuple(rows))


def _by_waste(cube: Cube, period: Period, language: str, none: str) -> Chapter:
    of_period = fold(cube, period.kind, ("waste",), period.from_day, period.to_day)
    folded = {key[1]: figures for key, figures in of_period.items()}
    # A kind that nobody knows comes last, under the word that the record has for it: the sentences count it too.
    wastes = dict.fromkeys((*WORDS.groups(language)["waste"], *sorted(folded)))
    known_or_met = [waste for waste in wastes if waste in folded and (waste or folded[waste]["visits"])]
    shown = [(waste_word(language, waste), folded[waste]) for waste in known_or_met]
    rows = [
        (name, str(row["served"]), str(row["skipped"]), _bins(row, language), _kilos(row, language))
        for name, row in shown
    ]
    unit = word(language, "kilograms")
    bars = []
    for name, row in shown:
        grams = known(row, "grams")
        bars.append(Bar(name, grams, _kilos(row, language) + ("" if grams is None else f" {unit}")))
    return Chapter(
        word(language, "by_waste"), none, Chart(unit, tuple(bars)),
        _table(language, ["waste"], ["served", "skipped", "bins", "kilograms"], rows),
    )


def _bins(row: Figures, language: str) -> str:
    bins = known(row, "bins")
    return word(language, "unknown") if bins is None else str(bins)


def _kilos(row: Figures, language: str) -> str:
    grams = known(row, "grams")
    return word(language, "unknown") if grams is None else kilograms(grams)


def _last_days(cube: Cube, period: Period, language: str) -> Chapter:
    bars = [
        Bar(name, None, word(language, "gap"))
        if figures is None
        else Bar(name, known(figures, "bins"), _bins(figures, language))
        for name, figures in series(cube, "day", _shown_from(period), period.to_day)
    ]
    title = word(language, "last_days")
    return Chapter(title, chart=Chart(title, tuple(bars)))


def _leads(figures: Figures | None, language: str, none: str) -> Chapter:
    title = word(language, "lead")
    if figures is None or not figures["calls_scored"]:
        return Chapter(title, none)
    good, short = figures["calls_13_to_19"], figures["calls_short"]
    others = figures["calls_scored"] - good - short
    counts = [("between_13_19", good), ("under_10", short), ("other_leads", others)]
    return Chapter(
        title, chart=Chart(title, tuple(Bar(word(language, key), float(count), str(count)) for key, count in counts))
    )


def _calls(
    calls: Sequence[ScoredCall], language: str, named: Mapping[str, str], none: str
) -> tuple[Chapter, Chapter]:
    """The scores of each room, and of each route by the kind of its calls."""

    def chapter(title: str, by: Sequence[str], heads: Sequence[str]) -> Chapter:
        rows = tuple(call_cells(one, by, language, named, FEW_HEADS) for one in call_scores(calls, by))
        texts = (*heads, "off_most")
        columns = tuple(Column(word(language, head), head not in texts) for head in (*heads, *FEW_HEADS))
        return Chapter(word(language, title), none, table=Table(columns, rows))

    return (
        chapter("calls_by_room", BY_ROOM, ["room"]),
        chapter("calls_by_kind", ("route", "kind"), ["route", "call_kind"]),
    )


def _lanes(facts: Sequence[Fact], period: Period, language: str, timezone: str, named: Mapping[str, str]) -> Chapter:
    rows = [
        (
            named.get(lane.estate, lane.estate),
            f"{lane.hour:02d}:00",
            str(lane.incidents),
            str(lane.days),
            word(language, "unknown") if lane.blocked_s is None else str(round(lane.blocked_s / 60)),
            str(lane.still_blocked),
        )
        for lane in lanes(facts, timezone, _shown_from(period), period.to_day)
        if lane.chronic
    ]
    table = _table(language, ["estate", "hour"], ["times", "days", "minutes", "still_blocked"], rows)
    return Chapter(word(language, "lanes"), word(language, "none"), table=table)


def _answers(
    facts: Sequence[Fact], period: Period, language: str, timezone: str, named: Mapping[str, str], none: str
) -> Chapter:
    def minutes(seconds: int | None) -> str:
        return word(language, "unknown") if seconds is None else f"{seconds / 60:.1f}"

    addressees = WORDS.groups(language)["addressee"]
    rows = [
        (
            " ".join(filter(None, (addressees.get(one.addressee, one.addressee), named.get(one.party, one.party)))),
            str(one.asked), str(one.seen), minutes(one.median_seen_s), str(one.promises), str(one.kept),
            str(one.broken), str(one.in_vain),
        )
        for one in answers(facts, timezone, period.from_day, period.to_day)
    ]  # fmt: skip
    numbers = ["asked", "seen_of_asked", "median_seen", "promises", "promises_kept", "promises_broken", "told_in_vain"]
    table = _table(language, ["who_was_asked"], numbers, rows)
    return Chapter(word(language, "answers"), none, table=table)


def _chain(links: Cube, period: Period, language: str, none: str) -> Chapter:
    """Each kind of waste from the room to the transfer station."""
    unknown = word(language, "unknown")

    def kilos(grams: int | None) -> str:
        return unknown if grams is None else kilograms(grams)

    folded = fold(links, period.kind, ("waste",), period.from_day, period.to_day, CHAIN_MEASURES)
    rows = []
    for waste in dict.fromkeys((*WORDS.groups(language)["waste"], *sorted(key[1] for key in folded))):
        if (period.name, waste) not in folded:
            continue
        row = chain_table.shown(folded[period.name, waste])
        found = str(row["contaminated"] + row["skipped_contamination"])
        filled = kilos(row["filled_grams"]), kilos(row["filled_grams_per_h"])
        later = [kilos(row[name]) for name in ("grams", "transported_grams", "weighed_grams", "difference_grams")]
        rows.append((waste_word(language, waste), *filled, found, *later))
    numbers = [
        "filled", "filled_per_h", "contaminated", "collected_there", "transported", "weighed_there", "difference_there",
    ]  # fmt: skip
    return Chapter(word(language, "chain"), none, table=_table(language, ["waste"], numbers, rows))


def _weigh_ins(facts: Sequence[Fact], period: Period, language: str, timezone: str, none: str) -> Chapter:
    unknown = word(language, "unknown")
    rows = [
        (
            one.run_id or unknown,
            one.truck,
            waste_word(language, one.waste),
            kilograms(one.weighed_grams),
            unknown if one.rooms_grams is None else kilograms(one.rooms_grams),
            unknown if one.difference_grams is None else kilograms(one.difference_grams),
        )
        for one in weigh_ins(facts, timezone, period.from_day, period.to_day)
    ]
    table = _table(language, ["run", "truck", "waste"], ["weighed", "rooms", "difference"], rows)
    return Chapter(word(language, "weigh_ins"), none, table=table)


def _bookings(
    facts: Sequence[Fact], period: Period, language: str, timezone: str, named: Mapping[str, str], none: str
) -> Chapter:
    """What properties booked for these days, what became of it, and how much it was."""
    rows = [
        (
            named.get(one.estate, one.estate), str(one.bookings), str(one.fetched), str(one.failed),
            str(one.overfilled), f"{one.estimated_litres / 1000:.1f}", f"{one.measured_litres / 1000:.1f}",
            word(language, "unknown") if one.weighed_grams is None else kilograms(one.weighed_grams),
        )
        for one in bookings_by_property(facts, timezone, period.from_day, period.to_day)
    ]  # fmt: skip
    numbers = ["booked", "fetched", "in_vain", "overfilled", "estimated_m3", "measured_m3", "weighed"]
    return Chapter(word(language, "bookings"), none, table=_table(language, ["estate"], numbers, rows))


def _cases(
    facts: Sequence[Fact], period: Period, language: str, timezone: str, named: Mapping[str, str], none: str
) -> Chapter:
    rows = [
        (WORDS.groups(language)["case"].get(one.kind, one.kind), named.get(one.estate, one.estate),
         *(str(count) for count in (one.opened, one.handed_over, one.answered, one.closed)))
        for one in cases(facts, timezone, period.from_day, period.to_day)
    ]  # fmt: skip
    numbers = ["opened", "handed_over", "answered", "closed"]
    return Chapter(word(language, "cases"), none, table=_table(language, ["case", "estate"], numbers, rows))


def _findings(
    facts: Sequence[Fact], period: Period, language: str, timezone: str, named: Mapping[str, str], none: str
) -> Chapter:
    separator = word(language, "separator_of_words")
    rows = [
        (
            named.get(one.room, one.room),
            one.truck,
            waste_word(language, one.waste),
            separator.join(WORDS.say(language, "disagreement", key) for key in one.words),
        )
        for one in disagreeing(facts, timezone, period.from_day, period.to_day)
    ]
    table = _table(language, ["room", "truck", "waste", "what"], [], rows)
    return Chapter(word(language, "findings"), none, table=table)


def _alarms(facts: Sequence[Fact], period: Period, language: str, timezone: str, none: str) -> Chapter:
    """The period's load of alarms, each figure beside what it should be."""
    title = word(language, "alarms")
    load = alarm_load(facts, timezone, period.from_day, period.to_day)[-1]
    if not load.told:
        return Chapter(title, none)
    rows = []
    for name, most in ALARM_TARGETS.items():
        value = getattr(load, name)
        shown = f"{value:.1%}" if name.endswith("share") else f"{value:g}"
        target = "" if most is None else word(language, "at_most", count=most)
        rows.append((word(language, f"alarm_{name}"), shown, target))
    return Chapter(title, table=_table(language, ["alarm_figure"], ["alarm_value", "alarm_target"], rows))
