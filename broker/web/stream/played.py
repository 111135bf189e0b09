"""A stretch of what was kept, as the live stream told it: the whole once, then what changed from step to step."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from broker.people.roles import Reach
from broker.web.stream.changes import SECTIONS, Parts, Row, applied, change
from broker.web.stream.kept_days import Stretch, next_kept_at
from broker.web.stream.recording import GAP_S, KEYFRAME_S, begun_at, files_of, lines_of, tell_damage
from broker.web.stream.share import Index, share


@dataclass(slots=True)
class Played:
    """`parts` as held at `at`, then `changes` in steps; `gaps` are what nobody knows of it."""

    from_at: int
    until_at: int
    at: int | None = None  # of when the first parts are; None where nothing was kept
    parts: Parts | None = None
    changes: list[Row] = field(default_factory=list)
    gaps: list[Stretch] = field(default_factory=list)
    next_at: int | None = None  # where something was kept after all this, if nothing was at its end


def played(folder: Path, from_at: int, until_at: int, step_s: int, reach: Reach) -> Played:
    """What was shown from one second to another, as far as it is within a reach; changes of `step_s` are one."""
    found = Played(from_at, until_at)
    told: Parts = {}
    heard: tuple[int, Parts] | None = None  # the newest that was held, not told yet

    def tell(at: int, parts: Parts) -> None:
        nonlocal told
        if at < from_at - GAP_S:
            return
        mine = parts if reach.everything else share(Index(parts), reach)
        if found.parts is None:
            found.at, found.parts = at, mine
        else:
            found.changes.append(change(told, mine, at, slack_s=0))
        told = mine

    for at, parts in _shown(folder, from_at, until_at):
        if heard is not None and _step(heard[0] - from_at, step_s) != _step(at - from_at, step_s):
            tell(*heard)
        _silence(found, heard, at)
        heard = at, parts
    if heard is not None:
        tell(*heard)
    if _silence(found, heard, until_at + 1):
        found.next_at = next_kept_at(folder, until_at)
    return found


def _silence(found: Played, heard: tuple[int, Parts] | None, at: int) -> bool:
    """Whether nobody knows what was shown just before this second, with the gap noted that ends there."""
    if at <= found.from_at or (heard is not None and at - 1 - heard[0] <= GAP_S):
        return False
    found.gaps.append(Stretch(found.from_at if heard is None else max(heard[0] + 1, found.from_at), at - 1))
    return True


def _step(after_s: int, step_s: int) -> int:
    """Which step a second belongs to; 0 is what was shown at the beginning."""
    return max(0, -(-after_s // step_s))


def _shown(folder: Path, from_at: int, until_at: int) -> Iterator[tuple[int, Parts]]:
    """What was held after each line, from the last file that begins before the first second."""
    day, last = (datetime.fromtimestamp(at, UTC).date() for at in (from_at - KEYFRAME_S, until_at))
    paths: list[Path] = []
    while day <= last:
        paths += [path for path in files_of(folder / day.isoformat()) if begun_at(path) <= until_at]
        day += timedelta(days=1)
    before = sum(begun_at(path) <= from_at for path in paths)
    paths = paths[max(0, before - 1) :]
    for path, following in zip(paths, [*paths[1:], None], strict=False):
        yield from _held(path, until_at if following is None else begun_at(following) - 1)


def _held(path: Path, until_at: int) -> Iterator[tuple[int, Parts]]:
    parts: Parts = {}
    number = 0
    try:
        for line in lines_of(path):
            if line["at"] > until_at:
                return
            parts = _whole(line["parts"]) if "parts" in line else applied(parts, line)
            number += 1
            yield line["at"], parts
    except (KeyError, TypeError, AttributeError) as why:  # JSON, but of no picture of ours
        tell_damage(path, number, repr(why))


def _whole(parts: dict[str, Any]) -> Parts:
    """What was kept before a section came to be has none of it."""
    return {**{section: {} for section in SECTIONS}, **parts}
