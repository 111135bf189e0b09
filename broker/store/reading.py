"""What both backends answer alike: a question in TinyDB's language, put to the columns and then to each record."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from tinydb import where
from tinydb.queries import QueryInstance

from broker.store import Conflict, Record, amendments, codec
from broker.store.pushdown import Where, where_of


class Order(NamedTuple):
    """An order of records, for the database and for a list."""

    sql: str
    key: Callable[[Record], Any]
    reverse: bool = False


BY_TIME = Order("ORDER BY at, id", lambda record: (record.at, record.id))
NEWEST_FIRST = Order("ORDER BY at DESC, id DESC", BY_TIME.key, reverse=True)


class RecordReader:
    """`get`, `search`, `scan` and `latest` of a Store, over the three questions a backend answers itself."""

    mark = "?"  # what stands for a value in the backend's SQL

    def _batches(self, found: Where | None, order: Order) -> Iterator[list[Record]]:
        """The records as first stored that a condition on the columns finds, some at a time."""
        raise NotImplementedError

    def _stored(self, record_id: str) -> Record | None:
        """The record of this id as first stored, or None; raises Corrupt if it is there and not what was written."""
        raise NotImplementedError

    def _newest(self, found: Where) -> Iterator[Record]:
        """Of each key at least the records of its newest time, of those that a condition on kind and time finds."""
        raise NotImplementedError

    def _before(self, kind: str, key: str) -> int | None:  # noqa: ARG002 - a backend that does not know needs neither
        """A time that all records of a key are of before, not long after the newest; 0 for none; None if not known."""
        return None

    def _amendments(self) -> amendments.Amendments:
        """All amendments as of now."""
        raise NotImplementedError

    def search(self, query: QueryInstance, amended: bool = True) -> Iterator[Record]:
        """The records that a TinyDB query holds for, ordered by (at, id); see Store."""
        known = self._amendments() if amended else None
        found = where_of(query, self.mark)
        for batch in self._batches(found, BY_TIME):
            records = batch if known is None else known.all_applied(batch)
            if found is None or not found.whole:
                records = [record for record in records if query(codec.document_of(record))]
            yield from records

    def get(self, record_id: str) -> Record | None:
        """The record of this id, amendments applied, or None."""
        found = self._stored(record_id)
        return None if found is None else self._amendments().applied(found)

    def scan(
        self,
        kind: str,
        from_at: int | None = None,
        to_at: int | None = None,
        after: str | None = None,
        limit: int | None = None,
        amended: bool = True,
    ) -> Iterator[Record]:
        """Records of a kind ordered by (at, id); see Store."""
        query: QueryInstance = where("kind") == kind
        if after is not None:
            last = self._stored(after)
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
        """The newest record per key of a kind; see Store."""
        query = (where("kind") == kind) & (where("at") >= (since_at or 0))
        if key is not None:
            query = query & (where("key") == key)
            if (before := self._before(kind, key)) is not None:
                query = query & (where("at") < before)
        found = where_of(query, self.mark)
        assert found is not None
        if key is None:
            newest: dict[str, Record] = {}
            for record in self._newest(found):
                other = newest.get(record.key)
                if other is None or BY_TIME.key(record) > BY_TIME.key(other):
                    newest[record.key] = record
        else:
            one = next(self._batches(found, NEWEST_FIRST), None)
            newest = {} if one is None else {key: one[0]}
        known = self._amendments()
        return {name: known.applied(record) for name, record in newest.items()}
