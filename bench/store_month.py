"""A month of figures over 600,000 records, by whichever `broker` is first on PYTHONPATH: for one tree beside another.

`PYTHONPATH=TREE python bench/store_month.py FOLDER` fills the folder if it is empty and prints the seconds of five
readings of the month, each by a store that was just opened and then by the same store once more.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from broker.store import Record

NOON = 1795320000
ZONE = "Asia/Shanghai"
DAYS = 30
PER_DAY = 20_000
DAY_S = 86_400


def day_of_records(day: int) -> Iterator[Record]:
    """One day's 20,000 records, in the order in which they come: positions and bins, visits, calls, presses."""
    start = NOON - 12 * 3600 + day * DAY_S
    seq = day * PER_DAY
    for n in range(PER_DAY):
        at = start + n * DAY_S // PER_DAY
        seq += 1
        room, truck, run = f"r{n % 400:03d}", f"t{n % 40:02d}", f"run{n % 40:02d}.{day:02d}"
        kind = ("fix",) * 12 + ("bins",) * 4 + ("visit",) * 3 + ("call",)
        match kind[n % 20]:
            case "fix":
                body = {"device": truck, "boot": 1, "seq": seq, "fix_at": at, "sent_at": at, "lat": 31.2, "lon": 121.5,
                        "speed_mps": 5.5, "bearing_deg": 90, "hdop": 0.9, "sats": 9, "mode": 3, "late": False}
                yield Record(f"{truck}:1:{seq}", "fix", truck, at, at + 1, "xh", body)
            case "bins":
                entry = {"waste": "residential_dry", "count": n % 9, "grams": 1000 * (n % 97), "quality": 0}
                body = {"boot": 1, "seq": seq, "at": at, "late": False, "bins": [entry], "device": room}
                yield Record(f"{room}:1:{seq}", "bins", room, at, at + 1, "xh", body)
            case "visit":
                served = n % 20 == 18
                key = f"{run}/{room}/1"
                body = {"run_id": run, "room": room, "sequence": n % 30, "visit_number": 1, "truck": truck, "route": "L1",
                        "estate": f"e{n % 50}", "waste": "residential_dry", "state": "served" if served else "due",
                        "reason": None, "planned_at": at, "promised_at": at + 60, "due_at": at - 900,
                        "arrived_at": at + 90 if served else None, "left_at": at + 150 if served else None,
                        "passed_at": None, "bins_before": 5, "bins_after": 1 if served else None,
                        "grams_before": 140_000, "grams_after": 20_000 if served else None, "kept_lit": None,
                        "inferred": False}
                yield Record(f"visit:{key}:{n % 20}:{n}", "visit", key, at, at, "xh", body)
            case _:
                key = f"{run}/{room}/1"
                body = {"call_id": f"c{seq}", "room": room, "waste": "residential_dry", "run_id": run, "sequence": n % 30,
                        "visit_number": 1, "called_at": at, "eta_at": at + 900, "truck": truck}
                yield Record(f"call:{key}:{n}", "call", key, at, at, "xh", body)
    for n in range(40):
        at = start + 3600 + n * 600
        yield Record(f"weighing:{day}:{n}", "weighing", f"t{n:02d}", at, at, "xh",
                     {"run_id": f"run{n:02d}.{day:02d}", "truck": f"t{n:02d}", "waste": "residential_dry",
                      "grams": 3_000_000 + n, "at": at})
        yield Record(f"r{n:03d}:2:{day + 1}", "keeper", f"r{n:03d}", at, at, "xh",
                     {"device": f"r{n:03d}", "boot": 2, "seq": day + 1, "at": at, "event": "bins_out"})


def main() -> None:
    folder = Path(sys.argv[1])
    clock = [float(NOON)]
    try:
        from broker.store.sqlite_store import SQLiteStore

        def opened():
            return SQLiteStore(folder, "xh", ZONE, lambda: clock[0], min_free_bytes=0, export_in_background=False)
    except ImportError:
        from broker.store.sqlite_store import SQLiteStore

        def opened():
            return SQLiteStore(folder, "xh", ZONE, lambda: clock[0], min_free_bytes=0, export_in_background=False)
    try:
        from broker.reports.figures import figures_of
    except ImportError:
        from broker.store.figures import figures_of
    from datetime import datetime
    days = [datetime.fromtimestamp(NOON + day * DAY_S, ZoneInfo(ZONE)).date().isoformat() for day in (0, DAYS - 1)]
    if not folder.exists():
        store = opened()
        for day in range(DAYS):
            clock[0] = NOON + day * DAY_S
            records = list(day_of_records(day))
            for first in range(0, len(records), 1000):
                store.append(records[first : first + 1000])
        clock[0] += DAY_S
        store.append([Record("end:x", "keeper", "r001", int(clock[0]), int(clock[0]), "xh", {})])
        store.close()
    clock[0] = NOON + DAYS * DAY_S
    for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 5):
        a, p = time.perf_counter(), time.process_time()
        store = opened()
        opening = time.perf_counter() - a
        took = []
        for _ in range(2):
            a, p = time.perf_counter(), time.process_time()
            cube = figures_of(store, *days, ZONE)
            took.append((time.perf_counter() - a, time.process_time() - p))
        store.close()
        print(f"open {opening:.3f} s; first {took[0][0]:.3f} s ({took[0][1]:.3f} CPU), again {took[1][0]:.3f} s "
              f"({took[1][1]:.3f} CPU); {len(cube)} cells, {sum(v['visits'] if isinstance(v, dict) else v[0] for v in cube.values())} visits")


if __name__ == "__main__":
    main()
