"""Who imports whom, where import-linter's contracts cannot say it: no circle, of files or of rooms."""

from collections.abc import Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter

import grimp

PROGRAMS = ("broker", "firmware", "sim", "tools")
Graph = Mapping[str, set[str]]  # who: whom it imports


@cache
def imports() -> Graph:
    """Each file of the programs and whom it imports; an import inside a function counts like any other."""
    graph = grimp.build_graph(*PROGRAMS, cache_dir=None)
    return {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}


def rooms_of(files: Graph) -> Graph:
    """The same between rooms: a room is a folder, and its own folders are parts of it."""
    folders = {name.rpartition(".")[0] for name in files}
    room = {name: name if name in folders else name.rpartition(".")[0] for name in files}
    found: dict[str, set[str]] = {}
    for name, used in files.items():
        others = {room[other] for other in used} - {room[name]}
        apart = {other for other in others if not _one_in_the_other(room[name], other)}
        found.setdefault(room[name], set()).update(apart)
    return found


def _one_in_the_other(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def circle_in(graph: Graph) -> list[str]:
    """A circle of the graph, its first name again at the end; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_file_imports_itself_by_way_of_others() -> None:
    """Each file can be read after those it imports."""
    assert circle_in(imports()) == []


def test_no_room_imports_itself_by_way_of_others() -> None:
    """Each room can be read after those it imports."""
    assert circle_in(rooms_of(imports())) == []


def test_a_circle_would_be_found() -> None:
    """Two files that import each other are told, and so are two rooms whose files do it without a circle of files."""
    assert circle_in({"sim.a": {"sim.b"}, "sim.b": {"sim.a"}}) != []
    files: Graph = {"sim.x.a": {"sim.y.a"}, "sim.y.a": set(), "sim.y.b": {"sim.x.b"}, "sim.x.b": set()}
    assert circle_in(files) == []
    assert circle_in(rooms_of(files)) != []


def beyond(files: Graph) -> list[str]:
    """Who imports what is there for the people who work on this alone: tests and measurements; or, from another
    program, the simulator and the tools.
    """
    return [
        f"{name} imports {other}"
        for name, used in files.items()
        for other in used
        if (root := other.partition(".")[0]) in ("tests", "bench", "sim", "tools") and root != name.partition(".")[0]
    ]


def test_nothing_imports_what_stands_at_the_top() -> None:
    """Neither the simulator nor the tools, tests and measurements: what runs on a street needs none of them."""
    graph = grimp.build_graph(*PROGRAMS, include_external_packages=True, cache_dir=None)
    files = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    assert beyond(files) == []


def test_an_import_of_what_stands_at_the_top_would_be_found() -> None:
    """Of each of the four."""
    for top in ("tests", "bench", "sim", "tools"):
        assert beyond({"broker.bridge": {f"{top}.a"}}) and beyond({"firmware.wire": {top}})
    assert beyond({"sim.a": {"sim.b"}, "tools.a": {"firmware.wire"}}) == []
