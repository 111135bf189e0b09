"""Whether a record looks as it should, in a moment: its note, its count, its newest rows."""

import orjson

from broker.store.contract import Store
from broker.store.pushdown import Where
from broker.store.record import Corrupt
from broker.store.sqlite.reader import SQLiteReader

NEWEST_ROWS = 2000


def quick_look(store: Store) -> int | None:
    """When its newest record was received, None for an empty one; raises StoreError for what is not as written.

    `check` reads each row; this the newest only, and that none is missing.
    """
    if not isinstance(store, SQLiteReader):
        return None
    last = store.last_row()
    ((there,),) = store.rows_of("SELECT count(*) FROM record")
    lost = len(orjson.loads(store.about("lost") or "[]"))
    if there + lost < last:
        raise Corrupt(f"{store.database.path}: {last - there - lost} of {last} rows are missing")
    rows = [pair for batch in store.by_row(Where("row > ?", [last - NEWEST_ROWS])) for pair in batch]
    return max((record.received_at for _, record in rows), default=None)
