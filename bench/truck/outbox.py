"""What an hour of driving writes to the SD card: `python3 -m bench truck.outbox`.

The whole device runs an hour of virtual time (positions every 50 m at 18 km/h with stops, four presses) on a real
outbox file. Counted are the bytes handed to the kernel (`wchar` of /proc/self/io; `write_bytes` is what the kernel
passed on to the block device and depends on the file system). Compared with writing each record at once, fully synced.
"""

import json
import sqlite3
import tempfile
import time
from pathlib import Path

from firmware.truck.agent import Agent
from firmware.truck.device import Output, TruckDevice
from firmware.truck.events import ButtonDown, ButtonUp, FixSeen, LinkUp, Publish, Wake
from firmware.truck.gps.fix import Fix
from firmware.truck.outbox.outbox import Outbox

HOUR_S = 3600
T0 = 1_795_374_261
METRES_PER_DEGREE = 111_195
DRIVE_S, STAND_S = 90, 90
SPEED_MPS = 5.0


def written() -> tuple[int, int]:
    """(wchar, write_bytes) of this process so far."""
    found = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(found["wchar"]), int(found["write_bytes"])


class Hour:
    """One hour of one truck; `online` = the bridge acknowledges 200 ms after each record."""

    def __init__(self, folder: Path, batch_s: float, online: bool) -> None:
        self.outbox = Outbox(folder / "outbox.db", batch_s=batch_s)
        self.device = TruckDevice(Agent("t01", "xh", self.outbox.boot), self.outbox)
        self.online = online
        self.now_s = 0.0
        self._take(self.device.start(0.0))
        if online:
            self._take(self.device.handle(LinkUp(), 0.0))

    def _take(self, outputs: list[Output]) -> None:
        sent = [json.loads(o.payload) for o in outputs if isinstance(o, Publish) and "/life" not in o.topic]
        if sent and self.online:
            self.now_s += 0.2
            acks = [{"boot": body["boot"], "upto": 0, "also": [[body["seq"], body["seq"]]]} for body in sent]
            payload = json.dumps({"acks": acks}).encode()
            self._take(self.device.message("zp/v1/xh/truck/t01/ack", payload, self.now_s))

    def run(self) -> None:
        metres = 0.0
        for second in range(1, HOUR_S + 1):
            while (wake_at_s := self.device.wake_at_s) is not None and wake_at_s <= second:
                self.now_s = max(self.now_s, wake_at_s)
                self._take(self.device.handle(Wake(), self.now_s))
            self.now_s = max(self.now_s, float(second))
            moving = second % (DRIVE_S + STAND_S) < DRIVE_S
            metres += SPEED_MPS if moving else 0.0
            speed = SPEED_MPS if moving else 0.0
            fix = Fix(31.2 + metres / METRES_PER_DEGREE, 121.4, T0 + second, speed, 0.0, 1.0, 9, 3, 1)
            self._take(self.device.handle(FixSeen(fix), self.now_s))
            if second % 10 == 0 and self.online:
                clock = json.dumps({"at": T0 + second}).encode()
                self._take(self.device.message("zp/v1/xh/bridge/clock", clock, self.now_s))
            if second % 900 == 300:
                self._take(self.device.handle(ButtonDown(), self.now_s))
            if second % 900 == 302:
                self._take(self.device.handle(ButtonUp(), self.now_s))
        self.outbox.flush()


def measure(batch_s: float, online: bool) -> tuple[int, int, int]:
    """(wchar, write_bytes, records left) of one hour."""
    with tempfile.TemporaryDirectory() as name:
        hour = Hour(Path(name), batch_s, online)
        before = written()
        hour.run()
        after = written()
        left = hour.outbox.waiting()
        hour.outbox.close()
        return after[0] - before[0], after[1] - before[1], left


def plain(records: int) -> tuple[int, int]:
    """(wchar, write_bytes) of writing and deleting each record at once, fully synced, in a rollback journal."""
    with tempfile.TemporaryDirectory() as name:
        db = sqlite3.connect(Path(name) / "plain.db")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE record (seq INTEGER PRIMARY KEY, body TEXT)")
        before = written()
        for seq in range(records):
            db.execute("INSERT INTO record VALUES (?, ?)", (seq, "x" * 160))
            db.commit()
            db.execute("DELETE FROM record WHERE seq = ?", (seq,))
            db.commit()
        after = written()
        db.close()
        return after[0] - before[0], after[1] - before[1]


def main() -> None:
    """Prints bytes per hour, and how many times less than the plain way."""
    begin_s = time.perf_counter()
    _, _, records = measure(5.0, online=False)
    base, base_block = plain(records)
    print(f"{records} records an hour; each at once, fully synced: {base:,} bytes ({base_block:,} to the device)")
    for label, batch_s, online in (
        ("link good, batch 5 s", 5.0, True),
        ("no link, batch 5 s", 5.0, False),
        ("no link, batch 1 s", 1.0, False),
        ("no link, batch 60 s", 60.0, False),
    ):
        wchar, block, left = measure(batch_s, online)
        less = base / max(1, wchar)
        print(f"{label:22s} {wchar:>10,} bytes ({block:>10,} to the device), {less:6.1f} x less; left {left}")
    print(f"took {time.perf_counter() - begin_s:.1f} s")


if __name__ == "__main__":
    main()
