"""Who writes what, read from the sources: a part of the day is changed by its own deeds, in its own file, only."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

BROKER = Path(__file__).parents[2] / "broker"
ROOMS = ("day", "bookings", "effects", "dispatch", "arrival", "replanning", "states")
READERS = [
    *(path for room in ROOMS for path in (BROKER / "rules" / room).rglob("*.py")),
    BROKER / "ingest" / "decisions.py",
    *(BROKER / "ingest" / "restored").glob("*.py"),
    BROKER / "web" / "view" / "picture.py",
    BROKER / "bridge.py",
    BROKER / "process.py",
]  # fmt: skip
CHANGES = {
    "add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "insert", "pop", "popitem",
    "popleft", "remove", "reverse", "setdefault", "sort", "symmetric_difference_update", "update",
}  # fmt: skip
OWN_FILE = {"watch": "arrival/lamp_call.py"}  # what a call remembers is written where it is defined


def root(node: ast.expr) -> str | None:
    """The name that a chain of attributes, items and calls begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def is_own(node: ast.expr) -> bool:
    """Whether this is a field of one's own: one attribute behind `self`, whatever is behind that is another's."""
    depth, held = 0, node
    while isinstance(held, ast.Attribute | ast.Subscript | ast.Call):
        depth += isinstance(held, ast.Attribute)
        held = held.func if isinstance(held, ast.Call) else held.value
    return depth <= 1 and root(node) in ("self", "cls")


def is_foreign(node: ast.expr) -> bool:
    """Whether this is something inside an object that is not one's own."""
    held = node
    while isinstance(held, ast.Subscript):
        held = held.value
    return isinstance(held, ast.Attribute) and not is_own(held)


def foreign_writes(text: str) -> Iterator[tuple[int, str]]:
    """(line, what is written) wherever something of another object is assigned, deleted or changed in place."""
    for node in ast.walk(ast.parse(text)):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign | ast.Delete):
            targets = [part for target in node.targets for part in getattr(target, "elts", [target])]
        elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For):
            targets = [node.target]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            targets = [node.func.value]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("setattr", "delattr"):
            targets = [node] if ast.unparse(node.args[0]) != "self" else []
        for target in targets:
            if target is node or is_foreign(target):
                yield target.lineno, ast.unparse(target)


def foreign_secrets(text: str) -> Iterator[tuple[int, str]]:
    """(line, what is looked at) wherever a private attribute of another object is used outside its class."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Attribute) or is_own(node):
            continue
        if node.attr.startswith("_") and not node.attr.startswith("__"):
            yield node.lineno, ast.unparse(node)


@pytest.mark.parametrize("path", READERS, ids=lambda path: str(path.relative_to(BROKER)))
def test_nobody_writes_into_a_part_that_is_not_theirs(path: Path) -> None:
    """Outside `self` nothing is assigned, deleted or changed in place; a deed of the owner is asked for instead."""
    own = {name for name, home in OWN_FILE.items() if str(path).endswith(home)}
    assert [(line, what) for line, what in foreign_writes(path.read_text()) if what.split(".")[0] not in own] == []


@pytest.mark.parametrize("path", READERS, ids=lambda path: str(path.relative_to(BROKER)))
def test_nobody_looks_behind_a_part_that_is_not_theirs(path: Path) -> None:
    """Private names of another object are used by a method of its class at most that is given another of its kind."""
    own = {"before", "_Device"} if DAY in path.parents else set()
    found = [(line, what) for line, what in foreign_secrets(path.read_text()) if what.split(".")[0] not in own]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "day.clock.now = 3", "run.order += (key,)", "del day.runs[key]", "day.told.arrivals[key] = body",
        "day.visits.watch(key).held = True", "run.order.append(key)", "day.devices.truck(name).newest.clear()",
        "a, run.state = 1, 'finished'", "self.dispatch.day.clock.now = 3", "self._day.runs[key] = run",
        "self.day.runs[key].order = ()", "del self.day.incidents[key]", "self.day.told.arrivals.clear()",
        "setattr(run, 'state', 'finished')", "delattr(self.day, 'runs')", "for day.clock.now in times: pass",
    ],
)  # fmt: skip
def test_a_write_into_another_object_is_found(text: str) -> None:
    """As the sources might have it one day."""
    assert list(foreign_writes(text))


@pytest.mark.parametrize(
    "text",
    [
        "self._now = 3", "self._runs[key] = run", "self._waiting.append(one)", "effects.append(one)", "found[key] = 1",
        "day.clock.reach(3)",
    ],
)  # fmt: skip
def test_what_is_ones_own_may_be_written(text: str) -> None:
    """One's own fields, local lists and dictionaries, and deeds of others."""
    assert not list(foreign_writes(text))


@pytest.mark.parametrize("text", ["day.visits._visits", "self.dispatch.day.visits._visits", "self._day._runs[key]"])
def test_a_look_behind_another_object_is_found(text: str) -> None:
    """Also where the way to it begins with oneself."""
    assert list(foreign_secrets(text))


DAY = BROKER / "rules" / "day"
# What the parts are called where they are used, if not as their class is; a part that holds many gives one of them out
# by a name of its own.
CALLED = {
    "DayClock": {"clock"}, "AttentionList": {"attention"},
    "Run": {"run", "runs", "taking"}, "_Device": {"device", "truck", "room", "found"}, "TruckState": {"truck"},
    "RoomState": {"room"},
}  # fmt: skip
NO_DEEDS = {"watch"}  # gives out what lamp_call.py writes; an empty one is as good as none


def changes_itself(deed: ast.FunctionDef) -> bool:
    """Whether a method assigns, deletes or changes in place something of its own object."""
    for node in ast.walk(deed):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign | ast.Delete):
            targets = [part for target in node.targets for part in getattr(target, "elts", [target])]
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            targets = [node.func.value]
        if any(not isinstance(target, ast.Name) and root(target) == "self" for target in targets):
            return True
    return False


def parts() -> Iterator[tuple[str, str, set[str]]]:
    """(name, docstring, deeds) of each class of the day that can be changed."""
    for path in (*DAY.rglob("*.py"), DAY.parent / "bookings" / "book.py"):
        for part in ast.parse(path.read_text()).body:
            if isinstance(part, ast.ClassDef):
                methods = [one for one in part.body if isinstance(one, ast.FunctionDef) and one.name[0] != "_"]
                deeds = {one.name for one in methods if changes_itself(one)} - NO_DEEDS
                if deeds:
                    yield part.name, ast.get_docstring(part) or "", deeds


def receivers(node: ast.expr, aliases: dict[str, set[str]]) -> set[str]:
    """What an object is called: the last name of the way to it, and what it was given another name for."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Attribute):
        return {node.attr}
    return {node.id, *aliases.get(node.id, ())} if isinstance(node, ast.Name) else set()


@cache
def asked(text: str) -> set[tuple[str, str]]:
    """(what it is called, deed) wherever another object is asked for something."""
    tree = ast.parse(text)
    aliases: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            aliases.setdefault(node.targets[0].id, set()).update(receivers(node.value, {}))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    return {
        (name, call.func.attr)
        for call in calls
        if isinstance(call.func, ast.Attribute)
        for name in receivers(call.func.value, aliases)
    }


def writers(part: str, deeds: set[str]) -> set[str]:
    """The files that ask a part for a deed; of `broker/rules/` without those two words."""
    found = set()
    as_its_class = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", part).lower()
    names = CALLED.get(part, {as_its_class})
    for name, text in near_the_day().items():
        if any(called in names and deed in deeds for called, deed in asked(text)):
            found.add(name)
    return found


@cache
def near_the_day() -> dict[str, str]:
    """The files that may know the day, by name; from the others the layers keep it."""
    files = BROKER.rglob("*.py")
    named = {str(path.relative_to(BROKER).with_suffix("")).removeprefix("rules/"): path for path in files}
    far = ("store/", "registers/", "people/", "mqtt/", "commands/", "plan/")
    return {name: path.read_text() for name, path in named.items() if not name.startswith(far)}


@pytest.mark.parametrize(("part", "says", "deeds"), list(parts()), ids=lambda one: one if isinstance(one, str) else "")
def test_a_part_is_written_by_whom_it_says(part: str, says: str, deeds: set[str]) -> None:
    """Its docstring names every room or file that asks it for a deed, and none that does not."""
    _, found, named = says.rpartition("Written by: ")
    assert found, f"{part} does not say who may write it"
    rooms = set(" ".join(named.rstrip(".").split()).split(", "))
    by = writers(part, deeds)
    assert [one for one in by if not any(f"{one}/".startswith(f"{room}/") for room in rooms)] == []
    assert [room for room in rooms if not any(f"{one}/".startswith(f"{room}/") for one in by)] == []


def test_a_deed_asked_for_by_another_name_is_found() -> None:
    """A part in a variable, one of many, one behind a call."""
    text = "told = self.day.told\ntold.tell_room(1)\nday.runs[key].finish(2)\nday.devices.room(name).shows(3)"
    assert asked(text) >= {("told", "tell_room"), ("runs", "finish"), ("room", "shows")}
