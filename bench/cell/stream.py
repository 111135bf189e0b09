"""The screen's stream in an area of 4,000 rooms and 180 runs: bytes a second for each client, and what clients cost.

Thirty copies of the demo area on one plan, with further rooms whose units report; every truck drives its first run. The
pictures of two minutes are made first, then streamed one a second to no client and to ten, which read everything.
"""

import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import goals
from broker.bridge import Bridge
from broker.config import BrokerConfig
from broker.people.roles import Reach
from broker.plan.calendar import day_start_at
from broker.plan.demo_area import demo_plan
from broker.plan.geometry import lengths_m
from broker.plan.model import Plan, Room, Route, RunPlan
from broker.store.opening import open_store
from broker.web.desk import Desk
from broker.web.server import WebServer
from broker.web.stream.frames import Frames
from broker.web.stream.shares import Shares
from broker.web.view.picture import snapshot
from firmware import wire
from tests.support.bridge.morning import DAY

COPIES, ROOMS, CLIENTS = 30, 4000, 10
WARM_S, SEEN_S = 600, 120
READER = """
import sys, time, threading, urllib.request
def read(counts, number):
    with urllib.request.urlopen(sys.argv[1], timeout=30) as events:
        while True:
            counts[number] += len(events.read1(65536))
counts = [0] * int(sys.argv[2])
for number in range(len(counts)):
    threading.Thread(target=read, args=(counts, number), daemon=True).start()
time.sleep(5)
first = sum(counts)
time.sleep(float(sys.argv[3]))
print((sum(counts) - first) / len(counts) / float(sys.argv[3]))
"""


def wide_plan(copies: int = COPIES, rooms_in_all: int = ROOMS) -> Plan:
    """The demo area many times over, each copy's ids with its number."""
    demo = demo_plan()
    rooms, routes, runs = dict[str, Room](), dict[str, Route](), dict[str, RunPlan]()
    for n in range(copies):
        rooms |= {f"{key}x{n}": replace(room, room_id=f"{key}x{n}") for key, room in demo.rooms.items()}
        routes |= {f"{key}x{n}": replace(route, route_id=f"{key}x{n}") for key, route in demo.routes.items()}
        for key, run in demo.runs.items():
            visits = tuple(replace(visit, room_id=f"{visit.room_id}x{n}") for visit in run.visits)
            runs[f"{key}x{n}"] = replace(
                run, trip_id=f"{key}x{n}", route_id=f"{run.route_id}x{n}", truck_id=f"{run.truck_id}x{n}", visits=visits
            )
    some = next(iter(demo.rooms.values()))
    rooms |= {f"q{n}": replace(some, room_id=f"q{n}") for n in range(rooms_in_all - len(rooms))}
    return replace(demo, rooms=rooms, routes=routes, runs=runs)


def pictures(folder: Path, plan: Plan) -> list[dict[str, Any]]:
    """What the screen shows in each second of two minutes in the busiest part of a morning."""
    now = float(day_start_at(plan, DAY) + min(run.visits[0].arrive_day_s for run in plan.runs.values()) - 300)
    store = open_store(folder, area=plan.area_id, timezone=plan.timezone, now=lambda: now)
    bridge = Bridge(plan, store, lambda _topic, _payload, _retained: None)
    bridge.start(now)
    seq = 0

    def say(family: str, device: str, channel: str, body: dict[str, Any]) -> None:
        topic = wire.topic(channel, plan.area_id, device, family=family)
        bridge.receive(topic, wire.pack(topic, body), now)

    for room, what in plan.rooms.items():
        say("room", room, "life", {"life": "ready", "boot": 1})
        bins = [{"waste": waste, "count": 3, "grams": 90_000, "quality": 0} for waste in what.wastes]
        say("room", room, "bins", {"boot": 1, "seq": 1, "at": int(now), "late": False, "bins": bins})
    first = {run.truck_id: run for run in sorted(plan.runs.values(), key=lambda run: -run.visits[0].arrive_day_s)}
    found = []
    for second in range(WARM_S + SEEN_S):
        now += 1
        for number, (truck, run) in enumerate(first.items()):
            if (second + number) % 10:
                continue
            seq += 1
            line = plan.routes[run.route_id].line
            along = run.visits[0].distance_m - 300 + second * 4.0
            at_m = lengths_m(line)
            lat, lon = line[next((i for i, m in enumerate(at_m) if m >= along), len(line) - 1)]
            say("truck", truck, "fix", {
                "boot": 1, "seq": seq, "fix_at": int(now), "sent_at": int(now), "lat": lat, "lon": lon,
                "speed_mps": 4.0, "bearing_deg": 0.0, "hdop": 1.0, "sats": 9, "mode": 3, "late": False,
            })  # fmt: skip
        bridge.tick(now)
        bridge.flush(now)
        if second >= WARM_S:
            found.append(snapshot(bridge, now))
    store.close()
    return found


def served_cpu_s(shown: list[dict[str, Any]], clients: int, folder: Path) -> tuple[float, float]:
    """(processor seconds a second of server and stream, bytes a second for each client) with so many who listen."""
    config = BrokerConfig.model_validate(
        {"area": {"plan": "demo"}, "web": {"port": 0}, "registers": {"folder": folder / "r"}, "playback": {"days": 0},
         "people": {"folder": folder / "people"}}
    )
    store = open_store(folder / "empty", area="xh", timezone="Asia/Shanghai", now=time.time)
    desk = Desk()
    desk.show(shown[0])
    server = WebServer(config, desk, store, demo_plan())
    server.start()
    seconds = 20
    url = f"http://127.0.0.1:{server.port}/api/v1/events"
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, url, str(clients), str(seconds)], stdout=subprocess.PIPE, text=True
    ) if clients else None  # fmt: skip
    for number in range(5):
        desk.show(shown[number])
        time.sleep(1)
    began_s = time.process_time()
    for number in range(5, 5 + seconds):
        desk.show(shown[number])
        time.sleep(1)
    used = (time.process_time() - began_s) / seconds
    rate = float(reader.communicate(timeout=60)[0]) if reader else 0.0
    server.stop()
    store.close()
    return used, rate


def shared_cpu_ms(shown: list[dict[str, Any]]) -> tuple[int, float, float]:
    """(how many listen with a share of their own, processor milliseconds a picture for all of them, and for one)."""
    trucks = [Reach(trucks=frozenset({row["truck"]})) for row in shown[0]["trucks"]]
    estates = sorted({row["estate"] for row in shown[0]["rooms"]})
    reaches = [*trucks, *(Reach(estates=frozenset({estate})) for estate in estates)]
    used_ms = []
    for who in (reaches, reaches[:1]):
        whole = Frames()
        shares, numbers = Shares(whole), dict.fromkeys(who)
        used_s = 0.0
        for picture in shown[:60]:
            whole.show(picture)
            began_s = time.process_time()
            for reach in who:
                numbers[reach], _ = shares.of(reach).since(numbers[reach])
            used_s += time.process_time() - began_s
        used_ms.append(used_s * 1e3 / 60)
    return len(reaches), used_ms[0], used_ms[1]


def main() -> int:
    """Print the figures; 1 where a goal is missed."""
    with tempfile.TemporaryDirectory(prefix="zhanpai-stream-") as name:
        shown = pictures(Path(name) / "records", wide_plan())
        frames = Frames()
        frames.show(shown[0])
        whole = len(frames.since(None)[1][0])
        began_s = time.process_time()
        sizes = [len(frames.show(picture)) for picture in shown[1:]]
        each_s = (time.process_time() - began_s) / len(sizes)
        running = sum(run["state"] == "running" for run in shown[-1]["runs"])
        print(f"{len(shown[0]['rooms'])} rooms, {running} runs running")
        print(f"snapshot {whole / 1e6:.2f} MB once, then {sum(sizes) / len(sizes) / 1e3:.1f} kB/s, "
              f"most {max(sizes) / 1e3:.1f} kB; {each_s * 1e3:.1f} ms of a core for each picture")  # fmt: skip
        many, many_ms, one_ms = shared_cpu_ms(shown)
        print(f"{many} who listen with a share of their own (each truck, each estate): {many_ms:.1f} ms of a core for "
              f"each picture, {one_ms:.1f} ms for the first of them")  # fmt: skip
        none_s, _ = served_cpu_s(shown, 0, Path(name) / "none")
        ten_s, rate = served_cpu_s(shown, CLIENTS, Path(name) / "ten")
        print(f"{CLIENTS} clients: {rate / 1e3:.1f} kB/s each; {100 * (ten_s - none_s):.1f} % of a core more than "
              f"without, which is {100 * none_s:.1f} %")  # fmt: skip
        met = goals.held("stream/bytes", sum(sizes) / len(sizes) / 1e3)
        return 0 if goals.held("stream/clients", 100 * (ten_s - none_s)) and met else 1


if __name__ == "__main__":
    sys.exit(main())
