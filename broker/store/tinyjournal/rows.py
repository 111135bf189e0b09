"""A table: where its documents are, read and decoded when somebody looks; and an edit that can still be dropped."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, ItemsView, Iterator, Mapping, MutableMapping
from functools import partial
from typing import Any

import orjson

from broker.store.tinyjournal.reading import Reader, ReadError

Doc = dict[str, Any]
Place = tuple[int, int]  # of a line, and how many lines after it the document's is


def encoded(document: Mapping[str, Any]) -> bytes:
    """A document as JSON."""
    return orjson.dumps(document)


class Rows(Mapping[str, Doc]):
    """The documents of one table by id: which run of lines on the disk each is in, sixteen bytes for a run.

    A run is what one frame inserted, under ids that count up. TinyDB reads its tables with ids as text, so that is
    what iteration gives.
    """

    __slots__ = ("_changed", "_count", "_dense", "_firsts", "_head", "_places", "_reader", "_sparse", "next_id")

    def __init__(self, name: str, reader: Callable[[], Reader]) -> None:
        """`reader()` makes a reader of the journal."""
        self._head = b"[%b," % orjson.dumps(name)
        self._reader = reader
        self._firsts = array("Q")  # the first id of each run, and where its line is
        self._places = array("Q")
        self._dense = 0  # the ids from 1 to this one are in the runs
        self._changed: dict[int, Place | None] = {}  # of these: where the newest version is, None when it was dropped
        self._sparse: dict[int, Place] = {}  # all other ids
        self._count = 0
        self.next_id = 1

    def raw(self, doc_id: int) -> bytes | None:
        """The encoded document, or None; raises ReadError if it is not what was stored, OSError as the disk does."""
        return self.reading()(doc_id)

    def reading(self) -> Callable[[int], bytes | None]:
        """`raw` for many documents, in one thread: those that follow each other cost no call to the system."""
        return partial(self._read, self._reader())

    def _place(self, doc_id: int) -> Place | None:
        if 0 < doc_id <= self._dense and doc_id not in self._changed:
            run = bisect_right(self._firsts, doc_id) - 1
            return self._places[run], doc_id - self._firsts[run]
        return self._changed.get(doc_id) or self._sparse.get(doc_id)

    def _read(self, reader: Reader, doc_id: int) -> bytes | None:
        found = self._place(doc_id)
        if found is None:
            return None
        line, head = reader.line(*found), self._head
        if line.startswith(b"{", len(head)) and line.startswith(head):
            return line[len(head) : -1]
        head = b"%b%d," % (head, doc_id)
        if not line.startswith(head):
            raise ReadError(5, f"document {doc_id} of {self._head[1:-1].decode()} is not where it was stored")
        return line[len(head) : -1]

    def extend(self, place: int, count: int) -> None:
        """Take in documents whose lines follow each other from `place` on, under `next_id`, `next_id + 1` ..."""
        first = self.next_id
        self._count += count
        self.next_id += count
        if first == self._dense + 1:
            self._firsts.append(first)
            self._places.append(place)
            self._dense += count  # last, for readers in other threads look at it
        else:
            self._sparse.update((first + further, (place, further)) for further in range(count))

    def put(self, doc_id: int, place: int) -> None:
        """Take in or replace one document whose line is at `place`."""
        if self._place(doc_id) is None:
            self._count += 1
        if 0 < doc_id <= self._dense:
            self._changed[doc_id] = (place, 0)
        elif doc_id == self._dense + 1 and doc_id not in self._sparse:
            self._firsts.append(doc_id)
            self._places.append(place)
            self._dense = doc_id
        else:
            self._sparse[doc_id] = (place, 0)
        self.next_id = max(self.next_id, doc_id + 1)

    def drop(self, doc_id: int) -> None:
        """Forget one document; its id is not given again while this table lives."""
        if self._place(doc_id) is None:
            return
        self._count -= 1
        if doc_id in self._sparse:
            del self._sparse[doc_id]
        else:
            self._changed[doc_id] = None

    def ids(self) -> Iterator[int]:
        """The ids of all documents: the dense ones in order, then the others as they came."""
        for doc_id in range(1, self._dense + 1):
            if self._changed.get(doc_id, 0) is not None:
                yield doc_id
        yield from list(self._sparse)

    def raw_items(self) -> Iterator[tuple[int, bytes]]:
        """Every id with its encoded document."""
        ids = list(self.ids())
        read = self.reading()
        for doc_id in ids:
            document = read(doc_id)
            if document is not None:
                yield doc_id, document

    def __getitem__(self, key: str) -> Doc:
        try:
            document = self.raw(int(key))
        except (TypeError, ValueError):
            raise KeyError(key) from None
        if document is None:
            raise KeyError(key)
        decoded: Doc = orjson.loads(document)
        return decoded

    def __iter__(self) -> Iterator[str]:
        return (str(doc_id) for doc_id in self.ids())

    def __len__(self) -> int:
        return self._count

    def items(self) -> ItemsView[str, Doc]:
        """Ids and documents, read and decoded one by one: changing one changes nothing stored."""
        return _RowItems(self)


class _RowItems(ItemsView[str, Doc]):
    def __init__(self, rows: Rows) -> None:
        super().__init__(rows)
        self._rows = rows

    def __iter__(self) -> Iterator[tuple[str, Doc]]:
        for doc_id, document in self._rows.raw_items():
            yield str(doc_id), orjson.loads(document)


class Edit(MutableMapping[int, Doc]):
    """What a TinyDB updater changes: documents are decoded copies until `changes` says what differs."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._touched: dict[int, Doc | None] = {}
        self._cleared = False
        self.next_id = rows.next_id

    def __getitem__(self, doc_id: int) -> Doc:
        if doc_id in self._touched:
            found = self._touched[doc_id]
        else:
            document = None if self._cleared else self._rows.raw(doc_id)
            found = None if document is None else orjson.loads(document)
            if found is not None:
                self._touched[doc_id] = found
        if found is None:
            raise KeyError(doc_id)
        return found

    def __setitem__(self, doc_id: int, document: Doc) -> None:
        self._touched[doc_id] = document
        self.next_id = max(self.next_id, doc_id + 1)

    def __delitem__(self, doc_id: int) -> None:
        if doc_id not in self:
            raise KeyError(doc_id)
        self._touched[doc_id] = None

    def __contains__(self, doc_id: object) -> bool:
        if doc_id in self._touched:
            return self._touched[doc_id] is not None
        return not self._cleared and isinstance(doc_id, int) and self._rows.raw(doc_id) is not None

    def __iter__(self) -> Iterator[int]:
        if not self._cleared:
            for doc_id in self._rows.ids():
                if self._touched.get(doc_id, self) is not None:
                    yield doc_id
        for doc_id, document in list(self._touched.items()):
            if document is not None and (self._cleared or self._rows.raw(doc_id) is None):
                yield doc_id

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def clear(self) -> None:
        """Drop all documents."""
        self._cleared = True
        self._touched.clear()

    def changes(self) -> tuple[list[tuple[int, bytes]], list[int]]:
        """Documents to put (encoded) and ids to drop: only what differs from the table."""
        puts: list[tuple[int, bytes]] = []
        drops = [doc_id for doc_id in self._rows.ids() if doc_id not in self._touched] if self._cleared else []
        for doc_id, document in self._touched.items():
            before = self._rows.raw(doc_id)
            if document is None:
                if before is not None:
                    drops.append(doc_id)
                continue
            after = encoded(document)
            if after != before:
                puts.append((doc_id, after))
        return puts, drops
