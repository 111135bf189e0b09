"""The score as a page in each language: each row with yours, what happened, and why; then what was clicked."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from broker.words import LANGUAGES, Words
from sim.practice.morning import Click
from sim.practice.score import ROWS, Score
from sim.scenario.scenario import Scenario

HERE = Path(__file__).parent
WORDS = Words(HERE / "words")
_TEMPLATES = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True)


@dataclass(frozen=True, slots=True)
class Scores:
    """Yours, what happened, and of a day on record what the play makes of the deeds of then."""

    yours: Score
    happened: Score
    again: Score | None = None

    @property
    def named(self) -> dict[str, Score]:
        """Those that there are, in the order in which they are shown."""
        every = {"yours": self.yours, "happened": self.happened, "again": self.again}
        return {name: score for name, score in every.items() if score is not None}


def write_pages(folder: Path, scenario: Scenario, scores: Scores, clicks: list[Click], zone: str) -> Path:
    """Write the pages into a folder; the English one."""
    for language in LANGUAGES:
        page = page_of(scenario, scores, clicks, zone, language)
        _path(folder, scenario, language).write_text(page, encoding="utf-8")
    return _path(folder, scenario, "en")


def page_of(scenario: Scenario, scores: Scores, clicks: list[Click], zone: str, language: str) -> str:
    """The page in one language."""
    other = next(one for one in LANGUAGES if one != language)

    def say(group: str, key: str, **values: object) -> str:
        return WORDS.say(language, group, key, **values)

    yours = scores.yours
    shown = scores.named.values()
    better = round(scores.happened.total - yours.total, 1)
    verdict = say("page", "same" if better == 0 else "better" if better > 0 else "worse", minutes=abs(better))
    rows = [(say("row", name), [score.minutes[name] for score in shown], _why(name, yours, say)) for name in ROWS]
    return _TEMPLATES.get_template("page.html").render(
        say=say, language=language, other=_path(Path(), scenario, other).name, other_name=_LANGUAGE[other],
        scenario=scenario, verdict=verdict, rows=rows, totals=[score.total for score in shown],
        on_record=scores.again is not None,
        clicks=[(clock(click.at, zone), act_word(click, language)) for click in clicks],
    )  # fmt: skip


def _why(name: str, yours: Score, say: Callable[..., str]) -> str:
    return say("why", name, count=yours.counts[name]) if yours.counts[name] else "—"


def act_word(click: Click, language: str) -> str:
    """What was clicked, in words: the deed, what was decided, and about what."""
    known = WORDS.groups(language)
    said = [known["act"].get(click.act.action, known["act"]["other"])]
    if click.act.decision is not None:
        said.append(known["decision"].get(click.act.decision, known["act"]["other"]))
    about = click.act.incident or click.act.visit or ()
    return " · ".join([*said, *(str(part) for part in about), *([click.act.truck] if click.act.truck else [])])


def clock(at: float, zone: str) -> str:
    """A second of the day played."""
    return datetime.fromtimestamp(at, ZoneInfo(zone)).strftime("%H:%M:%S")


_LANGUAGE = {"zh": "中文", "en": "English"}


def _path(folder: Path, scenario: Scenario, language: str) -> Path:
    return folder / f"practice-{scenario.name}.{language}.html"
