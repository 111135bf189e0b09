"""A table in memory: the encoded documents, decoded when somebody looks; and an edit that can still be dropped."""

from collections.abc import ItemsView, Iterator, Mapping, MutableMapping
from typing import Any

import orjson

Doc = dict[str, Any]


def encoded(document: Mapping[str, Any]) -> bytes:
    """A document as JSON, to be kept: a copy, for what orjson gives holds on to a buffer of 4 KB."""
    return b"%b" % orjson.dumps(document)


class Rows(Mapping[str, Doc]):
    """Documents by id. TinyDB reads its tables with ids as text, so that is what iteration gives."""

    __slots__ = ("_count", "_dense", "_sparse", "next_id")

    def __init__(self) -> None:
        self._dense: list[bytes | None] = []  # document n at n - 1: ids mostly count up from 1
        self._sparse: dict[int, bytes] = {}
        self._count = 0
        self.next_id = 1

    def raw(self, doc_id: int) -> bytes | None:
        """The encoded document, or None."""
        if 0 < doc_id <= len(self._dense):
            return self._dense[doc_id - 1]
        return self._sparse.get(doc_id)

    def extend(self, documents: list[bytes]) -> None:
        """Take documents in under the ids `next_id`, `next_id + 1` ..."""
        if len(self._dense) + 1 == self.next_id:
            self._dense += documents
            self._count += len(documents)
            self.next_id += len(documents)
        else:
            for document in documents:
                self.put(self.next_id, document)

    def put(self, doc_id: int, document: bytes) -> None:
        """Take in or replace one document."""
        if self.raw(doc_id) is None:
            self._count += 1
        if doc_id == len(self._dense) + 1 and doc_id not in self._sparse:
            self._dense.append(document)
        elif 0 < doc_id <= len(self._dense):
            self._dense[doc_id - 1] = document
        else:
            self._sparse[doc_id] = document
        self.next_id = max(self.next_id, doc_id + 1)

    def drop(self, doc_id: int) -> None:
        """Forget one document; its id is not given again while this table lives."""
        if self.raw(doc_id) is None:
            return
        self._count -= 1
        if 0 < doc_id <= len(self._dense):
            self._dense[doc_id - 1] = None
        else:
            del self._sparse[doc_id]

    def ids(self) -> Iterator[int]:
        """The ids of all documents: the dense ones in order, then the others as they came."""
        for position, document in enumerate(list(self._dense)):
            if document is not None:
                yield position + 1
        yield from list(self._sparse)

    def documents(self) -> list[bytes]:
        """All encoded documents in the order of their ids, where those count up."""
        return [document for document in self._dense if document is not None] + list(self._sparse.values())

    def raw_items(self) -> Iterator[tuple[int, bytes]]:
        """Every id with its encoded document."""
        for doc_id in self.ids():
            document = self.raw(doc_id)
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
        """Ids and documents, decoded one by one: changing one changes nothing stored."""
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
