"""The day's report as one HTML file, also for a phone; nothing is loaded from anywhere."""

from collections.abc import Mapping, Sequence

from broker.reports import day_report as contents
from broker.reports.figures import facts_of
from broker.rules.statistics.cube import Cube, count
from broker.rules.statistics.facts import Fact
from broker.store import Store
from broker.web.pages.rendering import WORDS, rendered


def stored_report(store: Store, area: str, day: str, language: str, timezone: str, names: Mapping[str, str]) -> str:
    """The page of one day as the store has it; raises StoreError when it cannot be read."""
    facts = facts_of(store, contents.first_day(day), day, timezone)
    return day_report(facts, count(facts, timezone), area, day, language, timezone, names)


def day_report(
    facts: Sequence[Fact], cube: Cube, area: str, day: str, language: str, timezone: str, names: Mapping[str, str]
) -> str:
    """The page of one day, from facts and cube that hold it and the days before it that it shows."""
    report = contents.day_report(facts, cube, area, day, language, timezone, names)
    return rendered("day_report.html", report=report, language_tag=WORDS.say(language, "text", "language_tag"))
