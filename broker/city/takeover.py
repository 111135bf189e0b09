"""A cell's standby: the record as far as the city has it, and what the dead machine acknowledged that the city has not.

A device keeps a record until it is acknowledged, and numbers its records without a gap. So once everybody has spoken
again, a number that is nowhere was acknowledged by the dead machine and not pushed by then (or thinned out by a truck
whose outbox was full). The old disk, pushed later, closes such gaps. Of a start that ended with the dead machine, and
of which no number came after, nobody knows how far it went: the device was told that all of it is stored.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from broker.config import BrokerConfig, ConfigError
from broker.durable_file import Disk, write_durably
from broker.ingest.delivery.acks import SeqSet
from broker.plan.model import Plan
from broker.store import Record, Store, amendments
from broker.store.opening import is_address, must_be_store, open_store, reading_store
from broker.store.postgres import PostgresStore
from broker.store.record import Conflict
from broker.store.transfer import stored_of

NAME = "taken_over.json"
FAMILIES = {"fix": "truck", "incident": "truck", "bins": "room", "lamp": "room", "keeper": "room"}
LATELY_S = 3 * 86_400  # of what devices say, the day is begun from this
LEARNED_S = 45 * 86_400  # of everything else
BACKLOG_S = 3600  # what came to the city so long before the last that it got is of before the dead machine's end
STARTS = 20  # a number that is further on was not counted: a truck that cannot write its card draws one
NEWEST_COUNTS = ("case", "calibration")  # the newest of each is what holds, however old it is


class Gap(NamedTuple):
    """Numbers of one start of a device that are nowhere, between two moments (POSIX seconds; None: not known)."""

    family: str
    device: str
    boot: int
    first: int
    last: int
    after_at: int | None
    before_at: int | None


class Open(NamedTuple):
    """A start of a device of which no number came after the takeover: whether it went beyond `above` is not known."""

    family: str
    device: str
    boot: int
    above: int


class Missing(NamedTuple):
    """What the city and the standby do not have; of starts that are open, and of who has not spoken since, no more."""

    gaps: list[Gap]
    open: list[Open]
    unheard: list[tuple[str, str]]

    @property
    def nothing(self) -> bool:
        """Whether all that devices were acknowledged is here."""
        return not (self.gaps or self.open or self.unheard)


class Taken(NamedTuple):
    """What became of the records that the city has; `others` were here already with another content, which stays."""

    stored: int
    duplicates: int
    others: list[str]


def fetch(
    config: BrokerConfig, plan: Plan, now: Callable[[], float], *, whole: bool = False,
    told: Callable[[int], None] = lambda _: None,
) -> Taken:  # fmt: skip
    """Take what the city has of this cell into the store of `config`, whether a bridge is at work there or not.

    Without `whole` what a bridge needs to go on with its day, which is quick. Raises ConfigError, StoreError.
    """
    where, way, at = config.store.url, config.city, int(now())
    if way.url is None:
        raise ConfigError("[city] url: is missing; name the city's database")
    if is_address(where):
        raise ConfigError("[store] url: this cell's records are in a database, of which nothing is lost; just start it")
    fresh = not _has_records(where)
    noted = {} if fresh else _noted(Path(where))
    if not noted:  # also where the city is away: from now on records are this machine's own
        noted = {"at": at}
        _note(Path(where), noted)
    newest_at = 0

    def seen(records: Iterable[Record]) -> Iterator[Record]:
        nonlocal newest_at
        for record in records:
            if record.received_at < noted["at"]:
                newest_at = max(newest_at, record.received_at)
            yield record

    source = PostgresStore(way.url, plan.area_id, plan.timezone, now, make=False, password=way.password())
    try:
        store = open_store(where, plan.area_id, plan.timezone, now, make=fresh)
        try:
            receipt, others = stored_of(seen(_wanted(source, at, whole=whole)), store, told)
        finally:
            store.close()
    finally:
        source.close()
    if newest_at and "city_at" not in noted:  # later the city may have more, from the old disk
        _note(Path(where), {**noted, "city_at": newest_at})
    return Taken(receipt.stored, receipt.duplicates, others)


def _noted(where: Path) -> dict[str, int]:
    try:
        said = orjson.loads((where / NAME).read_bytes())
        return {name: int(said[name]) for name in ("at", "city_at") if name in said}
    except (OSError, ValueError, TypeError):
        return {}


def _note(where: Path, noted: Mapping[str, int]) -> None:
    where.mkdir(parents=True, exist_ok=True)
    write_durably(Disk(), where / NAME, orjson.dumps(noted))


def missing(config: BrokerConfig, plan: Plan, now: Callable[[], float]) -> Missing:
    """What is nowhere by now; raises ConfigError where nothing was taken over, StoreError."""
    where = Path(config.store.url)
    noted = _noted(where)
    if "at" not in noted:
        raise ConfigError(f"{where / NAME} is not there: `python3 -m broker takeover` makes it")
    with reading_store(where, plan.area_id, plan.timezone, now) as store:
        records = (record for kind in FAMILIES for record in store.scan(kind, amended=False))
        known = {**dict.fromkeys(plan.trucks(), "truck"), **dict.fromkeys(plan.rooms, "room")}
        return missing_of(records, noted["at"], known, noted.get("city_at", 0))


def missing_of(
    records: Iterable[Record], taken_over_at: int, plan: Mapping[str, str], city_at: int = 0
) -> Missing:  # fmt: skip
    """The gaps among records of devices, the largest first; `plan` has the family of each device that should speak.

    `city_at` is when the newest came that the city had; 0 where that is not known, and then no gap is too old.
    """
    since_at = city_at - BACKLOG_S
    seen: dict[tuple[str, str], dict[int, dict[int, Record]]] = {}
    heard = set()
    for record in records:
        family = FAMILIES[record.kind]
        device, boot, seq = record.id.split(":")[:3]
        seen.setdefault((family, device), {}).setdefault(int(boot), {})[int(seq)] = record
        if record.received_at >= taken_over_at:
            heard.add((family, device))
    silent = sorted({(family, device) for device, family in plan.items()} - heard)
    gaps = [
        gap for key, starts in seen.items() for boot, found in starts.items()
        for gap in _gaps(*key, boot, found, taken_over_at, since_at)
    ]  # fmt: skip
    unknown = [
        one for key, starts in seen.items() if key not in silent
        for one in _open(*key, starts, taken_over_at, since_at, heard=key in heard)
    ]  # fmt: skip
    return Missing(sorted(gaps, key=lambda gap: (gap.first - gap.last, gap)), sorted(unknown), silent)


def _open(
    family: str, device: str, starts: Mapping[int, Mapping[int, Record]], taken_over_at: int, since_at: int, *,
    heard: bool,
) -> Iterator[Open]:  # fmt: skip
    """Its last start of before, and those of which something came shortly before the end; and any between two."""
    last_at = {boot: max(record.received_at for record in found.values()) for boot, found in starts.items()}
    begun = [boot for boot, found in starts.items() if min(one.received_at for one in found.values()) < taken_over_at]
    newest = max(begun, default=0)
    for boot in begun:
        if last_at[boot] < taken_over_at and (last_at[boot] >= since_at or (heard and boot == newest)):
            yield Open(family, device, boot, max(starts[boot]))
    later = min((boot for boot in starts if boot > newest), default=newest)
    if begun and later - newest <= STARTS:  # began and ended before anybody here heard of it
        yield from (Open(family, device, boot, 0) for boot in range(newest + 1, later))


def _gaps(
    family: str, device: str, boot: int, found: Mapping[int, Record], taken_over_at: int, since_at: int
) -> Iterator[Gap]:  # fmt: skip
    numbers = SeqSet()
    for seq in found:
        numbers.add(seq)
    ranges = numbers.ranges()
    lowest = found[ranges[0][0]]
    if lowest.received_at >= taken_over_at:  # numbers begin at 1, and of this start the city had none
        ranges = [(0, 0), *ranges]
    for (_, below), (above, _) in pairwise(ranges):
        if above > below + 1 and found[above].received_at >= since_at:
            after_at = found[below].at if below in found else None
            yield Gap(family, device, boot, below + 1, above - 1, after_at, found[above].at)


def _wanted(source: Store, at: int, *, whole: bool) -> Iterator[Record]:
    for kind in source.kinds():
        from_at = at - (LATELY_S if kind in FAMILIES else LEARNED_S)
        if whole or kind == amendments.KIND:  # which there are few of, and what is old has its own
            yield from source.scan(kind, amended=False)
            continue
        if kind in NEWEST_COUNTS:
            older = [one.id for one in source.latest(kind).values() if one.at < from_at]
            yield from (found for one in older if (found := source.stored(one)) is not None)
        yield from source.scan(kind, from_at=from_at, amended=False)


def _has_records(where: str) -> bool:
    try:
        must_be_store(where)
    except Conflict:
        return False
    return True


def as_json(found: Missing, names: Mapping[str, str]) -> dict[str, Any]:
    """For machines and tests."""
    return {
        "gaps": [{**gap._asdict(), "name": names.get(gap.device, gap.device)} for gap in found.gaps],
        "open": [one._asdict() for one in found.open],
        "unheard": [{"family": family, "device": device} for family, device in found.unheard],
    }
