"""What the pages of the operations room cost a browser: first data, the main thread's share, the longest stall.

Debian's Chromium without a GPU, 1920 by 1080, over a web of its own that shows made pictures: 30 trucks moving five
times a second, then 400 trucks and 4,000 rooms once a second as the bridge shows them. Shares and the longest task are
processor time of the page's main thread, so that others on the machine count little; first data is by the clock.
"""

from firmware import environment

if __name__ == "__main__":
    environment.enter(*environment.SERVER)

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from playwright.sync_api import CDPSession, Page

from bench import goals
from tests.support.screens.browser import chromium_page

SEEN_S, SETTLES_S = 10.0, 3.0
TRACED = ["toplevel", "disabled-by-default-devtools.timeline"]
# Some truck's name is somewhere on the page: in a strip, a table, or beside its mark.
FIRST_DATA = "() => /t0[1-4]/.test(document.body?.textContent)"


@dataclass(frozen=True, slots=True)
class Size:
    """One load."""

    trucks: int
    rooms: int
    hz: float
    is_moved: bool  # whether the page is scrolled and pushed as well


SIZES = (Size(30, 200, 5, False), Size(400, 4000, 1, True))
PAGES = ("/map", "/")


@contextlib.contextmanager
def served(size: Size) -> Iterator[int]:
    """The port of a web that shows so much."""
    command = [sys.executable, "-m", "tests.support.city.server", str(size.trucks), str(size.rooms), str(size.hz)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdin is not None
        yield int(process.stdout.readline())
        process.stdin.close()
        process.wait(30)


def busy_s(session: CDPSession) -> float:
    """Processor seconds of the page's main thread so far."""
    metrics = {row["name"]: row["value"] for row in session.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"])


def share_of(page: Page, session: CDPSession, seconds: float) -> float:
    """The share of the main thread that is taken while nobody touches the page."""
    before, began = busy_s(session), time.monotonic()
    page.wait_for_timeout(seconds * 1000)
    return (busy_s(session) - before) / (time.monotonic() - began)


def longest_task_ms(trace: bytes) -> tuple[float, float]:
    """The longest task of a page's main thread in a trace: by its processor time, and by the clock."""
    events = json.loads(trace)["traceEvents"]
    mains = {
        (one["pid"], one["tid"]) for one in events
        if one.get("name") == "thread_name" and one["args"].get("name") == "CrRendererMain"
    }  # fmt: skip
    tasks = [one for one in events if (one.get("pid"), one.get("tid")) in mains and "tdur" in one]
    return max(one["tdur"] for one in tasks) / 1e3, max(one["dur"] for one in tasks) / 1e3


def moved_about(page: Page, path: str) -> tuple[float, float]:
    """The longest task, by processor time and by the clock, while the page is scrolled or the map is pushed."""
    browser = page.context.browser
    assert browser is not None
    browser.start_tracing(page=page, categories=TRACED)
    page.mouse.move(900, 600)
    if path == "/map":
        page.mouse.down()
        for step in range(60):
            page.mouse.move(900 + 6 * step % 300, 600 - 3 * step % 200)
            page.wait_for_timeout(16)
        page.mouse.up()
    for step in range(60):
        page.mouse.wheel(0, 120 if path == "/" or step < 30 else -120)
        page.wait_for_timeout(16)
    page.wait_for_timeout(500)
    return longest_task_ms(browser.stop_tracing())


def measured(port: int, path: str, size: Size) -> bool:
    """Print what a page takes beside what it may; whether it is within that."""
    with chromium_page() as page:
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        began = time.monotonic()
        page.goto(f"http://127.0.0.1:{port}{path}", wait_until="commit")
        page.wait_for_function(FIRST_DATA, timeout=30_000)
        first_s, first_busy_s = time.monotonic() - began, busy_s(session)
        page.wait_for_timeout(SETTLES_S * 1000)
        share = share_of(page, session, SEEN_S)
        heap_mb = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
        print(f"{path:5} {size.trucks:4} trucks {size.rooms:5} rooms {size.hz:2.0f} Hz: "
              f"{first_busy_s:.2f} s of the first data busy, heap {heap_mb:.0f} MB", flush=True)  # fmt: skip
        met = [goals.held(f"screen/first_{size.trucks}", first_s, of=path),
               goals.held(f"screen/share_{size.trucks}", 100 * share, of=path)]  # fmt: skip
        if size.is_moved:
            stall, clock = moved_about(page, path)
            print(f"      longest task when moved: {clock:.0f} ms by the clock")
            met.append(goals.held(f"screen/stall_{size.trucks}", stall, of=path))
        return all(met)


def main() -> int:
    """Each page under each load; 1 if one takes more than it may."""
    missed = 0
    for size in SIZES:
        with served(size) as port:
            missed += sum(not measured(port, path, size) for path in (sys.argv[1:] or PAGES))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
