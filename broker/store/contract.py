"""The contract of a store, and what every store does alike over the few questions that its backend answers itself.

A question in TinyDB's language is put to the columns, and then to each record that these leave.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from tinydb import where
from tinydb.queries import QueryInstance

from broker.store import amendments
from broker.store.pushdown import Where, where_of
from broker.store.record import Conflict, Receipt, Record


class Order(NamedTuple):
    """An order of records, for the database and for a list."""

    sql: str
    key: Callable[[Record], Any]
    reverse: bool = False


BY_TIME = Order("ORDER BY at, id", lambda record: (record.at, record.id))
KINDS = """
WITH RECURSIVE found (name) AS (
    SELECT min(kind) FROM {0}
    UNION ALL SELECT (SELECT min(kind) FROM {0} AND kind > name) FROM found WHERE name IS NOT NULL
) SELECT name FROM found WHERE name IS NOT NULL ORDER BY name
"""
NEWEST_FIRST = Order("ORDER BY at DESC, id DESC", BY_TIME.key, reverse=True)


class Store:
    """What the bridge, the statistics and the commands know of a store. All calls may raise StoreError."""

    mark = "?"  # what stands for a value in the backend's SQL
    now: Callable[[], float]

    def batches(self, found: Where | None, order: Order) -> Iterator[list[Record]]:
        """The records as first stored that a condition on the columns finds, some at a time."""
        raise NotImplementedError

    def stored(self, record_id: str) -> Record | None:
        """The record of this id as first stored, or None; raises Corrupt if it is there and not what was written."""
        raise NotImplementedError

    def newest(self, found: Where) -> Iterator[Record]:
        """Of each key at least the records of its newest time, of those that a condition on kind and time finds."""
        raise NotImplementedError

    def before(self, kind: str, key: str) -> int | None:  # noqa: ARG002 - a backend that does not know needs neither
        """A time that all records of a key are of before, not long after the newest; 0 for none; None if not known."""
        return None

    def kinds(self) -> list[str]:
        """The kinds that have records, sorted."""
        raise NotImplementedError

    def known_amendments(self, record_id: str | None = None) -> amendments.Amendments:
        """The amendments as of now, at least those of this record."""
        raise NotImplementedError

    def append(self, records: Sequence[Record], *, urgent: bool = False) -> Receipt:
        """Store the batch durably, all or nothing, idempotent by id; `urgent` may use a faster lane.

        An empty one asks whether what is not urgent would be taken, as far as the backend knows that beforehand.
        """
        raise NotImplementedError

    def health(self) -> Mapping[str, Any]:
        """Numbers for /healthz and the bench: records, bytes, last commit seconds, free bytes, warnings."""
        raise NotImplementedError

    def close(self) -> None:
        """Flush and release; a second call does nothing."""
        raise NotImplementedError

    # --- what is the same for all ----------------------------------------------------------------------

    def search(self, query: QueryInstance, amended: bool = True) -> Iterator[Record]:
        """The records a TinyDB query holds for, ordered by (at, id): `search(where("key") == "r01")`.

        A record is the document {id, kind, key, at, received_at, area, body}. Comparisons on id, kind, key and at are
        answered by an index; on anything else each record that these leave is looked at.
        """
        known = self.known_amendments() if amended else None
        found = where_of(query, self.mark)
        for batch in self.batches(found, BY_TIME):
            records = batch if known is None else known.all_applied(batch)
            if found is None or not found.whole:
                records = [record for record in records if query(record._asdict())]
            yield from records

    def get(self, record_id: str) -> Record | None:
        """The record of this id (with its amendments applied), or None."""
        found = self.stored(record_id)
        return None if found is None else self.known_amendments(record_id).applied(found)

    def scan(
        self,
        kind: str,
        from_at: int | None = None,
        to_at: int | None = None,
        after: str | None = None,
        limit: int | None = None,
        amended: bool = True,
    ) -> Iterator[Record]:
        """Records of one kind with from_at <= at < to_at, ordered by (at, id), after the cursor id if given.

        `amended=False` gives them as they were first stored.
        """
        query: QueryInstance = where("kind") == kind
        if after is not None:
            last = self.stored(after)
            if last is None:
                raise Conflict(f"the cursor {after!r} names no record: start again without it")
            behind = (where("at") > last.at) | ((where("at") == last.at) & (where("id") > last.id))
            query = query & (where("at") >= last.at) & behind
        if from_at is not None:
            query = query & (where("at") >= from_at)
        if to_at is not None:
            query = query & (where("at") < to_at)
        return islice(self.search(query, amended), limit)

    def latest(self, kind: str, key: str | None = None, since_at: int | None = None) -> Mapping[str, Record]:
        """The newest record (by at, then id) per key of a kind; with `key` at most that one.

        `since_at` leaves out records that happened before it: a bridge that starts asks for the last two days and
        reads two days, not all years.
        """
        query = (where("kind") == kind) & (where("at") >= (since_at or 0))
        if key is not None:
            query = query & (where("key") == key)
            if (before := self.before(kind, key)) is not None:
                query = query & (where("at") < before)
        found = where_of(query, self.mark)
        assert found is not None
        if key is None:
            newest = {record.key: record for record in sorted(self.newest(found), key=BY_TIME.key)}
        else:
            one = next(self.batches(found, NEWEST_FIRST), None)
            newest = {} if one is None else {key: one[0]}
        known = self.known_amendments()
        return {name: known.applied(record) for name, record in newest.items()}

    def last(self, kind: str) -> Record | None:
        """The newest record of a kind (by at, then id), as first stored."""
        found = where_of(where("kind") == kind, self.mark)
        return next((one for batch in self.batches(found, NEWEST_FIRST) for one in batch), None)

    def amend(
        self, record_id: str, patch: Mapping[str, Any], reason: str, who: str, at: int, seen: int | None = None
    ) -> Record:
        """Correct a record's body by an amendment that is itself a record; the original stays readable.

        The amendment has kind `amendment`, id `<record id>#<n>` (n from 1), key `<record id>` and body
        {record_id, patch, reason, who}. Raises Conflict if there is no such record, or if `seen` is given and the
        record has had another number of amendments by now: somebody else was quicker.
        """
        original = self.stored(record_id)
        if original is None or original.kind == amendments.KIND:
            raise Conflict(f"there is no record {record_id!r} that could be amended")
        known = self.known_amendments(record_id)
        count = known.count(record_id)
        if seen is not None and seen != count:
            raise Conflict(f"{record_id!r} has {count} amendments by now, not {seen}: look at it again")
        number = known.next_number(record_id)
        while self.stored(amendments.id_of(record_id, number)) is not None:
            number += 1  # some other record has this id
        amendment = amendments.record(original, number, patch, reason, who, at, int(self.now()))
        if self.append([amendment]).stored == 0:
            raise Conflict(f"{record_id!r} was amended by somebody else just now: look at it again")
        return self.known_amendments(record_id).applied(original)
