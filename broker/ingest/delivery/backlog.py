"""What waits while the store takes nothing (docs/decisions/0014): every alarm, every keeper's button and all that was
decided; of positions, counts and lamps a bounded part. Their devices keep the rest and send it again.
"""

from collections.abc import Sequence

from broker.ingest.delivery.acks import AreaAcks
from broker.store import Record

MOST_WAITING = 1000
# What is decided on at most once however often it comes: its (boot, seq) is behind the newest of its channel by then.
_SENT_AGAIN = {"fix": "truck", "bins": "room", "lamp": "room"}


def keep_some(records: Sequence[Record], acks: AreaAcks) -> list[Record]:
    """The records that are kept; the numbers of the others are no longer delivered, so that no ack covers them."""
    kept, waiting = [], 0
    for record in records:
        family = _SENT_AGAIN.get(record.kind)
        if family is not None:
            waiting += 1
            if waiting > MOST_WAITING:
                body = record.body
                acks.discard((family, body["device"]), body["boot"], body["seq"])
                continue
        kept.append(record)
    return kept
