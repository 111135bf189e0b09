"""The newest record of each key: what this bridge decided by its number, whatever the clock did meanwhile."""

from collections.abc import Iterable

from broker.ingest.delivery.unsaved import Records
from broker.rules.collecting.readings import KEPT_S
from broker.rules.dispatch.dispatch import KEEP_S
from broker.store import Record, Store, StoreError

CORRECTED_S = 60  # our own clock may step by so much; a record from later than that was made while it was ahead
REPORTS_WITHIN_S = 900  # our own units say what stands in their room every ten minutes
# Kinds of ours whose ids end with a number that grows ...
NUMBERED = ("run", "visit", "workflow", "closure", "booking", "round", "alarm")
VERSIONED = ("workflow", "booking", "round")  # ... and whose number is the version of what it says


class NewestRecords:
    """What a day is begun from; the numbers that it meets are remembered."""

    def __init__(self, store: Records, now: int) -> None:
        self._store, self._now = store, now
        self._highest = 0

    def of(self, kind: str, back_s: int) -> Iterable[Record]:
        """The newest record of each key of a kind, of those `back_s` back from now."""
        newest = dict(self._store.latest(kind, since_at=self._now - back_s))
        if kind not in NUMBERED:
            return newest.values()
        ahead = any(record.at > self._now + CORRECTED_S for record in newest.values())
        # Of runs and visits there are many: what matters of them, if the clock was not ahead, is of these days.
        look_back_s = back_s if ahead or kind in (*VERSIONED, "alarm") else min(back_s, KEEP_S)
        for record in self._store.scan(kind, from_at=self._now - look_back_s):
            number = _number(record)
            self._highest = max(self._highest, number)
            if number > _number(newest.setdefault(record.key, record)):
                newest[record.key] = record
        return newest.values()

    def highest_number(self) -> int:
        """The highest number in the ids this bridge made: a restart within the same second must not use it again."""
        numbers = [
            _number(record)
            for kind in ("visit", "run", "call", "life", "action", "alarm")
            for record in self._store.latest(kind, since_at=self._now - KEEP_S).values()
        ]
        return max([self._highest, *numbers])


def newest_received(store: Store) -> int:
    """When something of a device was received last, by the bridge's clock then; 0 where nothing is known of it."""
    try:
        newest = [store.last(kind) for kind in ("fix", "bins", "lamp")]
    except StoreError:
        return 0
    return max((record.received_at for record in newest if record is not None), default=0)


def reports_of_rooms(store: Records, now: int) -> Iterable[Record]:
    """What units said of their bins in the last hours, and of those that report changes only the last before them."""
    from_at = now - KEPT_S
    lately = list(store.scan("bins", from_at=from_at - REPORTS_WITHIN_S))
    rest = {one.key for one in lately} - {one.key for one in lately if one.at <= from_at}
    before: dict[str, Record] = {}
    if rest:
        for record in store.scan("bins", from_at=now - KEEP_S):
            if record.key in rest and record.at <= from_at:
                before[record.key] = record
    return [*before.values(), *lately]


def as_heard(record: Record) -> tuple[int, int, int, str]:
    """The order in which records of devices came; what is no number counts as none."""
    boot, seq = (value if isinstance(value, int) else 0 for value in map(record.body.get, ("boot", "seq")))
    return record.received_at, boot, seq, record.id


def _number(record: Record) -> int:
    """The number at the end of an id that this bridge made, its version where it has one; -1 where there is none."""
    if record.kind in VERSIONED and isinstance(record.body.get("version"), int):
        return int(record.body["version"])
    number = record.id.rpartition(":")[2]
    return int(number) if number.isdecimal() else -1
