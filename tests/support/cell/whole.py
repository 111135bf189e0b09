"""A cell with its processes: the bridge with its own Mosquitto over an area of any size, and what both use."""

import os
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from broker.mqtt.own_broker.child import free_port
from broker.plan.calendar import day_start_at
from broker.plan.gtfs.writing import write_gtfs
from broker.plan.model import Plan
from tests.support.cell.area import BEGINS_S, DAY, area_plan
from tests.support.processes import BridgeProcess, offset_to

LEAD_S = 20  # from when all are connected to when the first trucks set out
CONNECTS_A_SECOND = 150
SPARE_FILES = 200
START_PATIENCE = 5  # times as long as a start should take: other work may come first
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Used:
    """What one process has used: processor seconds since its start, and how much memory it has now."""

    cpu_s: float
    memory_mb: float


def used(pid: int) -> Used:
    """What a process has used by now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Used((int(fields[11]) + int(fields[12])) * TICK_S, pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


def may_connect() -> int:
    """How many devices one process of this machine may hold, its limit raised as far as it goes."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard - SPARE_FILES if hard != resource.RLIM_INFINITY else 1 << 20


class Cell:
    """The bridge's process and its Mosquitto, whose clock says shortly before the area's first trucks set out."""

    def __init__(self, folder: Path, trucks: int) -> None:
        self.folder = folder
        self.plan: Plan = area_plan(trucks)
        folder.mkdir(parents=True, exist_ok=True)
        write_gtfs(self.plan, folder / "plan.zip")
        devices = len(self.plan.trucks()) + len(self.plan.rooms)
        self.port = free_port()
        own = (
            '[embedded]\nenabled = true\nfolder = "mosquitto"\n[log]\nlevel = "warning"\n'
            f"[limits]\nconnections = {max(5000, 2 * devices)}\nbroker_memory_mb = {max(256, devices // 20)}\n"
        )
        self.day_start_at = day_start_at(self.plan, DAY)
        self.start_s = 20 + devices / CONNECTS_A_SECOND  # for the bridge, and for the devices to connect
        self.offset_s = offset_to((BEGINS_S - LEAD_S - self.start_s) / 3600, DAY.isoformat())
        self.bridge = BridgeProcess(folder, self.port, own, self.offset_s, plan="plan.zip")

    def now(self) -> float:
        """The time of the bridge and its devices."""
        return time.time() + self.offset_s

    def start(self) -> None:
        """Start both."""
        self.bridge.start(patience_s=START_PATIENCE * self.start_s)

    def stop(self) -> None:
        """Stop both in order."""
        self.bridge.stop()

    def passwords(self) -> Mapping[str, str]:
        """Of each device, as the bridge made them."""
        lines = (self.folder / "mosquitto" / "passwords").read_text().splitlines()
        return dict(line.split(":", 1) for line in lines)

    @property
    def pids(self) -> tuple[int, int]:
        """The bridge's process id and Mosquitto's."""
        child = self.bridge.child
        assert child is not None
        children = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
        return child.pid, int(children[0])

    def used(self) -> tuple[Used, Used]:
        """What the bridge and Mosquitto have used."""
        bridge, broker = self.pids
        return used(bridge), used(broker)

    def counts(self) -> dict[str, int]:
        """What the bridge has counted: received, stored, duplicates, refused."""
        data = self.bridge.get("/api/v1/picture")["data"]
        return {**data["counts"], "refused_in_all": sum(data["refused"].values())}

    def records(self) -> dict[tuple[str, int, int], int]:
        """How often each record of a device is stored, by device, boot and number; once the bridge is stopped."""
        from broker.store.opening import open_store

        store = open_store(self.folder / "records", area="xh", timezone="Asia/Shanghai", now=self.now)
        found: dict[tuple[str, int, int], int] = {}
        try:
            for kind in ("fix", "incident", "bins", "lamp", "keeper"):
                for record in store.scan(kind):
                    key = record.body["device"], record.body["boot"], record.body["seq"]
                    found[key] = found.get(key, 0) + 1
        finally:
            store.close()
        return found
