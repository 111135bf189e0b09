"""What a cell costs while it is played: processor, memory, disk, and rows in the city's PostgreSQL.

`python3 -m sim city --live --cells 1 --trucks N --seconds S --costs` prints it; docs/capacity.md reckons with two such
runs. Only what is used from the moment on at which the devices were switched on counts: a start is no load.
"""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sim.city.cell import Cell
from sim.city.truth import DEVICE_KINDS

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
OF_TRUCKS = ("fix", "incident")


@dataclass(frozen=True, slots=True)
class Used:
    """What a process has used so far."""

    cpu_s: float
    rss_mb: float


def used_by(pid: int) -> Used:
    """The processor time and the memory of a process that runs."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return Used((int(stat[11]) + int(stat[12])) / TICKS, pages * PAGE_KB / 1024)


class Costs:
    """Of one cell from now on; ask `line` while it still runs."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._began = self._now()
        self._from_at = cell.timeline.now

    def line(self, city_bytes: int) -> str:
        """One line of name=value; `city_bytes` is what the city's database takes for all of it."""
        cell = self._cell
        now, stored = self._now(), cell.stored()
        counts = Counter(record.kind for record in stored)
        of_trucks = sum(counts[kind] for kind in OF_TRUCKS)
        of_devices = sum(counts[kind] for kind in DEVICE_KINDS)
        records = cell.count()
        files = [(one.name, one.stat().st_size) for one in cell.bridge.records.rglob("*") if one.is_file()]
        street_h = (cell.timeline.now - self._from_at) / 3600
        figures = {
            "trucks": len(cell.plan.trucks()), "rooms": len(cell.plan.rooms), "street_h": f"{street_h:.3f}",
            "speed": cell.speed, "records": records, "of_trucks": of_trucks, "of_rooms": of_devices - of_trucks,
            "bridge_cpu_s": f"{now['bridge'].cpu_s - self._began['bridge'].cpu_s:.2f}",
            "bridge_mb": f"{now['bridge'].rss_mb:.0f}",
            "broker_cpu_s": f"{now['broker'].cpu_s - self._began['broker'].cpu_s:.2f}",
            "broker_mb": f"{now['broker'].rss_mb:.0f}",
            "record_kb": sum(size for name, size in files if not name.endswith("-wal")) // 1024,
            "wal_kb": sum(size for name, size in files if name.endswith("-wal")) // 1024,
            "city_kb": city_bytes // 1024,
        }  # fmt: skip
        return " ".join(f"{name}={value}" for name, value in figures.items())

    def _now(self) -> dict[str, Used]:
        child = self._cell.bridge.child
        assert child is not None
        return {"bridge": used_by(child.pid), "broker": used_by(self._cell.broker.pid)}
