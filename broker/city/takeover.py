"""A cell's standby: the record as far as the city has it, and what the dead machine acknowledged that the city has not.

A device keeps a record until it is acknowledged, and numbers its records without a gap. So once everybody has spoken
again, a number that is nowhere was acknowledged by the dead machine and not pushed by then (or thinned out by a truck
whose outbox was full). The old disk, pushed later, closes such gaps.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from broker.config import BrokerConfig, ConfigError
from broker.durable_file import Disk, write_durably
from broker.ingest.acks import SeqSet
from broker.plan.model import Plan
from broker.store import Receipt, Record, Store
from broker.store.opening import is_address, must_be_store, open_store, reading_store
from broker.store.postgres import PostgresStore
from broker.store.record import Conflict
from broker.store.transfer import import_records

NAME = "taken_over.json"
FAMILIES = {"fix": "truck", "incident": "truck", "bins": "room", "lamp": "room", "keeper": "room"}
LATELY_S = 3 * 86_400  # of what devices say, the day is begun from this
LEARNED_S = 45 * 86_400  # of everything else
BACKLOG_S = 3600  # a gap below a number that was there so long before is older than the dead machine's end


class Gap(NamedTuple):
    """Numbers of one start of a device that are nowhere, between two moments (POSIX seconds; None: not known)."""

    family: str
    device: str
    boot: int
    first: int
    last: int
    after_at: int | None
    before_at: int | None


class Missing(NamedTuple):
    """What the city and the standby do not have, and who has not spoken since: nothing is known of what is theirs."""

    gaps: list[Gap]
    unheard: list[tuple[str, str]]


def fetch(
    config: BrokerConfig, plan: Plan, now: Callable[[], float], *, whole: bool = False,
    told: Callable[[int], None] = lambda _: None,
) -> Receipt:  # fmt: skip
    """Take what the city has of this cell into the store of `config`, whether a bridge is at work there or not.

    Without `whole` what a bridge needs to go on with its day, which is quick. Raises ConfigError, StoreError.
    """
    where, way, at = config.store.url, config.city, int(now())
    if way.url is None:
        raise ConfigError("[city] url: is missing; name the city's database")
    if is_address(where):
        raise ConfigError("[store] url: this cell's records are in a database, of which nothing is lost; just start it")
    source = PostgresStore(way.url, plan.area_id, plan.timezone, now, make=False, password=way.password())
    try:
        store = open_store(where, plan.area_id, plan.timezone, now, make=not _has_records(where))
        try:
            receipt = import_records(_wanted(source, at, whole=whole), store, told)
        finally:
            store.close()
    finally:
        source.close()
    if not (Path(where) / NAME).exists():
        write_durably(Disk(), Path(where) / NAME, orjson.dumps({"at": at}))
    return receipt


def missing(config: BrokerConfig, plan: Plan, now: Callable[[], float]) -> Missing:
    """What is nowhere by now; raises ConfigError where nothing was taken over, StoreError."""
    where = Path(config.store.url)
    try:
        at = int(orjson.loads((where / NAME).read_bytes())["at"])
    except (OSError, ValueError, KeyError, TypeError) as why:
        raise ConfigError(f"{where / NAME} is not there: `python3 -m broker takeover` makes it") from why
    with reading_store(where, plan.area_id, plan.timezone, now) as store:
        records = (record for kind in FAMILIES for record in store.scan(kind, amended=False))
        known = {**dict.fromkeys(plan.trucks(), "truck"), **dict.fromkeys(plan.rooms, "room")}
        return missing_of(records, at, known)


def missing_of(records: Iterable[Record], taken_over_at: int, plan: Mapping[str, str]) -> Missing:
    """The gaps among records of devices, the largest first; `plan` has the family of each device that should speak."""
    seen: dict[tuple[str, str, int], dict[int, Record]] = {}
    heard = set()
    for record in records:
        family = FAMILIES[record.kind]
        device, boot, seq = record.id.split(":")[:3]
        seen.setdefault((family, device, int(boot)), {})[int(seq)] = record
        if record.received_at >= taken_over_at:
            heard.add((family, device))
    gaps = [gap for key, found in seen.items() for gap in _gaps(*key, found, taken_over_at)]
    silent = sorted({(family, device) for device, family in plan.items()} - heard)
    return Missing(sorted(gaps, key=lambda gap: (gap.first - gap.last, gap)), silent)


def _gaps(family: str, device: str, boot: int, found: Mapping[int, Record], taken_over_at: int) -> Iterator[Gap]:
    numbers = SeqSet()
    for seq in found:
        numbers.add(seq)
    ranges = numbers.ranges()
    lowest = found[ranges[0][0]]
    if lowest.received_at >= taken_over_at:  # numbers begin at 1, and of this start the city had none
        ranges = [(0, 0), *ranges]
    for (_, below), (above, _) in pairwise(ranges):
        if above > below + 1 and found[above].received_at >= taken_over_at - BACKLOG_S:
            after_at = found[below].at if below in found else None
            yield Gap(family, device, boot, below + 1, above - 1, after_at, found[above].at)


def _wanted(source: Store, at: int, *, whole: bool) -> Iterator[Record]:
    for kind in source.kinds():
        since_s = LATELY_S if kind in FAMILIES else LEARNED_S
        yield from source.scan(kind, from_at=None if whole else at - since_s, amended=False)


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
        "unheard": [{"family": family, "device": device} for family, device in found.unheard],
    }
