"""What the bridge says of its own health: the store, and the way to the broker."""

import time
import urllib.error
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from broker.process import Desk
from broker.web.api.app import build_app
from broker.web.picture import LINK_LOST_S, snapshot
from tests.support.bridge.morning import Morning
from tests.support.processes import BridgeProcess, mosquitto, wait_until


def test_a_broker_that_is_gone_is_ill_health(tmp_path: Path) -> None:
    """A restart of the broker alarms nobody; after some seconds /healthz is 503, and the metric is 0 at once."""
    morning = Morning(tmp_path / "records")
    desk = Desk()
    client = TestClient(build_app(desk, morning.store, []))

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
    morning = Morning(tmp_path / "records")
    desk = Desk()
    desk.show(snapshot(morning.bridge, morning.now))
    client = TestClient(build_app(desk, morning.store, []))
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


@pytest.mark.real
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


@pytest.mark.real
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
