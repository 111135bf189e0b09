"""A batch into the store: what is there already, what comes again with other content, and what no store can keep."""

import logging
from collections import Counter
from collections.abc import Sequence

from broker.ingest.delivery.resends import is_another, renamed
from broker.store import Corrupt, Record, Refused, Store

log = logging.getLogger("zhanpai.bridge")


def commit(store: Store, records: list[Record], urgent: bool, counts: Counter[str]) -> None:
    """Store the batch and take out of it what was; what no store could ever keep is counted and left out for good.

    Raises StoreError if the store takes nothing now; what is left in `records` is still to be stored.
    """
    try:
        _append(store, records, urgent, counts)
        records.clear()
    except Refused:
        while records:
            try:
                _append(store, records[:1], urgent, counts)
            except Refused as why:
                counts["unstorable"] += 1
                log.error("record %.80s cannot be kept and is left out: %s", records[0].id, why)
            del records[0]


def _append(store: Store, records: Sequence[Record], urgent: bool, counts: Counter[str]) -> None:
    receipt = store.append(records, urgent=urgent)
    if receipt.duplicates:
        # An id that is stored already: a resend from before our restart, or, if the body differs, another
        # record of a device whose boot counter went back. That one is kept under a name of its own.
        again = [record for record in records if record.id in receipt.again]
        others = [renamed(record) for record in again if _differs_from_stored(store, record)]
        if others:
            names = [record.id for record in others]
            log.warning("stored before with other content, a boot counter went back: kept as %.500s", names)
            store.append(others, urgent=urgent)
            counts["renamed"] += len(others)
    counts["stored"] += receipt.stored
    counts["duplicates"] += receipt.duplicates


def _differs_from_stored(store: Store, record: Record) -> bool:
    try:
        stored = store.get(record.id)
    except Corrupt:
        return True  # what is stored under this id is hurt: the resend is kept as well, and nothing waits for it
    return stored is not None and is_another(stored.body, record.body)
