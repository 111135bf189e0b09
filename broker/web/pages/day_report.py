"""The day's report as one HTML file, also for a phone; nothing is loaded from anywhere."""

from collections.abc import Mapping, Sequence

from broker.reports import day_report as contents
from broker.reports.figures import chain_facts
from broker.rules.statistics.cube import Cube, count
from broker.rules.statistics.facts import Fact
from broker.rules.statistics.periods import Period
from broker.store import Store
from broker.web.pages.rendering import WORDS, rendered


def stored_report(store: Store, area: str, day: str, language: str, timezone: str, names: Mapping[str, str]) -> str:
    """The page of one day as the store has it; raises StoreError when it cannot be read."""
    facts = chain_facts(store, contents.first_day(day), day, timezone)
    return day_report(facts, count(facts, timezone), area, day, language, timezone, names)


def period_page(
    facts: Sequence[Fact], cube: Cube, area: str, period: Period, language: str, timezone: str, names: Mapping[str, str]
) -> str:
    """The page of a day, week or month."""
    report = contents.period_report(facts, cube, area, period, language, timezone, names)
    return rendered("day_report.html", report=report, language_tag=WORDS.say(language, "text", "language_tag"))


def day_report(
    facts: Sequence[Fact], cube: Cube, area: str, day: str, language: str, timezone: str, names: Mapping[str, str]
) -> str:
    """The page of one day, from facts and cube that hold it and the days before it that it shows."""
    return period_page(facts, cube, area, Period.around("day", day), language, timezone, names)
