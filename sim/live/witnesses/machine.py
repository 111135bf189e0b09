"""Whether the machine kept up: how long the run's own processes had to wait for a core.

A verdict of a live run is about the product only while its processes run when they have something to do. Linux counts
for each thread how long it stood ready without a core (`/proc/<pid>/task/<tid>/schedstat`, second number, ns). What
one second of life had of that, in the processes that waited most, is how late the street was in it: a word from a
truck to a lamp passes through four of them.
"""

import os
import time
from pathlib import Path

LOOK_S = 1.0  # real seconds
CHAIN = 4  # processes between a press and its light, or a position and its lamp
BEARABLE_S = 5.0  # simulated seconds that a chain may come late before a limit of ten is the machine's


class Machine:
    """Call `look` often; `late_s` is the worst second so far."""

    def __init__(self) -> None:
        self.late_s = 0.0  # real seconds that a chain of processes waited in one look
        self._waited_ns: dict[tuple[int, int], int] = {}
        self._looked_s = time.monotonic()

    def look(self) -> None:
        """See how long each process waited since the last look; does nothing before it is time for one."""
        now_s = time.monotonic()
        passed_s = now_s - self._looked_s
        if passed_s < LOOK_S:
            return
        self._looked_s = now_s
        waited_ns = {(pid, thread): ns for pid in _family(os.getpid()) for thread, ns in _waits(pid)}
        by_process: dict[int, int] = {}
        for (pid, thread), ns in waited_ns.items():
            more = ns - self._waited_ns.get((pid, thread), ns)
            by_process[pid] = max(by_process.get(pid, 0), more)
        self._waited_ns = waited_ns
        worst = sorted(by_process.values(), reverse=True)[:CHAIN]
        # We looked late ourselves where we had no core; waits are told for a second, however long it was to this look.
        self.late_s = max(self.late_s, passed_s - LOOK_S, sum(worst) / 1e9 / max(1.0, passed_s))

    def too_slow(self, speed: int) -> str | None:
        """Why nothing can be judged that ran `speed` times as fast as life, and what would do; None if it can."""
        street_s = self.late_s * speed
        if street_s <= BEARABLE_S:
            return None
        fits = int(BEARABLE_S / self.late_s)
        advice = f"--speed {fits} would do" if fits >= 1 else "not even life's own speed would do beside what runs here"
        return (
            f"too slow a machine to judge: the run's processes waited up to {self.late_s:.1f} s for a core, which is "
            f"{street_s:.0f} s of the street at x{speed}; {advice}"
        )


def _family(pid: int) -> list[int]:
    """This process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # "pid (name) state ppid ...": the name may hold anything, also brackets and spaces
                parent = int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue  # it ended while we looked
            children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def _waits(pid: int) -> list[tuple[int, int]]:
    """(thread, nanoseconds it waited for a core since it began) of a process; empty where this is not counted."""
    found: list[tuple[int, int]] = []
    try:
        found.extend(
            (int(task.name), int((task / "schedstat").read_text().split()[1]))
            for task in Path(f"/proc/{pid}/task").iterdir()
        )
    except (OSError, IndexError, ValueError):
        return found  # it ended while we looked, or nothing is counted here
    return found
