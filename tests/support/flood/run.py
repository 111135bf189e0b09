"""Each shape against a whole cell: what everybody else's presses take during it, after it, and after a restart.

`python3 -m bench flood -- [SHAPE ...] [--seconds N] [--keep]`
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from broker.mqtt.own_broker.child import EmbeddedBrokerError, die_with_parent
from tests.support.flood.attacker import TRUCK
from tests.support.flood.cell import OTHERS, Cell
from tests.support.flood.presses import Presses, p99
from tests.support.flood.shapes import SHAPES
from tests.support.processes import REPO, wait_until

SECONDS = 10.0
DURING_S = 1.0
AFTER_S = 0.3
MEMORY_MB = 256.0  # of the broker, as [embedded] memory_mb is by default
BRIDGE_MEMORY_MB = 400.0
DISK_MB = 160.0  # of both, after one flood


@dataclass
class Outcome:
    """What one shape did to everybody else."""

    shape: str
    sent: int = 0
    during_s: float = 0.0
    after_s: float = 0.0
    restarted_s: float = 0.0
    bridge_mb: float = 0.0
    broker_mb: float = 0.0
    disk_mb: float = 0.0
    named: bool = False
    trouble: str = ""
    paused_s: float = 0.0  # how long the bridge was stopped in the midst of it

    def faults(self, slower: int = 1) -> list[str]:
        """What did not hold, on a machine that may be so many times slower than ours."""
        rows = (
            ("p99 during", self.during_s, DURING_S * slower + self.paused_s),
            ("p99 after", self.after_s, AFTER_S * slower),
            ("p99 after a restart", self.restarted_s, AFTER_S * slower), ("the broker's MB", self.broker_mb, MEMORY_MB),
            ("the bridge's MB", self.bridge_mb, BRIDGE_MEMORY_MB), ("MB on disk", self.disk_mb, DISK_MB),
        )  # fmt: skip
        found = [f"{name} {value:.2f} > {most:g}" for name, value, most in rows if value > most]
        return found + ([self.trouble] if self.trouble else [])

    def line(self) -> str:
        """One line for people."""
        return (f"{self.shape:20} {self.sent:8d} {self.during_s:7.3f} {self.after_s:7.3f} {self.restarted_s:7.3f} "
                f"{self.broker_mb:6.0f} {self.bridge_mb:6.0f} {self.disk_mb:6.1f} {'named' if self.named else '-':6} "
                f"{'; '.join(self.faults()) or 'met'}")  # fmt: skip


HEAD = "shape                    sent  during   after restart brk MB brg MB dsk MB says"


def flood(shape: str, folder: Path, seconds: float, paused_s: float = 0.0, *, tls: bool = False) -> Outcome:
    """Run one shape for so long, as long again without it, then restart and look again.

    With `paused_s` the bridge does nothing for so long once it has begun, as on a machine that is far too busy; with
    `tls` everybody shows a certificate.
    """
    found = Outcome(shape, paused_s=paused_s)
    cell = Cell(folder, tls=tls)
    cell.start()
    try:
        presses = Presses(cell.port, OTHERS, keys=cell.keys)
        presses.start()
        with watched(cell, found):
            time.sleep(1.0)
            began = time.monotonic()
            argv = [sys.executable, "-m", "tests.support.flood.shapes", shape, str(cell.port), str(seconds)]
            argv += [str(cell.keys)] if cell.keys is not None else []
            with subprocess.Popen(argv, cwd=REPO, stdout=subprocess.PIPE, preexec_fn=die_with_parent) as attack:
                if paused_s:
                    _pause(cell, paused_s)
                said, _ = attack.communicate()
            ended = time.monotonic()
            found.sent = json.loads(said)["sent"] if said else 0
            time.sleep(seconds)
            after = time.monotonic()
            with contextlib.suppress(OSError):
                named = {row["values"]["device"] for row in cell.attention() if row["topic"] == "limit"}
                found.named = bool(named & {"t01", "r01"})
            presses.stop()
        found.during_s = p99(presses.waits(began, ended))
        found.after_s = p99(presses.waits(ended, after))
        cell.stop()
        cell.start()
        again = Presses(cell.port, OTHERS, boot=8, keys=cell.keys)
        again.start()
        began = time.monotonic()
        time.sleep(seconds / 2)
        ended = time.monotonic()
        again.stop()
        found.restarted_s = p99(again.waits(began, ended))
    except (AssertionError, EmbeddedBrokerError, OSError, subprocess.SubprocessError) as why:
        found.trouble = f"{why}"[-200:].replace("\n", " ")
        found.restarted_s = found.restarted_s or float("inf")
    finally:
        with contextlib.suppress(subprocess.SubprocessError):
            cell.stop()
    return found


def _pause(cell: Cell, paused_s: float) -> None:
    """Stop the bridge for so long, once the one who floods has come in."""
    log = cell.folder / "mosquitto" / "broker.log"
    wait_until(lambda: f" as {TRUCK} " in log.read_text(errors="replace"), "the flood begins")
    child = cell.bridge.child
    assert child is not None
    child.send_signal(signal.SIGSTOP)
    time.sleep(paused_s)
    child.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def watched(cell: Cell, found: Outcome):  # type: ignore[no-untyped-def]
    """The most memory and disk that is used meanwhile."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            with contextlib.suppress(OSError):
                bridge, broker = cell.memory_mb()
                found.bridge_mb, found.broker_mb = max(found.bridge_mb, bridge), max(found.broker_mb, broker)
                found.disk_mb = max(found.disk_mb, sum(cell.disk_mb()))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(5)


def main() -> int:
    """Print a line for each shape; 1 if anything did not hold."""
    top = argparse.ArgumentParser(description=__doc__)
    top.add_argument("shapes", nargs="*", metavar="SHAPE", help=f"of {' '.join(SHAPES)} (default: all)")
    top.add_argument("--seconds", type=float, default=SECONDS)
    top.add_argument("--tls", action="store_true", help="everybody shows a certificate")
    top.add_argument("--keep", action="store_true", help="keep the folders, and say where they are")
    args = top.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; seconds to `stored`, p99 of all others' presses; "
          f"goals {DURING_S} during, {AFTER_S} after and after a restart")  # fmt: skip
    print(HEAD, flush=True)
    failed = 0
    for shape in args.shapes or SHAPES:
        folder = Path(tempfile.mkdtemp(prefix=f"zp-flood-{shape}-"))
        outcome = flood(shape, folder, args.seconds, tls=args.tls)
        failed += bool(outcome.faults())
        print(outcome.line(), *([str(folder)] if args.keep else []), flush=True)
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0
