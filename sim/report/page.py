"""A report as one file: the page, its style, its words and the facts of a run; it asks nobody for anything."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from broker.words import LANGUAGES, Words
from sim.judging.outcome import Outcome
from sim.report.facts import VERSION, facts_of
from sim.scenario.scenes.choice import scene_of

HERE = Path(__file__).parent
PAGE = HERE / "page"
WORDS = Words(HERE / "words")
BEGINS, ENDS = '<script type="application/json" id="facts">', "</script>"


class ReportError(Exception):
    """A file that cannot be written, or is no report; the text says which and why."""


def write_report(outcome: Outcome, path: Path) -> None:
    """Write the page of a run, whole or not at all; raises ReportError."""
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_text(page_of(facts_of(outcome, scene_of(outcome.scenario).plan)), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise ReportError(f"{path}: the report cannot be written ({error.strerror})") from error


def page_of(facts: dict[str, Any]) -> str:
    """The page that shows these facts."""
    templates = Environment(loader=FileSystemLoader(PAGE), autoescape=False, undefined=StrictUndefined)  # noqa: S701
    return templates.get_template("report.html").render(
        title=_in_page(facts["scenario"]).strip('"'),
        style=(PAGE / "report.css").read_text(encoding="utf-8"),
        script=(PAGE / "report.js").read_text(encoding="utf-8"),
        facts=_in_page(facts),
        words=_in_page({language: WORDS.groups(language) for language in LANGUAGES}),
    )


def read_report(path: Path) -> dict[str, Any]:
    """The facts in a report; raises ReportError for a file that is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"{path}: cannot be read ({error})") from error
    begin = text.find(BEGINS)
    try:
        facts: dict[str, Any] = json.loads(text[begin + len(BEGINS) : text.index(ENDS, begin)]) if begin >= 0 else {}
        version = facts["version"]
    except (ValueError, KeyError, TypeError):
        raise ReportError(f"{path}: is no report of a run; write one with --report") from None
    if version != VERSION:
        raise ReportError(f"{path}: is a report of another version ({version}, here {VERSION}); write it again")
    return facts


def _in_page(value: Any) -> str:
    """JSON that cannot end the element it stands in, whatever names are in it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
