"""From bytes or a document to a register that obeys all its rules, or Invalid naming each wrong field.

Pure: types and bounds come from the models, rules between fields from `checks`; both kinds of complaint get
the field's path by id and, where the text is known, its line.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from broker.plain_text import hidden_character
from broker.registers.errors import Invalid, Problem
from broker.registers.kept.canonical import item_key, ordered
from broker.registers.lined_json import LinedJson

MAX_FILE_BYTES = 8_000_000
NOTHING: Mapping[str, Any] = MappingProxyType({})

T = TypeVar("T", bound=BaseModel)

TYPE_CODES: Mapping[str, str] = {
    "missing": "required", "extra_forbidden": "unknown_field", "literal_error": "not_one_of",
    "greater_than_equal": "out_of_range", "less_than_equal": "out_of_range", "greater_than": "out_of_range",
    "less_than": "out_of_range", "finite_number": "out_of_range", "string_pattern_mismatch": "bad_text",
    "string_too_short": "bad_text", "string_too_long": "bad_text",
}


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """What tells one register from the other: its file name, its model, the rules between fields, and how a copy
    that leaves something out is completed from what is stored."""

    name: str
    model: type[T]
    checks: Callable[[T], Sequence[Problem]]
    complete: Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]


def checked(kind: Kind[T], document: Mapping[str, Any]) -> T:
    """The register of this document; raises Invalid with every wrong field."""
    document = kind.complete(document, NOTHING)
    try:
        content = json.dumps(ordered(document), allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid([Problem("", "json", {"message": str(error)})]) from error
    try:
        value = kind.model.model_validate_json(content)
    except ValidationError as error:
        stored = json.loads(content)
        raise Invalid([_problem(item, stored) for item in error.errors(include_url=False)]) from error
    problems = kind.checks(value)
    if problems:
        raise Invalid(problems)
    return value


def checked_text(kind: Kind[T], content: bytes, stored: Mapping[str, Any] = NOTHING) -> tuple[T, dict[str, Any]]:
    """The register and document of a file other hands have touched; Invalid names line and field.

    What an export without names leaves out is taken from `stored`.
    """
    if len(content) > MAX_FILE_BYTES:
        raise Invalid([Problem("", "too_big", {"size": str(len(content)), "limit": str(MAX_FILE_BYTES)})])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Invalid([Problem("", "encoding", {"offset": str(error.start)}, line=line)]) from error
    lined = LinedJson(text)
    if not isinstance(lined.value, dict):
        raise Invalid([Problem("", "wrong_type", {"message": "the file must hold one JSON object"}, line=1)])
    try:
        document = kind.complete(lined.value, stored)
        return checked(kind, document), document
    except Invalid as error:
        raise Invalid([_with_line(problem, lined) for problem in error.problems]) from error


def trusted(kind: Kind[T], content: bytes) -> tuple[T, dict[str, Any]]:
    """The same for bytes this program wrote (their etag is in the log): the rules were kept when they were saved."""
    try:
        return kind.model.model_validate_json(content), dict(json.loads(content))
    except (ValidationError, ValueError):
        return checked_text(kind, content)


def named_path(document: Any, location: Sequence[str | int]) -> str:
    """A path in which list positions are replaced by the ids of the records there."""
    parts = []
    here = document
    for step in location:
        child: Any = None
        if isinstance(step, int) and isinstance(here, list) and step < len(here):
            child = here[step]
            parts.append(item_key(child) or str(step))
        else:
            child = here.get(step) if isinstance(here, Mapping) else None
            parts.append(str(step))
        here = child
    return "/".join(parts)


def _problem(error: Any, document: Any) -> Problem:
    location = [step for step in error["loc"] if step != "[key]"]
    kind = str(error["type"])
    code = TYPE_CODES.get(kind, "impossible_date" if kind.startswith("date") else "wrong_type")
    values = {"message": str(error["msg"]), "expected": str(error.get("ctx", {}).get("expected", ""))}
    hidden = hidden_character(str(error.get("input", "")).replace("\n", "")) if code == "bad_text" else None
    if hidden is not None:
        code, values["character"] = "hidden_character", hidden
    return Problem(named_path(document, location), code, values)


def _field(record: Any, name: str) -> Any:
    return record.get(name) if isinstance(record, Mapping) else None


def _with_line(problem: Problem, lined: LinedJson) -> Problem:
    location: list[str | int] = []
    here: Any = lined.value
    for part in problem.path.split("/"):
        step: str | int = part
        if isinstance(here, list):
            named = (index for index, item in enumerate(here) if part in (item_key(item), str(index)))
            step = next(named, part)
        location.append(step)
        here = here[step] if isinstance(step, int) else _field(here, part)
    return Problem(problem.path, problem.code, problem.values, line=lined.line_of(tuple(location)))
