"""What a run left in the store, read back through a fresh opening of its files."""

from pathlib import Path

from broker.plan.model import Plan
from broker.store import Store
from broker.store.opening import open_store, reading_store
from sim.world.evidence import StoredRecord

STORED_KINDS = ("fix", "incident", "bins", "lamp", "keeper", "visit", "dwell", "call", "workflow", "run",
                "booking", "alarm", "closure", "case")  # fmt: skip


def read_store(folder: Path, plan: Plan, now: float, since_at: int | None = None) -> list[StoredRecord]:
    """Everything a run left in the store, read back through a fresh opening of its files; what came before left out."""
    store = open_store(folder, plan.area_id, plan.timezone, lambda: now)
    try:
        return _all(store, since_at)
    finally:
        store.close()


def read_beside_bridge(
    folder: Path, plan: Plan, now: float, since_at: int | None = None
) -> list[StoredRecord]:
    """What is in the store by now, while a bridge writes it; raises StoreError where that cannot be read."""
    with reading_store(folder, plan.area_id, plan.timezone, lambda: now) as store:
        return _all(store, since_at)


def _all(store: Store, since_at: int | None) -> list[StoredRecord]:
    return [
        StoredRecord(record.id, record.kind, record.key, record.at, dict(record.body))
        for kind in STORED_KINDS
        for record in store.scan(kind, since_at)
    ]
