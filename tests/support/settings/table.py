"""The form of a table in which each key of a configuration file stands with something that it changes."""

import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

Seen = Callable[[Path, str], Any]  # what is seen of a program in this folder that is configured by this text


class Row(NamedTuple):
    """A key, two values as they are written, what is seen with each, how the first sight relates to the second, and
    what else stands in the file.
    """

    key: str
    one: str
    other: str
    seen: Seen
    relation: Callable[[Any, Any], bool] = operator.ne
    more: str = ""


def as_toml(row: Row, value: str) -> str:
    """The key's section with this value, and what else the row wants."""
    section, key = row.key.rsplit(".", 1)
    return f"{heading(section)}\n{key} = {value}\n{row.more}"


def heading(section: str) -> str:
    """The line above a section's keys; one within a section may be there several times."""
    return f"[[{section}]]" if "." in section else f"[{section}]"


def told_apart(row: Row, folder: Path, written: Callable[[Row, str], str] = as_toml) -> None:
    """Look with one value and with the other, each in a folder of its own; what is seen must differ as the row says.

    Where any difference will do, a third look makes sure that it comes from the value alone.
    """
    sights = []
    for index, value in enumerate((row.one, row.other, row.one)):
        if index == 2 and row.relation is not operator.ne:
            break
        here = folder / str(index)
        here.mkdir()
        sights.append(row.seen(here, written(row, value)))
    assert row.relation(*sights[:2]), sights
    assert sights[2:] in ([], sights[:1]), sights
