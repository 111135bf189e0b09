"""What a system weighs night after night: its own objects, its files, and who is stuck.

What a run remembers to be judged by grows with it; so only the product's objects are weighed, not the simulator's.
What the bridge learned is weighed apart: it grows until its memories are full (tests/rules/test_memories_end.py), which
takes half a year.
"""

import gc
import itertools
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

from firmware.truck.outbox.file import WAL_PAGES
from sim.virtual.devices import VirtualPlant

NOT_CONTENT = (type, ModuleType, FunctionType, MethodType, BuiltinFunctionType)
OURS = "sim."
LEARNED = "learned"
SETTLED_NIGHT = 2  # what is kept of a week and of yesterday is there by then
LAST_NIGHTS = 2  # one heavy night is no growth
MOST_GROWTH = 1.3  # of the settled night's weight, for objects
SPARE_BYTES = 300_000
WAL_BYTES = (WAL_PAGES + 16) * (4096 + 24)  # with a header before each page, and what one record more may need
MOST_A_DAY = 1.5  # of what the busiest of the first days added to the record


@dataclass(frozen=True, slots=True)
class Night:
    """What everything weighs at the end of a day, in bytes, and what should not be."""

    day: int
    objects: Mapping[str, int]  # by part
    record: int
    other_files: int
    stuck: Sequence[str]


def night(plant: VirtualPlant, day: int, stuck_before: Sequence[str]) -> Night:
    """The plant as it is now; stuck is who was so a while before too."""
    files = plant.files()
    seen = set[int]()
    objects = {name: weight(parts, seen) for name, parts in plant.product().items()}
    record = folder_bytes(files["record"])
    return Night(day, objects, record, folder_bytes(files["all"]) - record, [
        who for who in plant.stuck() if who in stuck_before
    ])  # fmt: skip


def weight(roots: Iterable[object], seen: set[int] | None = None) -> int:
    """Bytes of these objects and of all that they hold, each once; code and the simulator's own are left out.

    What is in `seen` was weighed before, and what is weighed comes into it.
    """
    waiting, total = [root for root in roots if root is not None], 0
    seen = set() if seen is None else seen
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, NOT_CONTENT) or type(one).__module__.startswith(OURS):
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        waiting += gc.get_referents(one)
    return total


def folder_bytes(folder: Path) -> int:
    """Bytes of all files in a folder; of an outbox's log only what is past its measure, at which it is used anew."""
    sizes = [(path.name, path.stat().st_size) for path in folder.rglob("*") if path.is_file()]
    return sum(max(0, size - WAL_BYTES) if name.endswith(".db-wal") else size for name, size in sizes)


def grown(nights: Sequence[Night]) -> Iterator[str]:
    """What grows from day to day that should not, and who was stuck, in words.

    A day may be heavier than the others; what grows is heavier in the last two nights than in the first two.
    """
    yield from (f"in the night after day {one.day}: {who}" for one in nights for who in one.stuck)
    nights = nights[:-1]  # the last day is not over when it is looked at: it weighs more
    later = nights[SETTLED_NIGHT:][-LAST_NIGHTS:]
    if not later:
        return
    first, last = later[0].day, later[-1].day
    weights = {
        **{part: [one.objects[part] for one in nights] for part in nights[0].objects if part != LEARNED},
        "files beside the record": [one.other_files for one in nights],
    }
    for part, each in weights.items():
        bound, least = max(each[:SETTLED_NIGHT]) * MOST_GROWTH + SPARE_BYTES, min(each[-len(later) :])
        if least > bound:
            yield f"{part}: at least {least:,} bytes in each night from {first} to {last}, more than {bound:,.0f}"
    sizes = [0, *(one.record for one in nights)]
    added = [after - before for before, after in itertools.pairwise(sizes)]
    bound, least = max(added[:SETTLED_NIGHT]) * MOST_A_DAY + SPARE_BYTES, min(added[-len(later) :])
    if least > bound:
        yield f"the record: at least {least:,} bytes more on each day from {first} to {last}, more than {bound:,.0f}"
