"""What a system weighs night after night: its own objects, its files, and who is stuck.

What a run remembers to be judged by grows with it; so only the product's objects are weighed, not the simulator's.
"""

import gc
import itertools
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

from sim.virtual.devices import VirtualPlant

NOT_CONTENT = (type, ModuleType, FunctionType, MethodType, BuiltinFunctionType)
OURS = "sim."
SETTLED_NIGHT = 2  # what is kept of a week and of yesterday is there by then
MOST_GROWTH = 1.3  # of the settled night's weight, for objects
SPARE_BYTES = 300_000
MOST_A_DAY = 1.5  # of what the busiest of the first days added to the record


@dataclass(frozen=True, slots=True)
class Night:
    """What everything weighs at the end of a day, in bytes, and what should not be."""

    day: int
    objects: Mapping[str, int]  # by part
    record: int
    other_files: int
    stuck: Sequence[str]


def night(plant: VirtualPlant, day: int) -> Night:
    """The plant as it is now."""
    files = {name: folder_bytes(path) for name, path in plant.files().items()}
    objects = {name: weight(parts) for name, parts in plant.product().items()}
    return Night(day, objects, files["record"], files["all"] - files["record"], plant.stuck())


def weight(roots: Iterable[object]) -> int:
    """Bytes of these objects and of all that they hold, each once; code and the simulator's own are left out."""
    waiting, seen, total = [root for root in roots if root is not None], set[int](), 0
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, NOT_CONTENT) or type(one).__module__.startswith(OURS):
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        waiting += gc.get_referents(one)
    return total


def folder_bytes(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def grown(nights: Sequence[Night]) -> Iterator[str]:
    """What grows from day to day that should not, and who was stuck, in words."""
    yield from (f"in the night after day {one.day}: {who}" for one in nights for who in one.stuck)
    settled, later = nights[:SETTLED_NIGHT], nights[SETTLED_NIGHT:]
    if not later:
        return
    for part in settled[-1].objects:
        bound = max(one.objects[part] for one in settled) * MOST_GROWTH + SPARE_BYTES
        yield from (f"{part} weigh {one.objects[part]:,} bytes after day {one.day}, more than {bound:,.0f}"
                    for one in later if one.objects[part] > bound)  # fmt: skip
    bound = max(one.other_files for one in settled) * MOST_GROWTH + SPARE_BYTES
    yield from (f"files beside the record have {one.other_files:,} bytes after day {one.day}, more than {bound:,.0f}"
                for one in later if one.other_files > bound)  # fmt: skip
    sizes = [0, *(one.record for one in nights)]
    added = [after - before for before, after in itertools.pairwise(sizes)]
    bound = max(added[:SETTLED_NIGHT]) * MOST_A_DAY + SPARE_BYTES
    yield from (f"day {one.day} added {more:,} bytes to the record, more than {bound:,.0f}"
                for one, more in list(zip(nights, added, strict=True))[SETTLED_NIGHT:] if more > bound)  # fmt: skip
