"""When a cell of a room's unit was told of a known mass last, by the record of what people did."""

from typing import Any

from broker.store import Store, where

BACK_S = 400 * 86_400  # a year, and a month to be late
AGAIN_S = 60  # new ones are looked for so much back: a record may come a little late


class Calibrations:
    """Read once for the past, then only what is new."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read_to: int | None = None
        self._newest: dict[str, dict[str, int]] = {}

    def of_all(self) -> dict[str, dict[str, int]]:
        """By device and kind of waste. Raises StoreError."""
        now = int(self._store.now())
        since = now - BACK_S if self._read_to is None else self._read_to - AGAIN_S
        for record in self._store.search((where("kind") == "action") & (where("at") >= since)):
            self._take(record.at, record.body)
        self._read_to = now
        return self._newest

    def _take(self, at: int, body: Any) -> None:
        device, waste = body.get("device"), body.get("waste")
        if body.get("command") == "calibrate" and isinstance(device, list | tuple) and isinstance(waste, str):
            of_device = self._newest.setdefault(str(device[1]), {})
            of_device[waste] = max(at, of_device.get(waste, 0))
