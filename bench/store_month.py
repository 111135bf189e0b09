"""The seconds that a month of figures over 600,000 records takes, by whichever `broker` is first on PYTHONPATH.

`PYTHONPATH=TREE python bench/store_month.py FOLDER` fills the folder if it is not there; the store is opened before the
clock starts. So two trees that open the same record can be timed in turn (bench/store.py).
"""

import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from broker.reports.figures import figures_of
from broker.store import Record
from broker.store.sqlite.store import SQLiteStore

NOON = 1795320000
ZONE = "Asia/Shanghai"
DAYS = 30
PER_DAY = 20_000
DAY_S = 86_400
KINDS = ("fix",) * 12 + ("bins",) * 4 + ("visit",) * 3 + ("call",)
UNKNOWN = dict.fromkeys(("reason", "arrived_at", "left_at", "passed_at", "bins_after", "grams_after", "kept_lit"))


def day_of_records(day: int) -> Iterator[Record]:
    """One day's records in the order in which they come: positions and bins, visits, calls, weigh-ins, keepers."""
    start = NOON - 12 * 3600 + day * DAY_S
    for n in range(PER_DAY):
        at, seq = start + n * DAY_S // PER_DAY, day * PER_DAY + n + 1
        room, truck, run = f"r{n % 400:03d}", f"t{n % 40:02d}", f"run{n % 40:02d}.{day:02d}"
        key, kind = f"{run}/{room}/1", KINDS[n % 20]
        about = {"run_id": run, "room": room, "truck": truck, "waste": "residential_dry", "sequence": n % 30,
                 "visit_number": 1}  # fmt: skip
        if kind == "fix":
            body = {"device": truck, "boot": 1, "seq": seq, "fix_at": at, "sent_at": at, "lat": 31.2, "lon": 121.5,
                    "speed_mps": 5.5, "bearing_deg": 90, "hdop": 0.9, "sats": 9, "mode": 3, "late": False}  # fmt: skip
            yield Record(f"{truck}:1:{seq}", kind, truck, at, at + 1, "xh", body)
        elif kind == "bins":
            entry = {"waste": "residential_dry", "count": n % 9, "grams": 1000 * (n % 97), "quality": 0}
            body = {"boot": 1, "seq": seq, "at": at, "late": False, "bins": [entry], "device": room}
            yield Record(f"{room}:1:{seq}", kind, room, at, at + 1, "xh", body)
        elif kind == "visit":
            after = {"arrived_at": at + 90, "left_at": at + 150, "bins_after": 1, "grams_after": 20_000}
            body = {**about, **UNKNOWN, "route": "L1", "estate": f"e{n % 50}", "state": "due", "planned_at": at,
                    "promised_at": at + 60, "due_at": at - 900, "bins_before": 5, "grams_before": 140_000,
                    "inferred": False}  # fmt: skip
            if n % 20 == 18:
                body |= {**after, "state": "served"}
            yield Record(f"visit:{key}:{n % 20}:{n}", kind, key, at, at, "xh", body)
        else:
            body = {**about, "call_id": f"c{seq}", "called_at": at, "eta_at": at + 900}
            yield Record(f"call:{key}:{n}", kind, key, at, at, "xh", body)
    for n in range(40):
        at = start + 3600 + n * 600
        body = {"run_id": f"run{n:02d}.{day:02d}", "truck": f"t{n:02d}", "waste": "residential_dry", "grams": 3_000_000,
                "at": at}  # fmt: skip
        yield Record(f"weighing:{day}:{n}", "weighing", f"t{n:02d}", at, at, "xh", body)
        body = {"device": f"r{n:03d}", "boot": 2, "seq": day + 1, "at": at, "event": "bins_out"}
        yield Record(f"r{n:03d}:2:{day + 1}", "keeper", f"r{n:03d}", at, at, "xh", body)


def opened(folder: Path, clock: list[float]) -> SQLiteStore:
    """The store as a bridge has it."""
    return SQLiteStore(folder, "xh", ZONE, lambda: clock[0], min_free_bytes=0, export_in_background=False)


def main() -> None:
    """Fill the folder if need be; print the seconds of one reading of the month."""
    folder, clock = Path(sys.argv[1]), [float(NOON)]
    if not folder.exists():
        store = opened(folder, clock)
        for day in range(DAYS):
            clock[0] = NOON + day * DAY_S
            records = list(day_of_records(day))
            for first in range(0, len(records), 1000):
                store.append(records[first : first + 1000])
        clock[0] += DAY_S
        store.append([Record("end:x", "keeper", "r001", int(clock[0]), int(clock[0]), "xh", {})])
        store.close()
    first_day, last_day = (
        datetime.fromtimestamp(NOON + day * DAY_S, ZoneInfo(ZONE)).date().isoformat() for day in (0, DAYS - 1)
    )
    clock[0] = float(NOON + DAYS * DAY_S)
    store = opened(folder, clock)
    start = time.perf_counter()
    cube = figures_of(store, first_day, last_day, ZONE)
    took_s = time.perf_counter() - start
    store.close()
    print(f"{len(cube)} cells, {took_s:.4f}")


if __name__ == "__main__":
    main()
