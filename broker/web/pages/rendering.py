"""The templates of all pages, and the words in them that are not the registers' own."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from broker.reports.words import in_language
from broker.words import Words

HERE = Path(__file__).parent
STATIC = HERE.parent / "static"
WORDS = Words(HERE / "words")
TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
)
TEMPLATES.filters["in_language"] = in_language


def rendered(template: str, **values: Any) -> str:
    """A template with its values put in and escaped; raises UndefinedError for one that is not given."""
    return TEMPLATES.get_template(template).render(**values)
