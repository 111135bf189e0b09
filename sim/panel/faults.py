"""The faults of the panel, each a switch: the event of a scenario that it stands for, begun and ended by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_KEYS = {
    "truck": "truck", "button": "truck", "lane": "room", "cells": "room", "device": "device", "link": "device",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """One switch: its event, whom it hits (a sort of `hit_by`), and the event's other keys."""

    kind: str
    hits: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def values_for(self, whom: str) -> dict[str, Any]:
        """The event's values where it hits this one."""
        key = _KEYS.get(self.hits)
        return {**self.values, **({key: whom} if key else {})}


def hit_by(
    trucks: Sequence[str], driven: Sequence[str], rooms: Sequence[str], with_cells: Sequence[str]
) -> dict[str, list[str]]:
    """Whom each sort of fault can hit in a run; the receiver of a truck that is not `driven` is a recording."""
    devices = [*trucks, *rooms]
    return {
        "truck": list(driven), "button": list(trucks), "device": devices, "link": [*devices, "bridge"],
        "lane": list(rooms), "office": ["office"], "cells": list(with_cells),
    }  # fmt: skip


FAULTS: dict[str, Fault] = {
    "power_cut": Fault("power_cut", "device"),
    "link_cut": Fault("link_cut", "link"),
    "link_slow": Fault("link_slow", "link", {"delay_s": 5.0}),
    "button_stuck": Fault("button_stuck", "button"),
    "gps_gap": Fault("gps_gap", "truck"),
    "old_place": Fault("old_place", "truck"),
    "default_date": Fault("default_date", "truck"),
    "place_drift": Fault("place_drift", "truck", {"drift_m": 30.0}),
    "lane_blocked": Fault("lane_blocked", "lane"),
    "cell_drift": Fault("cell_drift", "cells", {"kg": 5.0}),
    "broker_freeze": Fault("broker_down", "office", {"how": "freeze"}),
    "broker_kill": Fault("broker_down", "office", {"how": "kill"}),
    "bridge_freeze": Fault("bridge_down", "office", {"how": "freeze"}),
    "bridge_kill": Fault("bridge_down", "office", {"how": "kill"}),
    "disk_full": Fault("disk_full", "office"),
    "clock_jump": Fault("clock_jump", "office", {"by_s": 3600.0}),
}
# Two that cannot be at once: the second is refused while the first is on.
APART = (("broker_freeze", "broker_kill"), ("bridge_freeze", "bridge_kill"))
