"""A stranger's truck and bin room, written from DESIGN section 4 alone: nothing here imports our firmware.

What they need works with a real Mosquitto and a real bridge process: the ack, the itinerary, the arrival, the
incident's stages, the refusals, and what happens when the bridge dies in between.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import BridgeProcess, Client, mosquitto, offset_to, wait_until

pytestmark = pytest.mark.real

ROOT = "zp/v1/xh"
OFFSET_S = offset_to(1.0)  # the middle of the night: no run is open, whenever this runs


@pytest.fixture
def area(tmp_path: Path) -> Iterator[tuple[BridgeProcess, Client, Client]]:
    """A bridge, a stranger's truck t01 and a stranger's room r01."""
    broker = mosquitto(tmp_path / "mosquitto", "t01", "r01")
    bridge = BridgeProcess(tmp_path / "bridge", broker.port, offset_s=OFFSET_S)
    clients: list[Client] = []
    try:
        bridge.start()
        truck = Client(
            broker.port, "t01", f"{ROOT}/truck/t01/ack", f"{ROOT}/truck/t01/itinerary",
            f"{ROOT}/truck/t01/incident_ack/+", f"{ROOT}/bridge/#",
            will=(f"{ROOT}/truck/t01/life", b'{"life":"lost","boot":1}'),
        )
        clients.append(truck)
        room = Client(broker.port, "r01", f"{ROOT}/room/r01/arrival/+", f"{ROOT}/room/r01/ack", f"{ROOT}/bridge/#")
        clients.append(room)
        yield bridge, truck, room
    finally:
        for client in clients:
            client.close()
        bridge.stop()
        broker.stop()


def fix(seq: int, **changes: Any) -> dict[str, Any]:
    """A position as DESIGN's table shows it."""
    now = int(time.time()) + OFFSET_S
    return {
        "boot": 1, "seq": seq, "fix_at": now, "sent_at": now, "lat": 31.19, "lon": 121.44, "speed_mps": 0.0,
        "bearing_deg": 0.0, "hdop": 1.0, "sats": 8, "mode": 3, "late": False, **changes,
    }


def press(seq: int, incident_id: str, **changes: Any) -> dict[str, Any]:
    """A press as DESIGN's table shows it."""
    now = int(time.time()) + OFFSET_S
    return {
        "boot": 1, "seq": seq, "incident_id": incident_id, "reason": "lane_blocked", "pressed_at": now,
        "lat": 31.19, "lon": 121.44, "fix_at": now, "withdrawn": False, **changes,
    }


def test_a_stranger_hears_the_heartbeat_and_the_arrivals(area: tuple[BridgeProcess, Client, Client]) -> None:
    """The bridge's life and clock come, and every waste kind of the room has a retained arrival."""
    _, _, room = area
    wait_until(lambda: room.last(f"{ROOT}/bridge/life"), "the bridge's life is retained")
    assert room.last(f"{ROOT}/bridge/life")["life"] == "ready"
    wait_until(lambda: room.last(f"{ROOT}/bridge/clock"), "the clock ticks")
    assert abs(room.last(f"{ROOT}/bridge/clock")["at"] - OFFSET_S - time.time()) < 15
    arrivals = wait_until(lambda: [t for t in room.heard if "/arrival/" in t], "arrivals are retained")
    body = room.last(arrivals[0])
    assert set(body) >= {"call_id", "waste", "state", "truck", "run_id", "visit_number", "eta_at", "sent_at"}


def test_every_record_is_acknowledged_after_it_is_stored(area: tuple[BridgeProcess, Client, Client]) -> None:
    """Positions, bins and keeper events are acknowledged cumulatively; gaps come as ranges."""
    bridge, truck, room = area
    for seq in (1, 2, 5):
        truck.say(f"{ROOT}/truck/t01/fix", fix(seq))
    wait_until(
        lambda: truck.last(f"{ROOT}/truck/t01/ack") == {"acks": [{"boot": 1, "upto": 2, "also": [[5, 5]]}]}, "the ack"
    )
    bins = [{"waste": "residential_wet", "count": 4, "grams": None, "quality": 0}]
    room.say(f"{ROOT}/room/r01/bins", {"boot": 7, "seq": 1, "at": None, "late": False, "bins": bins}, retain=True)
    room.say(f"{ROOT}/room/r01/keeper", {"boot": 7, "seq": 2, "at": None, "event": "bins_out"})
    wait_until(
        lambda: room.last(f"{ROOT}/room/r01/ack") == {"acks": [{"boot": 7, "upto": 2, "also": []}]}, "the room's ack"
    )
    rooms = wait_until(
        lambda: [r for r in bridge.get("/api/v1/rooms") if r["room"] == "r01" and r["bins"]], "bins on the screen"
    )
    assert rooms[0]["bins"]["residential_wet"]["count"] == 4


def test_a_press_goes_through_all_its_stages(area: tuple[BridgeProcess, Client, Client]) -> None:
    """stored, seen, decided, closed; then both retained topics are gone."""
    bridge, truck, _ = area
    topic, ack = f"{ROOT}/truck/t01/incident/p1", f"{ROOT}/truck/t01/incident_ack/p1"
    truck.say(topic, press(1, "p1"), retain=True)
    wait_until(lambda: truck.last(ack) and truck.last(ack)["stage"] == "stored", "stored")
    wait_until(lambda: any(i["incident_id"] == "p1" for i in bridge.get("/api/v1/incidents")), "on the screen")
    bridge.post("/api/v1/incidents/p1/acknowledge", {})
    wait_until(lambda: truck.last(ack)["stage"] == "seen", "seen")
    bridge.post("/api/v1/incidents/p1/decide", {"decision": "return_later"})
    wait_until(lambda: truck.last(ack)["stage"] == "decided", "decided")
    assert truck.last(ack)["decision"] == "return_later"
    bridge.post("/api/v1/incidents/p1/resolve", {})
    wait_until(lambda: truck.heard[ack][-1] == b"", "cleared")
    assert json.loads(truck.heard[ack][-2])["stage"] == "closed"


def test_a_bridge_killed_before_the_ack_still_gets_everything(area: tuple[BridgeProcess, Client, Client]) -> None:
    """kill -9 the bridge, press meanwhile, start it again: the press is stored once and acknowledged."""
    bridge, truck, _ = area
    bridge.kill()
    truck.say(f"{ROOT}/truck/t01/incident/p2", press(1, "p2"), retain=True)
    bridge.start()
    ack = f"{ROOT}/truck/t01/incident_ack/p2"
    wait_until(lambda: truck.last(ack) and truck.last(ack)["stage"] == "stored", "stored after the restart")
    truck.say(f"{ROOT}/truck/t01/incident/p2", press(1, "p2"), retain=True)
    wait_until(lambda: truck.last(f"{ROOT}/truck/t01/ack"), "the number is acknowledged")
    found = wait_until(  # the picture follows the ack by up to a second
        lambda: [i for i in bridge.get("/api/v1/incidents") if i["incident_id"] == "p2"], "on the screen"
    )
    assert len(found) == 1


def _said(truck: Client, topic: str, body: dict[str, Any] | bytes, qos: int = 1) -> bool:
    try:
        truck.say(topic, body, qos=qos)
    except RuntimeError:  # not connected at this moment, or no more
        return False
    return True


def test_nobody_speaks_for_another(area: tuple[BridgeProcess, Client, Client]) -> None:
    """What the truck publishes as another device never arrives; a payload that names another is refused."""
    bridge, truck, _ = area
    truck.say(f"{ROOT}/truck/t02/fix", fix(1))
    truck.say(f"{ROOT}/room/r01/keeper", {"boot": 1, "seq": 2, "at": None, "event": "lane_clear"})
    truck.say(f"{ROOT}/truck/t01/fix", fix(1, device="t02"))
    _said(truck, f"{ROOT}/truck/t01/fix", b"x" * 1_000_000, qos=0)  # the broker cuts who says so much
    wait_until(lambda: _said(truck, f"{ROOT}/truck/t01/fix", fix(2)), "the truck is back")
    wait_until(lambda: truck.last(f"{ROOT}/truck/t01/ack"), "the good one is acknowledged")
    assert truck.last(f"{ROOT}/truck/t01/ack")["acks"] == [{"boot": 1, "upto": 0, "also": [[2, 2]]}]
    counts = wait_until(
        lambda: (c := bridge.get("/api/v1/picture")["data"]["counts"]).get("received", 0) >= 2 and c, "all are counted"
    )
    assert counts["refused"] == 1
    assert all(t["fix_at"] is None for t in bridge.get("/api/v1/trucks") if t["truck"] == "t02")
