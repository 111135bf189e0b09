"""What the bridge says of its own health: the store, and the way to the broker."""

import time
import urllib.error
from pathlib import Path

import pytest

from broker.mqtt.link import PING_S
from broker.process import Desk
from broker.web.view.health import HEARTBEAT_LOST_S, LINK_LOST_S, LOOP_STUCK_S, PICTURE_OLD_S, SILENT_S, Way
from broker.web.view.picture import snapshot
from tests.support.bridge.morning import Morning
from tests.support.people import screen_of
from tests.support.processes import BridgeProcess, mosquitto, wait_until

pytestmark = pytest.mark.real  # tenths of a second each


def test_a_broker_that_is_gone_is_ill_health(tmp_path: Path) -> None:
    """A restart of the broker alarms nobody; after some seconds /healthz is 503, and the metric is 0 at once."""
    morning = Morning(tmp_path / "records", alone=True)
    desk = Desk()
    client = screen_of(desk, morning.store)

    def health(after_s: float) -> tuple[int, bool]:
        desk.show(snapshot(morning.bridge, morning.now + after_s))
        answer = client.get("/healthz")
        return answer.status_code, answer.json()["ok"]

    assert health(3600) == (200, True)
    assert "zhanpai_broker_connected 1.0" in client.get("/metrics").text
    morning.bridge.link_down(morning.now)
    assert health(LINK_LOST_S) == (200, True)
    assert "zhanpai_broker_connected 0.0" in client.get("/metrics").text
    assert health(LINK_LOST_S + 1) == (503, False)
    body = client.get("/healthz").json()
    assert body["link"] == {"up": False, "since_at": int(morning.now)} and body["trouble"] is None
    morning.bridge.link_up(morning.now)
    assert health(3600) == (200, True)
    morning.close()


def test_records_that_are_left_out_are_ill_health(tmp_path: Path) -> None:
    """A row that is not what was written is not shown: whoever watches is told, 503 and a word."""
    morning = Morning(tmp_path / "records", alone=True)
    desk = Desk()
    desk.show(snapshot(morning.bridge, morning.now))
    client = screen_of(desk, morning.store)
    record_id = morning.press("breakdown")
    morning.step()
    assert client.get("/healthz").status_code == 200
    with morning.store.database.writing() as connection:
        connection.execute("UPDATE record SET body = '{}' WHERE row = (SELECT max(row) FROM record)")
    for kind in morning.store.kinds():
        list(morning.store.scan(kind))
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["ok"]) == (503, False), record_id
    assert "is not what was written" in answer.json()["trouble"]
    morning.close()


def reasons_of(morning: Morning, way: Way, after_s: float = 0) -> tuple[int, list[str]]:
    """Code of /healthz and the words of its reasons."""
    desk = Desk()
    desk.show(snapshot(morning.bridge, morning.now + after_s, way))
    answer = screen_of(desk, morning.store).get("/healthz")
    for row in answer.json()["reasons"]:
        assert row["en"] and row["zh"] and "{" not in row["en"] + row["zh"]
    return answer.status_code, [row["word"] for row in answer.json()["reasons"]]


def test_a_broker_that_does_not_answer_or_carry_is_ill_health(tmp_path: Path) -> None:
    """Silent within ten seconds; a heartbeat that does not come back after two are missing; one cause, one reason."""
    morning = Morning(tmp_path / "records", alone=True)
    assert reasons_of(morning, Way(silent_s=4.0, heartbeat_s=9.0)) == (200, [])
    assert reasons_of(morning, Way(silent_s=SILENT_S + 1)) == (503, ["broker_silent"])
    assert reasons_of(morning, Way(heartbeat_s=HEARTBEAT_LOST_S + 1)) == (503, ["heartbeat_lost"])
    assert reasons_of(morning, Way(silent_s=60, heartbeat_s=60)) == (503, ["broker_silent"])
    assert reasons_of(morning, Way(heartbeat_s=None)) == (200, [])
    assert SILENT_S + PING_S + 1 < 10 and LINK_LOST_S + 1 < 10
    morning.bridge.trouble = "no space left"
    assert reasons_of(morning, Way(heartbeat_s=60)) == (503, ["store_trouble"])
    morning.bridge.link_down(morning.now)
    assert reasons_of(morning, Way(why="it refuses us"), 60) == (503, ["link_lost", "store_trouble"])
    morning.close()


def test_what_is_only_worth_knowing_of_the_broker_is_no_ill_health(tmp_path: Path) -> None:
    """A stand-in, a file set aside, a restart: said, and the bridge works."""
    morning = Morning(tmp_path / "records", alone=True)
    assert reasons_of(morning, Way(notes=("the desk's own broker stands in",))) == (200, ["broker_note"])
    morning.close()


def test_a_loop_that_is_stuck_and_a_picture_that_is_old_are_ill_health(tmp_path: Path) -> None:
    """Whoever asks another thread hears it: nothing decided, or nothing shown, for more than ten seconds."""
    morning = Morning(tmp_path / "records", alone=True)
    desk = Desk()
    desk.show(snapshot(morning.bridge, morning.now))
    client = screen_of(desk, morning.store)
    ages = client.get("/healthz").json()["ages"]
    assert set(ages) == {"loop_s", "picture_s", "heartbeat_s"} and ages["loop_s"] < LOOP_STUCK_S
    desk.shown_at -= PICTURE_OLD_S + 1
    assert [row["word"] for row in client.get("/healthz").json()["reasons"]] == ["picture_late"]
    desk.turned_at -= LOOP_STUCK_S + 1
    answer = client.get("/healthz")
    assert (answer.status_code, [row["word"] for row in answer.json()["reasons"]]) == (503, ["loop_stuck"])
    morning.close()


def test_a_killed_broker_is_seen_in_the_picture(tmp_path: Path) -> None:
    """Whoever looks at the bridge sees that its broker died, since when, and that it is back."""
    broker = mosquitto(tmp_path / "mosquitto")
    bridge = BridgeProcess(tmp_path / "bridge", broker.port)
    bridge.start()
    try:
        wait_until(lambda: bridge.get("/api/v1/picture")["link"]["up"], "the link is up")
        killed_at = int(time.time())
        broker.kill()
        picture = wait_until(lambda: (found := bridge.get("/api/v1/picture"))["link"]["up"] is False and found, "down")
        assert killed_at <= picture["link"]["since_at"] <= picture["at"]
        broker.start()
        wait_until(lambda: bridge.get("/api/v1/picture")["link"]["up"], "up again")
        assert bridge.get("/healthz")["ok"] is True
    finally:
        bridge.stop()
        broker.stop()


def test_a_bridge_that_never_found_its_broker_says_so(tmp_path: Path) -> None:
    """From the start on, too."""
    bridge = BridgeProcess(tmp_path / "bridge", 1)
    bridge.start()
    try:
        assert bridge.get("/api/v1/picture")["link"]["up"] is False
        try:
            assert bridge.get("/healthz")["link"]["up"] is False
        except urllib.error.HTTPError as why:
            assert why.code == 503
    finally:
        bridge.stop()
