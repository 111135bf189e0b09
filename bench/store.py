"""The store against its rivals on this disk, as ratios from interleaved rounds, with the fsync time of the same run.

`.venv/bin/python -m bench.store` prints one table; `--quick` takes smaller numbers to see that everything runs.
"""

import argparse
import gc
import os
import random
import shutil
import sqlite3
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import orjson
from tinydb import TinyDB

from broker.store import Record
from broker.store.tinydb_store import TinyDBStore

NOON = 1795320000
ZONE = "Asia/Shanghai"
WASTES = ("residential_wet", "residential_dry", "unit_wet", "hazardous", "renovation")
BATCH = 100


def report(number: int, at: int) -> Record:
    """One bin report; its body is about 170 bytes of JSON."""
    room = f"r{number % 40:02d}"
    seq = number // 40 + 1
    entry = {"waste": WASTES[number % 5], "count": number % 9, "grams": 1000 * (number % 97), "quality": 0}
    body = {"boot": 12, "seq": seq, "at": at, "late": False, "bins": [entry], "device": room, "fw": "1.0.0"}
    return Record(f"{room}:12:{seq}", "bins", room, at, at, "xh", body)


def as_document(record: Record) -> dict[str, Any]:
    """The same as the rivals store it."""
    return {"id": record.id, "key": record.key, "at": record.at, "received_at": record.received_at,
            "area": record.area, "body": record.body}  # fmt: skip


class Engine(Protocol):
    """Something that stores batches durably."""

    def append(self, batch: list[Record]) -> None:
        """Store the batch; on return it survives a power cut."""
        ...


class Ours:
    """The TinyDB store as the bridge uses it."""

    def __init__(self, folder: Path) -> None:
        self.store = TinyDBStore(folder / "ours", "xh", ZONE, lambda: NOON, min_free_bytes=0)

    def append(self, batch: list[Record]) -> None:
        self.store.append(batch)


class Raw:
    """JSON lines appended to a file, one fdatasync per batch: nothing can be asked of it."""

    def __init__(self, folder: Path) -> None:
        self._handle = os.open(folder / "raw.jsonl", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def append(self, batch: list[Record]) -> None:
        os.write(self._handle, b"".join([orjson.dumps(as_document(record)) + b"\n" for record in batch]))
        os.fdatasync(self._handle)


class SqliteJson:
    """sqlite, WAL, synchronous FULL, one JSON column."""

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / "json.sqlite", isolation_level=None)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE record (doc TEXT);")

    def append(self, batch: list[Record]) -> None:
        rows = [(orjson.dumps(as_document(record)).decode(),) for record in batch]
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO record VALUES (?)", rows)
        self._db.execute("COMMIT")


class SqliteColumns:
    """sqlite, WAL, synchronous FULL, typed columns, a unique id: it knows duplicates, as the store does.

    With `dated` also an index by time: it finds what happened between two moments, as the store does.
    """

    def __init__(self, folder: Path, dated: bool = False) -> None:
        self.db = sqlite3.connect(folder / f"columns{'-dated' if dated else ''}.sqlite", isolation_level=None)
        self.db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            "CREATE TABLE record (id TEXT PRIMARY KEY, key TEXT, at INT, received_at INT, area TEXT, day TEXT,"
            " device TEXT, boot INT, seq INT, waste TEXT, count INT, grams INT, quality INT, late INT);"
        )
        if dated:
            self.db.execute("CREATE INDEX by_time ON record (at)")

    def append(self, batch: list[Record], day: str = "2026-11-22") -> None:
        rows = []
        for record in batch:
            body, entry = record.body, record.body["bins"][0]
            rows.append((record.id, record.key, record.at, record.received_at, record.area, day, body["device"],
                         body["boot"], body["seq"], entry["waste"], entry["count"], entry["grams"],
                         entry["quality"], body["late"]))  # fmt: skip
        self.db.execute("BEGIN")
        self.db.executemany("INSERT INTO record VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", rows)
        self.db.execute("COMMIT")


class Stock:
    """Stock TinyDB, `insert_multiple` per batch; filled by writing its file, which takes it hours."""

    def __init__(self, folder: Path, filled: int) -> None:
        path = folder / "stock.json"
        table = {str(n): as_document(report(n, NOON)) for n in range(1, filled + 1)}
        path.write_bytes(orjson.dumps({"_default": table}))
        self._db = TinyDB(path)

    def append(self, batch: list[Record]) -> None:
        self._db.insert_multiple([as_document(record) for record in batch])


def batches(start: int) -> Iterator[list[Record]]:
    """Endless batches of records nobody has yet."""
    while True:
        yield [report(number, NOON + number // 50) for number in range(start, start + BATCH)]
        start += BATCH


def fsync_p50_s(folder: Path, times: int = 50) -> float:
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
    """Records per second of all engines holding `filled` documents, as ratios of ours to each."""
    engines: dict[str, Engine] = {
        "ours": Ours(folder), "raw append + fdatasync": Raw(folder), "sqlite WAL FULL, JSON column": SqliteJson(folder),
        "sqlite WAL FULL, columns, id": SqliteColumns(folder),
        "sqlite WAL FULL, columns, id + index": SqliteColumns(folder, dated=True),
    }  # fmt: skip
    sources = {}
    for name, engine in engines.items():
        source = batches(1)
        for _ in range(filled // BATCH):
            engine.append(next(source))
        sources[name] = source
    stock = Stock(folder, filled)
    rates: dict[str, list[float]] = {name: [] for name in [*engines, "stock TinyDB"]}
    processor_s = dict.fromkeys(engines, 0.0)
    counts = dict.fromkeys(engines, 0)
    syncs = []
    for _ in range(rounds):
        syncs.append(fsync_p50_s(folder, 15))
        gc.collect()
        for name, engine in random.sample(list(engines.items()), len(engines)):
            prepared = [next(sources[name]) for _ in range(500)]
            gc.freeze()  # the prepared records are the bench's own: no engine shall pay for walking over them
            done, start, processor = 0, time.perf_counter(), time.process_time()
            for batch in prepared:
                engine.append(batch)
                done += len(batch)
                if time.perf_counter() - start > round_s:
                    break
            rates[name].append(done / (time.perf_counter() - start))
            processor_s[name] += time.process_time() - processor
            counts[name] += done
        start = time.perf_counter()
        stock.append(next(batches(10_000_000)))
        rates["stock TinyDB"].append(BATCH / (time.perf_counter() - start))
    print(
        f"durable ingest, batches of {BATCH} on {filled} documents; fsync p50 {1000 * statistics.median(syncs):.2f} ms"
    )
    print(f"  ours: {statistics.median(rates['ours']):,.0f} records/s")
    used = ", ".join(f"{name} {1e6 * processor_s[name] / counts[name]:.1f}" for name in engines)
    print(f"  processor microseconds per record: {used}")
    must = {"raw append + fdatasync": 0.6, "sqlite WAL FULL, JSON column": 1.0,
            "sqlite WAL FULL, columns, id": 4.0, "sqlite WAL FULL, columns, id + index": 4.0,
            "stock TinyDB": 500.0}  # fmt: skip
    for name, goal in must.items():
        ratio = statistics.median(a / b for a, b in zip(rates["ours"], rates[name], strict=True))
        print(f"  ours / {name}: {ratio:.2f} (goal {goal}) {'ok' if ratio >= goal else 'MISSED'}")
    raw = "raw append + fdatasync"
    for other in ("sqlite WAL FULL, columns, id", "sqlite WAL FULL, columns, id + index"):
        ratio = statistics.median(a / b for a, b in zip(rates[raw], rates[other], strict=True))
        print(f"  for comparison, {raw} / {other}: {ratio:.2f}")
    ours = engines["ours"]
    assert isinstance(ours, Ours)
    ours.store.close()


def flatness(folder: Path, few: int, many: int) -> None:
    """The median commit at many documents against few, alternating between two stores so that the disk is the same."""
    stores = []
    for name, filled in (("few", few), ("many", many)):
        store = TinyDBStore(folder / name, "xh", ZONE, lambda: NOON, min_free_bytes=0)
        number = 1
        while number < filled:
            store.append([report(n, NOON) for n in range(number, number + 2000)])
            number += 2000
        stores.append((store, batches(number)))
    took: list[list[float]] = [[], []]
    for _ in range(300):
        for (store, source), times in zip(stores, took, strict=True):
            batch = next(source)
            start = time.perf_counter()
            store.append(batch)
            times.append(time.perf_counter() - start)
    ratio = statistics.median(took[1]) / statistics.median(took[0])
    worst = sorted(took[1])[-2]
    print(f"commit p50 on {many} documents / on {few}: {ratio:.2f} (goal <= 1.1) {'ok' if ratio <= 1.1 else 'MISSED'}; "
          f"p50 {1000 * statistics.median(took[1]):.2f} ms, p99.7 {1000 * worst:.1f} ms")  # fmt: skip
    for store, _ in stores:
        store.close()


def reopening(folder: Path, filled: int) -> None:
    """How long opening takes with an unsealed day of `filled` records, and what a record costs in memory."""
    store = TinyDBStore(folder / "reopen", "xh", ZONE, lambda: NOON, min_free_bytes=0)
    for number in range(1, filled, 2000):
        store.append([report(n, NOON) for n in range(number, number + 2000)])
    store.close()
    took, used = [], []
    for _ in range(3):
        start, processor = time.perf_counter(), time.process_time()
        store = TinyDBStore(folder / "reopen", "xh", ZONE, lambda: NOON, min_free_bytes=0)
        took.append(time.perf_counter() - start)
        used.append(time.process_time() - processor)
        store.close()
    scale = 100_000 / filled
    per_100k = statistics.median(took) * scale
    verdict = "ok" if per_100k <= 0.5 else "MISSED"
    print(
        f"opening after a crash: {per_100k:.2f} s per 100k records (goal <= 0.5) {verdict}; "
        f"{statistics.median(used) * scale:.2f} s of processor time"
    )
    gc.collect()
    tracemalloc.start()
    store = TinyDBStore(folder / "reopen", "xh", ZONE, lambda: NOON, min_free_bytes=0)
    gc.collect()
    size = tracemalloc.get_traced_memory()[0] / filled
    tracemalloc.stop()
    store.close()
    print(f"memory per hot record: {size / 1000:.2f} KB (goal <= 0.6) {'ok' if size <= 600 else 'MISSED'}")


def thirty_days(folder: Path, per_day: int) -> None:
    """Thirty days of statistics: our day sums against sqlite's GROUP BY, both answers equal, and a recount."""
    clock = [float(NOON)]
    store = TinyDBStore(folder / "days", "xh", ZONE, lambda: clock[0], min_free_bytes=0, seal_in_background=False)
    rival = SqliteColumns(folder)
    number = 1
    for day in range(30):
        clock[0] = NOON + day * 86_400.0
        for _ in range(per_day // 2000):
            batch = [report(n, int(clock[0])) for n in range(number, number + 2000)]
            store.append(batch)
            rival.append(batch, time.strftime("%Y-%m-%d", time.gmtime(clock[0])))
            number += 2000
    clock[0] += 86_400
    store.append([Record("end:x", "keeper", "r01", int(clock[0]), int(clock[0]), "xh", {})])
    query = "SELECT day, waste, count(*), sum(count), sum(grams) FROM record GROUP BY day, waste ORDER BY day, waste"
    ours_s, rival_s = [], []
    for _ in range(5):
        start = time.perf_counter()
        ours = store.totals("bins", "2026-11-01", "2026-12-31", ["waste"])
        ours_s.append(time.perf_counter() - start)
        start = time.perf_counter()
        theirs = rival.db.execute(query).fetchall()
        rival_s.append(time.perf_counter() - start)
    assert [tuple(row.values()) for row in ours] == theirs, "the day sums are not what sqlite counts"
    start = time.perf_counter()
    recounted = [day.recount("bins") == day.cube("bins") for day in store.sealed_days()]
    recount_s = time.perf_counter() - start
    assert all(recounted), "the day sums are not what a recount gives"
    ratio = statistics.median(ours_s) / statistics.median(rival_s)
    print(f"30 days, {30 * per_day} records: {1000 * statistics.median(ours_s):.1f} ms, / sqlite GROUP BY: {ratio:.4f} "
          f"(goal <= 0.01) {'ok' if ratio <= 0.01 else 'MISSED'}; "
          f"equal, and equal to a recount ({recount_s:.1f} s)")  # fmt: skip
    store.close()


def main() -> None:
    """Print all figures of the store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers: does it run, not how fast is it")
    quick = parser.parse_args().quick
    parts: list[Callable[[Path], None]] = [
        lambda folder: ingest(folder, 5_000 if quick else 100_000, 2 if quick else 7, 0.05 if quick else 0.35),
        lambda folder: flatness(folder, 2_000 if quick else 10_000, 20_000 if quick else 1_000_000),
        lambda folder: reopening(folder, 10_000 if quick else 100_000),
        lambda folder: thirty_days(folder, 2_000 if quick else 20_000),
    ]
    for part in parts:
        folder = Path(tempfile.mkdtemp(prefix="zp-bench-"))
        try:
            part(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
