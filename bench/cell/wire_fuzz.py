"""The bridge's front door under fuzz: `python3 -m bench wire_fuzz -- [payloads]` (200,000 by default).

Valid messages are mutated (bytes flipped, cut, fields swapped for rubbish, sent on foreign topics) and handed to a
real bridge with a real store. Nothing may raise, every refusal is counted, and a valid message after it all still
works. The speed is given as a ratio to `json.loads` of the same payloads in the same run.
"""

import json
import logging
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from broker.bridge import Bridge
from broker.plan.demo_area import demo_plan
from broker.store.opening import open_store
from firmware import wire

FIX: dict[str, Any] = {
    "boot": 1, "seq": 2, "fix_at": 1795374261, "sent_at": 1795374262, "lat": 31.19, "lon": 121.44, "speed_mps": 4.5,
    "bearing_deg": 90.0, "hdop": 0.9, "sats": 9, "mode": 3, "late": False,
}  # fmt: skip
BINS = {"boot": 1, "seq": 3, "at": None, "late": False, "bins": [
    {"waste": "residential_wet", "count": 4, "grams": None, "quality": 0}]}  # fmt: skip
PRESS = {"boot": 1, "seq": 4, "incident_id": "t01-1-4", "reason": "lane_blocked", "pressed_at": None, "lat": None,
         "lon": None, "fix_at": None, "withdrawn": False}  # fmt: skip
LAMP = {"boot": 1, "seq": 5, "at": 1, "lamps": [{"waste": "any", "lamp": "off", "lit": False, "call_id": None}]}
VALID = [
    ("zp/v1/xh/truck/t01/fix", FIX),
    ("zp/v1/xh/room/r01/bins", BINS),
    ("zp/v1/xh/truck/t01/incident/t01-1-4", PRESS),
    ("zp/v1/xh/room/r01/lamp", LAMP),
    ("zp/v1/xh/room/r01/keeper", {"boot": 1, "seq": 6, "at": None, "event": "lane_clear"}),
    ("zp/v1/xh/truck/t01/life", {"life": "ready", "boot": 1, "fw": "1"}),
]
RUBBISH: list[Any] = [
    None, True, -1, 10**40, 1e308, float("nan"), float("inf"), "", "x" * 300, "\x00", [], {}, [[]], "桶", "../..",
]  # fmt: skip
FOREIGN = ["", "zp", "zp/v1/xh", "zp/v1/other/truck/t01/fix", "zp/v1/xh/truck/#/fix", "zp/v1/xh/truck/t01/itinerary",
           "zp/v1/xh/bridge/clock", "zp/v2/xh/truck/t01/fix", "x" * 5000]  # fmt: skip


def mutated(dice: random.Random) -> tuple[str, bytes]:
    """One message that was valid before something happened to it."""
    topic, body = dice.choice(VALID)
    body = json.loads(json.dumps(body))
    if "seq" in body:
        body["seq"] = dice.randrange(1, 5000)
    what = dice.randrange(7)
    if what == 0:
        body[dice.choice(sorted(body))] = dice.choice(RUBBISH)
    elif what == 1:
        del body[dice.choice(sorted(body))]
    elif what == 2:
        topic = dice.choice(FOREIGN)
    elif what == 3:
        body["device"] = "t99"
    payload = json.dumps(body).encode()
    if what == 4:
        at = dice.randrange(len(payload))
        payload = payload[:at] + bytes([dice.randrange(256)]) + payload[at + 1 :]
    elif what == 5:
        payload = payload[: dice.randrange(len(payload))]
    elif what == 6 and dice.random() < 0.01:
        payload = dice.choice([payload * 5000, b"[" * 60_000, b'{"boot":' + b"9" * 6000 + b"}", b"\xff" * 100])
    return topic, payload


def main() -> None:
    """Print what came of the payloads."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    logging.disable(logging.CRITICAL)
    dice = random.Random(5)
    messages = [mutated(dice) for _ in range(count)]
    start = time.perf_counter()
    for _, payload in messages:
        try:
            json.loads(payload)
        except (ValueError, RecursionError):
            continue
    parse_s = time.perf_counter() - start
    start = time.perf_counter()
    refused = 0
    for topic, payload in messages:
        try:
            wire.unpack(topic, payload)
        except wire.WireError:
            refused += 1
    unpack_s = time.perf_counter() - start
    with tempfile.TemporaryDirectory(prefix="zhanpai-fuzz-") as folder:
        now = 1795374300.0
        store = open_store(Path(folder) / "records", area="xh", timezone="Asia/Shanghai", now=lambda: now)
        sent: list[str] = []
        bridge = Bridge(demo_plan(), store, lambda topic, _payload, _retained: sent.append(topic))
        bridge.start(now)
        for number, (topic, payload) in enumerate(messages):
            bridge.receive(topic, payload, now)
            if number % 500 == 499:
                now += 1
                bridge.tick(now)
                assert bridge.flush(now), bridge.trouble
                sent.clear()
        last = dict(FIX, seq=100_000, fix_at=int(now))
        before = bridge.counts["stored"]
        bridge.receive("zp/v1/xh/truck/t01/fix", wire.pack("zp/v1/xh/truck/t01/fix", last), now)
        bridge.flush(now)
        assert bridge.counts["stored"] > before, "a valid message after the fuzz was not stored"
        assert bridge.counts["received"] == count + 1
        counts = dict(bridge.counts)
        bridge.stop(now)
        store.close()
    print(f"wire fuzz: {count} payloads, refused {refused} (wire) and {counts['refused']} (bridge), no exception")
    print(f"           unpack / json.loads: {unpack_s / parse_s:.2f} (checks and all, {1e6 * unpack_s / count:.0f} us)")
    print(f"           stored {counts['stored']}, resends recognised {counts.get('duplicates', 0)}")


if __name__ == "__main__":
    main()
