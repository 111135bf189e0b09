"""What a plan costs of which nothing is heard, and one position of a truck with all its visits predicted anew.

    python3 -m bench silence     the real timetable of ../shared/data/routes_tainan, at the hour when most runs are open

The goals are of a plan of 184 runs with 21 rooms each. The timetable is larger, so the figures of a second in which all
trucks are silent are said for so many visits.
"""

import datetime as dt
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

from bench import goals
from broker.bridge import Bridge
from broker.plan.calendar import day_start_at
from broker.plan.model import Plan
from broker.plan.tainan.conversion import convert
from broker.store.opening import open_store
from firmware import wire

SHARED = Path(os.environ.get("ZP_SHARED", Path(__file__).parents[3] / "shared"))
STOPS = SHARED / "data" / "routes_tainan" / "stops.csv"
DAY = dt.date(2026, 11, 23)  # a Monday
AS_VISITS = 184 * 21
SETTLING_S, MEASURED_S = 90, 180
FIXES, FIX_EVERY_S, SPEED_MPS = 600, 10, 3.0


class Street:
    """A bridge without devices over a record in memory; `sent` counts what it tells, `now` is its clock."""

    def __init__(self, plan: Plan, folder: Path, now: float) -> None:
        self.plan, self.now = plan, now
        self.sent: Counter[str] = Counter()
        self.store = open_store(folder, area=plan.area_id, timezone=plan.timezone, now=lambda: self.now)
        self.bridge = Bridge(plan, self.store, self._send)
        self.bridge.start(now)
        self.bridge.link_up(now)

    def _send(self, topic: str, payload: bytes, retained: bool) -> None:
        del payload, retained
        self.sent.update([topic])

    def pass_time(self, seconds: int) -> None:
        """So much time, in which nobody speaks."""
        for _ in range(seconds):
            self.now += 1
            self.bridge.tick(self.now)
            self.bridge.flush(self.now)


def main() -> int:
    """Measure both; 4 where the timetable is absent, 1 where a goal is missed."""
    if not STOPS.exists():
        print(f"SKIPPED: {STOPS} is absent", file=sys.stderr)
        return 4
    plan = convert(STOPS.read_text("utf-8"), area_id="tainan", waste="residential_dry").plan
    return 0 if all([silence(plan), position(plan)]) else 1


def silence(plan: Plan) -> bool:
    """What each second costs while nobody speaks; whether the goals hold."""
    open_at: Counter[int] = Counter()
    for run in plan.runs.values():
        open_at.update(range(run.visits[0].arrive_day_s // 900 * 900, run.visits[-1].arrive_day_s, 900))
    with _street(plan, open_at.most_common(1)[0][0]) as street:
        street.pass_time(SETTLING_S)
        street.sent.clear()
        began_s = time.process_time()
        street.pass_time(MEASURED_S)
        cost_ms, messages = 1000 * (time.process_time() - began_s) / MEASURED_S, street.sent.total() / MEASURED_S
        day = street.bridge.dispatch.day
        owed = sum(len(day.owed(run)) for run in day.runs.values())
    share = AS_VISITS / owed
    print(f"silent: {len(day.runs)} runs owe {owed} visits: {cost_ms:.1f} ms and {messages:.1f} messages a second")
    met = goals.held("silence/ms", cost_ms * share)
    return goals.held("silence/messages", messages * share) and met


def position(plan: Plan) -> bool:
    """What one position of a truck on its way costs: read, matched, predicted and decided; whether the goal holds."""
    runs = {name: run for name, run in plan.runs.items() if 20 <= len(run.visits) <= 22}
    run = runs[min(runs)]
    rooms = [plan.rooms[visit.room_id] for visit in run.visits]
    topic, took_ms = wire.topic("fix", plan.area_id, run.truck_id, family="truck"), []
    with _street(replace(plan, runs=runs), run.visits[0].arrive_day_s - 600) as street:
        for number in range(FIXES):
            street.pass_time(FIX_EVERY_S)
            place, part = divmod(number / FIXES * (len(rooms) - 1), 1)
            here, there = rooms[int(place)], rooms[int(place) + 1]
            body = {
                "boot": 1, "seq": number + 1, "fix_at": int(street.now), "sent_at": int(street.now),
                "lat": here.lat + part * (there.lat - here.lat), "lon": here.lon + part * (there.lon - here.lon),
                "speed_mps": SPEED_MPS, "bearing_deg": None, "hdop": 1.0, "sats": 9, "mode": 3, "late": False,
            }  # fmt: skip
            payload = wire.pack(topic, body)
            began_s = time.perf_counter()
            street.bridge.receive(topic, payload, street.now)
            took_ms.append(1000 * (time.perf_counter() - began_s))
    print(f"a position of a run of {len(rooms)} visits: p99 {sorted(took_ms)[-FIXES // 100]:.2f} ms")
    return goals.held("silence/fix", median(took_ms))


@contextmanager
def _street(plan: Plan, at_s: int) -> Iterator[Street]:
    """A street at a second of the day."""
    with tempfile.TemporaryDirectory() as folder:
        street = Street(plan, Path(folder), float(day_start_at(plan, DAY) + at_s))
        yield street
        street.store.close()


if __name__ == "__main__":
    sys.exit(main())
