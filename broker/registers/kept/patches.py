"""Changes by path on a register document: set a field, add a record, remove one. Pure; rules come afterwards."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from broker.registers.errors import Invalid, Problem
from broker.registers.kept.canonical import copied, item_key


class Edit(BaseModel):
    """One operation: `set` a field to a value (null = not stated), `add` a record to a list, `remove` a record."""

    model_config = ConfigDict(extra="forbid", strict=True)

    op: Literal["set", "add", "remove"]
    path: str
    value: Any = None


def apply_edits(document: Mapping[str, Any], edits: Sequence[Edit]) -> dict[str, Any]:
    """A changed copy; an unknown path raises Invalid and nothing is changed."""
    result: dict[str, Any] = copied(dict(document))
    for edit in edits:
        if edit.path == "format":
            raise Invalid([Problem(edit.path, "fixed_field")])
        _apply(result, edit)
    return result


def find(document: Any, path: str) -> Any:
    """The value at a path such as `bodies/b01/after/members/m3`; raises Invalid where there is none."""
    here = document
    for part in [part for part in path.split("/") if part]:
        here = _child(here, part, path)
    return here


def _child(here: Any, part: str, path: str) -> Any:
    if isinstance(here, Mapping) and part in here:
        return here[part]
    if isinstance(here, list):
        for item in here:
            if item_key(item) == part:
                return item
    raise Invalid([Problem(path, "no_such_path", {"part": part})])


def _apply(document: dict[str, Any], edit: Edit) -> None:
    parts = [part for part in edit.path.split("/") if part]
    if not parts:
        raise Invalid([Problem(edit.path, "no_such_path", {"part": ""})])
    if edit.op == "add":
        target = find(document, edit.path)
        if not isinstance(target, list):
            raise Invalid([Problem(edit.path, "not_a_list")])
        target.append(edit.value)
        return
    parent = find(document, "/".join(parts[:-1]))
    name = parts[-1]
    if isinstance(parent, list):
        index = next((i for i, item in enumerate(parent) if item_key(item) == name), None)
        if index is None:
            raise Invalid([Problem(edit.path, "no_such_path", {"part": name})])
        if edit.op == "remove":
            del parent[index]
        else:
            parent[index] = edit.value
    elif isinstance(parent, dict):
        if edit.op == "remove":
            if name not in parent:
                raise Invalid([Problem(edit.path, "no_such_path", {"part": name})])
            del parent[name]
        else:
            parent[name] = edit.value
    else:
        raise Invalid([Problem(edit.path, "no_such_path", {"part": name})])
