"""The record against bare sqlite3 on this disk, as ratios of one interleaved run, with the fsync time of that run.

`python3 -m bench store` prints one table; `--quick` takes smaller numbers to see that everything runs.
"""

import argparse
import gc
import os
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson

from bench import goals
from broker.reports.figures import figures_of
from broker.store import Record, where
from broker.store.sqlite.schema import INSERT, NAME, SCHEMA
from broker.store.sqlite.store import SQLiteStore

NOON = 1795320000
ZONE = "Asia/Shanghai"
DAY_S = 86_400
UNKNOWN = dict.fromkeys(("reason", "arrived_at", "left_at", "passed_at", "bins_after", "grams_after", "kept_lit"))
WASTES = ("residential_wet", "residential_dry", "unit_wet", "hazardous", "renovation")


def report(number: int, at: int, devices: int = 40) -> Record:
    """One bin report; its body is about 170 bytes of JSON."""
    room, seq = f"r{number % devices:04d}", number // devices + 1
    entry = {"waste": WASTES[number % 5], "count": number % 9, "grams": 1000 * (number % 97), "quality": 0}
    body = {"boot": 12, "seq": seq, "at": at, "late": False, "bins": [entry], "device": room, "fw": "1.0.0"}
    return Record(f"{room}:12:{seq}", "bins", room, at, at, "xh", body)


def batches(start: int, size: int, devices: int = 40) -> Iterator[list[Record]]:
    """Endless batches of records nobody has yet."""
    while True:
        yield [report(number, NOON + number // 50, devices) for number in range(start, start + size)]
        start += size


def opened(folder: Path) -> SQLiteStore:
    """The store as the bridge has it; no day passes."""
    return SQLiteStore(folder, "xh", ZONE, lambda: NOON, min_free_bytes=0)


class Bare:
    """The same rows in the same tables with the same indexes by sqlite3 alone.

    What it does not do: no checks, a 0 for each checksum, no note, no table of each key's newest time.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._db = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
        self._db.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {SCHEMA}")

    def append(self, batch: list[Record]) -> None:
        """Store a batch."""
        rows = [(*record[:6], orjson.dumps(record.body).decode(), 0) for record in batch]
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(INSERT, rows)
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def fsync_p50_s(folder: Path, times: int = 15) -> float:
    """The median time of appending 20 KB and syncing it."""
    handle = os.open(folder / "probe", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    took = []
    for _ in range(times):
        os.write(handle, b"x" * 20_000)
        start = time.perf_counter()
        os.fdatasync(handle)
        took.append(time.perf_counter() - start)
    os.close(handle)
    return statistics.median(took)


def ingest(folder: Path, filled: int, rounds: int, round_s: float) -> None:
    """Records per second of ours and of bare sqlite3, in batches of 100 and 1,000, on `filled` records."""
    syncs: list[float] = []
    for size, devices in ((100, 40), (100, 1000), (1000, 1000)):
        place = folder / f"{size}.{devices}"
        place.mkdir()
        stores: dict[str, SQLiteStore | Bare] = {"ours": opened(place / "ours"), "bare": Bare(place / "bare")}
        ways = {name: store.append for name, store in stores.items()}
        sources = {name: batches(1, size, devices) for name in ways}
        for name, append in ways.items():
            for _ in range(filled // size):
                append(next(sources[name]))
        rates: dict[str, list[float]] = {name: [] for name in ways}
        used, counts = dict.fromkeys(ways, 0.0), dict.fromkeys(ways, 0)
        for _ in range(rounds):
            syncs.append(fsync_p50_s(folder))
            for name, append in random.sample(list(ways.items()), len(ways)):
                prepared = [next(sources[name]) for _ in range(40_000 // size)]
                gc.collect()
                gc.freeze()  # the prepared records are the bench's own: nobody shall pay for walking over them
                done, start, processor = 0, time.perf_counter(), time.process_time()
                for batch in prepared:
                    append(batch)
                    done += size
                    if time.perf_counter() - start > round_s:
                        break
                rates[name].append(done / (time.perf_counter() - start))
                used[name] += time.process_time() - processor
                counts[name] += done
        ratio = statistics.median(a / b for a, b in zip(rates["ours"], rates["bare"], strict=True))
        cpu = {name: 1e6 * used[name] / counts[name] for name in ways}
        print(f"durable ingest, batches of {size} from {devices} devices on {filled} records: "
              f"{statistics.median(rates['ours']):,.0f}/s; microseconds of processor a record {cpu['ours']:.1f}, of "
              f"bare sqlite3 {cpu['bare']:.1f}", flush=True)  # fmt: skip
        goals.held("store/ingest", ratio, of=f"{size} from {devices}")
        for store in stores.values():
            store.close()
    print(f"  fsync p50 {1000 * statistics.median(syncs):.2f} ms")


def timed(what: Callable[[], object], times: int = 200) -> float:
    """The median milliseconds of a call."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        what()
        took.append(1000 * (time.perf_counter() - start))
    return statistics.median(took)


def flatness(folder: Path, few: int, many: int) -> None:
    """Commits, look-ups, opening and memory at many records against few, alternating so that the disk is the same."""
    for devices in (40, 1000):
        stores = []
        for filled in (few, many):
            store, source = opened(folder / f"{devices}.{filled}"), batches(1, 2000, devices)
            for _ in range(filled // 2000):
                store.append(next(source))
            stores.append((store, batches(filled + 1, 100, devices)))
        took: list[list[float]] = [[], []]
        for _ in range(300):
            for (store, source), times in zip(stores, took, strict=True):
                batch = next(source)
                start = time.perf_counter()
                store.append(batch)
                times.append(time.perf_counter() - start)
        ratio = statistics.median(took[1]) / statistics.median(took[0])
        # With few records of a thousand devices most are on one page, which is no measure for the many.
        p50, p99 = 1000 * statistics.median(took[1]), 1000 * sorted(took[1])[-4]
        print(f"commit p50 of 100 records from {devices} devices at {many} records / at {few}: {ratio:.2f}; "
              f"p50 {p50:.2f} ms, p99 {p99:.1f} ms", flush=True)  # fmt: skip
        if devices == 40:
            goals.held("store/commit", ratio)
        stores[0][0].close()
        if devices == 40:
            stores[1][0].close()
    large, chance = stores[1][0], random.Random(1)
    ids = [report(chance.randrange(1, many), 0, 1000).id for _ in range(200)]
    keys = [f"r{chance.randrange(1000):04d}" for _ in range(200)]
    by_id, newest = timed(lambda: large.get(ids.pop())), timed(lambda: large.latest("bins", keys.pop()))
    nobody = timed(lambda: large.latest("bins", "nobody"), 20)
    print(f"at {many} records: get by id {by_id:.2f} ms, newest of a key {newest:.2f} ms, of a key that "
          f"has none {nobody:.2f} ms")  # fmt: skip
    goals.held("store/look_up", max(by_id, newest, nobody))
    start = NOON + many // 100
    span = (where("kind") == "bins") & (where("at") >= start) & (where("at") < start + 40)
    count, took_ms = len(list(large.search(span))), timed(lambda: list(large.search(span)), 5)
    print(f"  {count} records by kind and time: {took_ms:.0f} ms")
    large.close()
    place = folder / f"1000.{many}"
    took_open = []
    for _ in range(5):
        start_s = time.perf_counter()
        again = opened(place)
        took_open.append(1000 * (time.perf_counter() - start_s))
        again.close()  # what is at work in its threads ends here, and is no part of the opening
    opening = statistics.median(took_open)
    goals.held("store/opening", opening, of=f"{many} records")
    store, source, sizes = opened(place), batches(many + 100_000, 100, 1000), []
    for _ in range(5):  # until the caches are full
        for _ in range(many // 2000):
            store.append(next(source))
        list(store.latest("bins"))
        gc.collect()
        sizes.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    store.close()
    grown = (sizes[-1] - sizes[-2]) / (many // 2000 * 100)
    print(f"memory of the process: {sizes[-1] / 1e6:.0f} MB, growing by {grown:.0f} bytes a record")
    goals.held("store/memory", grown)


def day_of_records(start: int, many: int) -> Iterator[Record]:
    """A day's records in the order in which they come: of 20 are 12 positions, 4 counts, 3 visits and a call."""
    for n in range(many):
        at, room, truck = start + n * DAY_S // many, f"r{n % 400:03d}", f"t{n % 40:02d}"
        run = f"{truck}.{start}"
        about = {"run_id": run, "room": room, "truck": truck, "waste": WASTES[1], "sequence": n % 30, "visit_number": 1}
        if n % 20 < 12:
            body = {"device": truck, "boot": 1, "seq": n, "fix_at": at, "lat": 31.2, "lon": 121.5, "late": False}
            yield Record(f"{truck}:{start}:{n}", "fix", truck, at, at, "xh", body)
        elif n % 20 < 16:
            yield report(n, at, 400)._replace(id=f"{room}:{start}:{n}")
        elif n % 20 < 19:
            done = {"state": "served", "arrived_at": at + 90, "left_at": at + 150, "bins_after": 1, "grams_after": 9000}
            body = {**UNKNOWN, **about, "route": "L1", "estate": f"e{n % 50}", "state": "due", "planned_at": at,
                    "promised_at": at + 60, "due_at": at - 900, "bins_before": 5, "grams_before": 140_000,
                    "inferred": False, **(done if n % 20 == 18 else {})}  # fmt: skip
            yield Record(f"visit:{start}:{n}", "visit", f"{run}/{room}/1", at, at, "xh", body)
        else:
            body = {**about, "call_id": f"c{n}", "called_at": at, "eta_at": at + 900}
            yield Record(f"call:{start}:{n}", "call", f"{run}/{room}/1", at, at, "xh", body)


def month(folder: Path, a_day: int, rounds: int) -> None:
    """A month of figures, in turn with what bare sqlite3 takes to read the visits and calls that they are made of."""
    store, starts = opened(folder / "month"), [NOON + (day * 24 - 12) * 3600 for day in range(30)]
    for start in starts:
        records = list(day_of_records(start, a_day))
        for first in range(0, a_day, 1000):
            store.append(records[first : first + 1000])
    db = sqlite3.connect(folder / "month" / NAME)
    first_day, last_day = (
        datetime.fromtimestamp(start, ZoneInfo(ZONE)).date().isoformat() for start in (starts[0], starts[-1])
    )

    def bare() -> None:
        rows = db.execute("SELECT body FROM record WHERE kind IN ('visit', 'call') ORDER BY at, id")
        assert len([orjson.loads(body) for (body,) in rows]) == 30 * a_day // 5

    ours, theirs = list[float](), list[float]()
    for _ in range(rounds):
        ours.append(timed(lambda: figures_of(store, first_day, last_day, ZONE), 1))
        theirs.append(timed(bare, 1))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    print(f"a month of figures over {30 * a_day} records: {statistics.median(ours) / 1000:.2f} s, {ratio:.1f} times "
          "what bare sqlite3 takes to read the visits and calls")  # fmt: skip
    db.close()
    store.close()


def main() -> int:
    """Print all figures of the store; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers: does it run, not how fast is it")
    parser.add_argument("--only", choices=("ingest", "flatness", "month"))
    asked = parser.parse_args()
    quick = asked.quick
    parts: dict[str, Callable[[Path], None]] = {
        "ingest": lambda folder: ingest(folder, 5_000 if quick else 100_000, 2 if quick else 9, 0.05 if quick else 0.4),
        "flatness": lambda folder: flatness(folder, 2_000 if quick else 10_000, 20_000 if quick else 1_000_000),
        "month": lambda folder: month(folder, 200 if quick else 20_000, 1 if quick else 5),
    }
    for name, part in parts.items():
        if asked.only in (None, name):
            folder = Path(tempfile.mkdtemp(prefix="zp-bench-"))
            try:
                part(folder)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    return goals.code()


if __name__ == "__main__":
    sys.exit(main())
