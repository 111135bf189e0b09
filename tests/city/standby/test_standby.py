"""A standby with PostgreSQL as its cell's store, on another machine: nothing that was acknowledged is missing."""

import json
import time

import pytest

from broker.store.opening import open_store
from tests.support.processes import BridgeProcess, Client, mosquitto, wait_until

pytestmark = pytest.mark.real
TRUCK, BOOT = "t01", 7
TOPIC = f"zp/v1/xh/truck/{TRUCK}"
BACK_WITHIN_S = 60.0


def fix(seq: int, at: int) -> dict[str, object]:
    return {
        "boot": BOOT, "seq": seq, "fix_at": at + seq, "sent_at": at + seq, "lat": 31.19, "lon": 121.44,
        "speed_mps": 5.0, "bearing_deg": 90, "hdop": 1.0, "sats": 9, "mode": 3, "late": False,
    }  # fmt: skip


def acknowledged(truck: Client) -> set[int]:
    """What the truck was ever told is stored: from then on it sends none of it again."""
    numbers: set[int] = set()
    for payload in truck.heard.get(f"{TOPIC}/ack", ()):
        for ack in json.loads(payload)["acks"]:
            if ack["boot"] == BOOT:
                numbers |= set(range(1, ack["upto"] + 1))
                for first, last in ack["also"]:
                    numbers |= set(range(first, last + 1))
    return numbers


def test_with_postgresql_as_its_store_a_standby_misses_nothing_that_was_acknowledged(tmp_path, database):
    broker = mosquitto(tmp_path / "mosquitto", TRUCK)
    machines = [BridgeProcess(tmp_path / name, broker.port) for name in ("one", "standby")]
    for machine in machines:
        text = (machine.folder / "broker.toml").read_text()
        (machine.folder / "broker.toml").write_text(text.replace('url = "records"', f'url = "{database}"'))
    truck, at = None, int(time.time())
    try:
        machines[0].start()
        truck = Client(broker.port, TRUCK, f"{TOPIC}/ack")
        for seq in range(1, 41):
            truck.say(f"{TOPIC}/fix", fix(seq, at))
        wait_until(lambda: acknowledged(truck) >= set(range(1, 31)), "most of it is acknowledged")
        machines[0].kill()
        told = acknowledged(truck)
        for seq in range(41, 61):
            truck.say(f"{TOPIC}/fix", fix(seq, at))
        machines[1].start()
        for seq in sorted(set(range(1, 61)) - told):  # as a device does: again, until it is acknowledged
            truck.say(f"{TOPIC}/fix", fix(seq, at))
        wait_until(lambda: acknowledged(truck) >= set(range(1, 61)), "the standby takes it all", BACK_WITHIN_S)
    finally:
        if truck is not None:
            truck.close()
        for machine in machines:
            machine.stop()
        broker.stop()
    store = open_store(database, "xh", "Asia/Shanghai", lambda: at, make=False)
    try:
        stored = [record.id for record in store.scan("fix")]
    finally:
        store.close()
    assert sorted(stored) == sorted(f"{TRUCK}:{BOOT}:{seq}" for seq in range(1, 61))
