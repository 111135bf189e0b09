"""What the devices of a live run recorded, worked out from their gapless numbering and what is left in outboxes."""

import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path

from sim.world.evidence import Evidence


def left_in(outbox: Path) -> set[tuple[int, int]]:
    """What a truck's outbox still holds: kept, and not acknowledged before the end."""
    if not outbox.exists():
        return set()
    db = sqlite3.connect(f"file:{outbox}?mode=ro", uri=True)
    try:
        return {
            (boot, seq)
            for table in ("position", "incident_record")
            for boot, seq in db.execute(f"SELECT boot, seq FROM {table}")  # noqa: S608 - our own two names
        }
    finally:
        db.close()


def count_records(
    evidence: Evidence, left: Mapping[str, set[tuple[int, int]]], began_before: Collection[str] = ()
) -> None:
    """A device numbers its records without a gap, so each number up to its highest must be in the store.

    Of those that `began_before` the run, each from the lowest that is there: another bridge has what came before.
    """
    lowest: dict[tuple[str, int], int] = {}
    highest: dict[tuple[str, int], int] = {}
    for record in evidence.stored:
        parts = record.id.split(":")
        if record.kind in ("fix", "incident", "bins", "lamp", "keeper") and len(parts) >= 3:
            key = (parts[0], int(parts[1]))
            number = int(parts[2])
            highest[key] = max(highest.get(key, 0), number)
            if parts[0] in began_before:
                lowest[key] = min(lowest.get(key, number), number)
    for device, keys in left.items():
        for boot, seq in keys:
            highest[device, boot] = max(highest.get((device, boot), 0), seq)
            evidence.uncertain.add(f"{device}:{boot}:{seq}")
    for (device, boot), last in highest.items():
        for seq in range(lowest.get((device, boot), 1), last + 1):
            name = f"{device}:{boot}:{seq}"
            if name not in evidence.uncertain:
                evidence.recorded[name] = evidence.end_at
