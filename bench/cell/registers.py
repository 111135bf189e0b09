"""Registers: what a save costs against one fsync of the same run, and many kill -9 at random moments of a save."""

import argparse
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench import goals
from broker.people.access_log import open_access_log
from broker.registers.elections.demo import demo_elections
from broker.registers.folder import open_registers

ROUNDS = 25
KILLS = 200
CHILD_DEADLINE_S = 20.0


def main() -> int:
    """Print the ratios and the count of damaged registers (must be 0)."""
    top = argparse.ArgumentParser(description=__doc__)
    top.add_argument("--kills", type=int, default=KILLS)
    top.add_argument("--rounds", type=int, default=ROUNDS)
    top.add_argument("--seed", type=int, default=1)
    args = top.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("ZP_BENCH_DIR")) as name:
        _costs(Path(name) / "costs", args.rounds)
        bad = _kills(Path(name) / "kills", args.kills, args.seed)
    return 1 if bad else 0


def _costs(folder: Path, rounds: int) -> None:
    register = open_registers(folder, access=open_access_log(folder)).elections
    snapshot = register.create(demo_elections(), "bench", "bench")
    saves, reads, syncs, processor = [], [], [], []
    for number in range(rounds):
        document = json.loads(json.dumps(snapshot.document))
        document["bodies"][0]["name"] = f"n{number}"
        start, start_cpu = time.perf_counter(), time.process_time()
        snapshot = register.save(document, snapshot.etag, "bench", "bench")
        saves.append(time.perf_counter() - start)
        processor.append(time.process_time() - start_cpu)
        start = time.perf_counter()
        register.read()
        reads.append(time.perf_counter() - start)
        syncs.append(_one_fsync(folder / "probe", register.path.read_bytes()))
    save, sync, cpu = (statistics.median(values) for values in (saves, syncs, processor))
    print(f"file {register.path.stat().st_size} bytes; one write + fsync of it {sync * 1000:.1f} ms")
    print(f"save {save * 1000:.1f} ms = {save / sync:.1f} x one fsync, of it {cpu * 1000:.1f} ms processor")
    print(f"save without processor {(save - cpu) / sync:.1f} x one fsync")
    print(f"read {statistics.median(reads) * 1000:.1f} ms = {statistics.median(reads) / save:.2f} x a save")


def _one_fsync(path: Path, content: bytes) -> float:
    start = time.perf_counter()
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return time.perf_counter() - start


def _kills(folder: Path, kills: int, seed: int) -> int:
    """Kill a process that saves without pause at random moments; count registers that are not whole afterwards."""
    rng = random.Random(seed)
    register = open_registers(folder, access=open_access_log(folder)).elections
    register.create(demo_elections(), "bench", "bench")
    bad = lost = finished = 0
    for number in range(kills):
        acknowledged, told = os.pipe()
        child = os.fork()
        if child == 0:
            _save_for_ever(folder, told)
        os.close(told)
        time.sleep(rng.uniform(0.15, 1.2))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        versions = b""
        while chunk := os.read(acknowledged, 65536):
            versions += chunk
        os.close(acknowledged)
        last = max((int(word) for word in versions.split()), default=0)
        finished += len(versions.split())
        found = open_registers(folder, access=open_access_log(folder)).elections.read()
        whole = found.outside is None and json.loads(register.path.read_bytes()) == found.document
        bad += not whole
        lost += found.version < last
        if not whole or found.version < last:
            print(f"kill {number}: version {found.version}, acknowledged {last}, whole {whole}", file=sys.stderr)
    print(f"{kills} random kill -9 among {finished} acknowledged saves: {bad} damaged, {lost} acknowledged saves lost")
    return 0 if goals.held("registers/lost", bad + lost) else 1


def _save_for_ever(folder: Path, told: int) -> None:
    register = open_registers(folder, access=open_access_log(folder)).elections
    give_up_at = time.monotonic() + CHILD_DEADLINE_S
    try:
        while time.monotonic() < give_up_at:
            snapshot = register.read()
            document = json.loads(json.dumps(snapshot.document))
            document["bodies"][0]["name"] = f"v{snapshot.version}"
            saved = register.save(document, snapshot.etag, "bench", "bench")
            os.write(told, f"{saved.version}\n".encode())
    finally:
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
