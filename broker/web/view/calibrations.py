"""When a cell of a room's unit was told of a known mass last, by its own records."""

from broker.store import Store


def calibrations(store: Store) -> dict[str, dict[str, int]]:
    """By room and kind of waste: one record of each cell is read. Raises StoreError."""
    found: dict[str, dict[str, int]] = {}
    for record in store.latest("calibration").values():
        found.setdefault(str(record.body["device"]), {})[str(record.body["waste"])] = record.at
    return found
