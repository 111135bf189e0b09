"""The ways in which one account floods. Each is a function of an `Attacker` that returns when its time is up.

`python3 -m tests.support.flood.shapes SHAPE PORT SECONDS [KEYS]` runs one, in a process of its own; KEYS: under TLS.
"""

import json
import os
import random
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from broker.mqtt import packets
from tests.support.flood.attacker import ROOM, TRUCK, Attacker, packet, publish, text

BATCH = 100
MEGABYTE = 1024 * 1024
LARGEST = 65_000  # just below what the wire lets through


def fix(boot: int, seq: int) -> bytes:
    """A position."""
    return json.dumps({
        "boot": boot, "seq": seq, "fix_at": int(time.time()), "sent_at": None, "lat": 31.19, "lon": 121.44,
        "speed_mps": 5.0, "bearing_deg": 10, "hdop": 1, "sats": 9, "mode": 3, "late": False,
    }).encode()  # fmt: skip


def press(name: str, seq: int, reason: str = "lane_blocked", *, withdrawn: bool = False, boot: int = 7) -> bytes:
    """A press."""
    return json.dumps({"boot": boot, "seq": seq, "incident_id": name, "reason": reason, "pressed_at": int(time.time()),
                       "lat": 31.19, "lon": 121.44, "fix_at": None, "withdrawn": withdrawn}).encode()  # fmt: skip


def retained_megabytes(one: Attacker) -> None:
    """480 retained messages of 1 MB on its own topics, and again."""
    for number in one.rounds(100):
        one.send(publish(one.topic("incident", f"m{number % 480}"), bytes(MEGABYTE), retained=True))


def retained_largest(one: Attacker) -> None:
    """Retained messages as large as the wire allows, each on a topic of its own."""
    for number in one.rounds():
        one.send(publish(one.topic("incident", f"k{number}"), bytes(LARGEST), retained=True))


def incident_ids(one: Attacker) -> None:
    """80,000 presses in 10 s, each with an id of its own, retained."""
    for number in one.rounds(8000 / BATCH):
        names = [f"i{number}-{more}" for more in range(BATCH)]
        presses = (press(name, number * BATCH + more + 1) for more, name in enumerate(names))
        one.send(b"".join(publish(one.topic("incident", name), body, retained=True)
                          for name, body in zip(names, presses, strict=True)), BATCH)  # fmt: skip


def breakdowns(one: Attacker) -> None:
    """150 breakdowns, ten a second."""
    for number in one.rounds(10):
        name = f"b{number}"
        one.send(publish(one.topic("incident", name), press(name, number + 1, "breakdown"), retained=True))


def press_and_back(one: Attacker) -> None:
    """Presses that are taken back, 200 a second."""
    for number in one.rounds(200):
        name = f"w{number}"
        for seq, withdrawn in ((2 * number + 1, False), (2 * number + 2, True)):
            one.send(publish(one.topic("incident", name), press(name, seq, withdrawn=withdrawn), retained=True))


def one_press_again(one: Attacker) -> None:
    """One press sent as fast as it goes."""
    data = publish(one.topic("incident", "same"), press("same", 1), retained=True) * BATCH
    for _ in one.rounds():
        one.send(data, BATCH)


def positions(one: Attacker) -> None:
    """20,000 positions a second."""
    for number in one.rounds(20_000 / BATCH):
        topic = one.topic("fix")
        one.send(b"".join(publish(topic, fix(7, number * BATCH + more + 1)) for more in range(BATCH)), BATCH)


def boots(one: Attacker) -> None:
    """Each position from another boot."""
    for number in one.rounds(5000 / BATCH):
        topic = one.topic("fix")
        one.send(b"".join(publish(topic, fix(number * BATCH + more, 1)) for more in range(BATCH)), BATCH)


def seq_jumps(one: Attacker) -> None:
    """Numbers that leave a gap before each."""
    for number in one.rounds(5000 / BATCH):
        topic = one.topic("fix")
        one.send(b"".join(publish(topic, fix(7, 10 * (number * BATCH + more) + 3)) for more in range(BATCH)), BATCH)


def rebirths(one: Attacker) -> None:
    """A life that begins again and again."""
    for number in one.rounds(5000 / BATCH):
        topic = one.topic("life")
        bodies = (json.dumps({"life": "ready", "boot": number * BATCH + more, "fw": "x" * 64}).encode()
                  for more in range(BATCH))  # fmt: skip
        one.send(b"".join(publish(topic, body, retained=True) for body in bodies), BATCH)


def nesting(one: Attacker) -> None:
    """JSON that is nested as deeply as it fits."""
    data = publish(one.topic("fix"), b'{"a":' * 12_000 + b"1")
    for _ in one.rounds():
        one.send(data)


def large_counts(one: Attacker) -> None:
    """Bin reports as long as the wire allows: all of it has to be read."""
    rows = [{"waste": "residential_wet", "count": 1, "grams": None, "quality": 0}] * 900
    for number in one.rounds():
        body = {"boot": 7, "seq": number + 1, "at": int(time.time()), "late": False, "bins": rows}
        one.send(publish(one.topic("bins"), json.dumps(body, separators=(",", ":")).encode(), retained=True))


def garbage(one: Attacker) -> None:
    """Random bytes, as payloads and in the place of packets."""
    dice = random.Random(7)
    for number in one.rounds():
        noise = dice.randbytes(dice.randrange(1, 2000))
        one.send(noise if number % 50 == 49 else publish(one.topic("fix"), noise))


def long_topics(one: Attacker) -> None:
    """Topics as long as MQTT has them, and as deep."""
    for number in one.rounds():
        deep = "/".join(["d"] * 150) if number % 2 else "x" * 60_000
        one.send(publish(one.topic("incident", "a") + f"{number}{deep}", b"x", retained=True))


def foreign_topics(one: Attacker) -> None:
    """What it may not say, retained."""
    for number in one.rounds():
        body = press(f"f{number}", number + 1)
        one.send(publish(f"zp/v1/xh/truck/t02/incident/f{number}", body, retained=True) * 20, 20)


def connects(one: Attacker) -> None:
    """In and out as fast as it goes."""
    for _ in one.rounds():
        one.connect()


def wills(one: Attacker) -> None:
    """Last wills as large as they go, by leaving without a word."""
    for _ in one.rounds():
        one.connect(will=bytes(LARGEST))


def twins(one: Attacker) -> None:
    """Two units with one id that throw each other out."""
    other = Attacker(one.port, one.until, one.name)
    for number in one.rounds():
        who = (one, other)[number % 2]
        who.connect()
        who.send(publish(who.topic("fix"), fix((5, 900)[number % 2], number + 1)))


def sessions(one: Attacker) -> None:
    """A session that stays, with subscriptions of many kinds."""
    for number in one.rounds(2000):
        if number % 500 == 0:
            one.connect(clean=False)
        one.send(packets.subscribe(1, [(f"zp/v1/xh/{number}/{'s' * 1000}/{more}/#", 1) for more in range(20)]), 20)


def subscribes(one: Attacker) -> None:
    """Its own topics asked for and given up again."""
    topic = one.topic("ack")
    for _ in one.rounds():
        one.send((packets.subscribe(1, [(topic, 1)]) + packet(0xA2, b"\0\2" + text(topic))) * 20, 40)


def deaf(one: Attacker) -> None:
    """Ask for retained messages again and again, and read nothing."""
    data = packets.subscribe(1, [("zp/v1/xh/bridge/#", 1), (one.topic("ack"), 1), (one.topic("itinerary"), 1)]) * 50
    for _ in one.rounds():
        one.send(data, 50, read=False)


def half_packets(one: Attacker) -> None:
    """Connections that never say all of their first packet, and packets that never end."""
    held: list[socket.socket] = []
    for number in one.rounds(200):
        try:
            plugged = one.plug()
            plugged.sendall(one.hello()[: 5 + number % 20])
            held.append(plugged)
        except OSError:
            time.sleep(0.05)
        if number % 100 == 0:
            one.send(b"\x32\x80\x80\x04" + b"x" * 1000)
    for plugged in held:
        plugged.close()


def twice_at_most(one: Attacker) -> None:
    """QoS 2 that is never completed."""
    for number in one.rounds():
        one.send(publish(one.topic("fix"), bytes(LARGEST), qos=2, number=number % 65_000 + 1))


def answers(one: Attacker) -> None:
    """Answers to what nobody asked, and pings."""
    data = (b"\x40\x02\x00\x01" + b"\xc0\x00") * 200
    for _ in one.rounds():
        one.send(data, 400)


TRUCK_SHAPES: dict[str, Callable[[Attacker], None]] = {
    shape.__name__: shape
    for shape in (
        retained_megabytes, retained_largest, incident_ids, breakdowns, press_and_back, one_press_again, positions,
        boots, seq_jumps, rebirths, nesting, garbage, long_topics, foreign_topics, connects, wills, twins, sessions,
        subscribes, deaf, half_packets, twice_at_most, answers,
    )
}  # fmt: skip
ROOM_SHAPES: dict[str, Callable[[Attacker], None]] = {"large_counts": large_counts}
SHAPES = TRUCK_SHAPES | ROOM_SHAPES


def main() -> None:
    """Flood, and print how many messages went out."""
    shape, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    keys = Path(sys.argv[4]) if len(sys.argv) > 4 else None
    one = Attacker(port, time.monotonic() + seconds, ROOM if shape in ROOM_SHAPES else TRUCK, keys)
    SHAPES[shape](one)
    print(json.dumps({"sent": one.sent, "pid": os.getpid()}))


if __name__ == "__main__":
    main()
