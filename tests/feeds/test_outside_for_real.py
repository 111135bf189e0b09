"""A press reaches people outside: from a real bridge to the receiver of the operator's page, over kills."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from broker.feeds.outside.outbox import Waiting
from broker.feeds.outside.webhook import WebhookSink
from broker.mqtt.own_broker.child import die_with_parent, free_port
from tests.support.outside import SECRET, receiver, secret_in
from tests.support.processes import REPO, BridgeProcess, Client, mosquitto, offset_to, wait_until
from tests.support.settings.broker import HERE, THERE, certificate, tls_server

pytestmark = pytest.mark.real


def press(truck: Client, bridge: BridgeProcess, number: int) -> None:
    """t01's driver holds the button."""
    body = {
        "boot": 1, "seq": number, "incident_id": f"p{number}", "reason": "lane_blocked", "pressed_at": None,
        "lat": 31.19, "lon": 121.43, "fix_at": None, "withdrawn": False,
    }
    truck.say(f"zp/v1/xh/truck/t01/incident/p{number}", body, retain=True)


def outside(port: int, more: str = "") -> str:
    """The part of broker.toml for one receiver on this machine."""
    return (
        f'[outside]\nfolder = "outside"\n[[outside.receiver]]\nname = "phones"\nurl = "http://127.0.0.1:{port}/in"\n'
        f'secret_file = "own/secret"\ninside = ["127.0.0.1"]\n{more}'
    )


def test_the_receiver_of_the_operators_page_hears_a_press_and_what_became_of_it(tmp_path: Path) -> None:
    """As it is written there; and the file has the same, with the same ids."""
    page = (REPO / "docs" / "operator.md").read_text()
    (written,) = re.findall(r"```python\n(import http\.server.*?)```", page, re.DOTALL)
    assert len(written.splitlines()) <= 25
    (tmp_path / "receiver.py").write_text(written)
    secret_in(tmp_path)
    secret_in(tmp_path / "bridge" / "own")
    port = free_port()
    with (tmp_path / "said").open("wb") as said:
        child = subprocess.Popen([sys.executable, "receiver.py", str(port)], cwd=tmp_path, stdout=said,
                                 preexec_fn=die_with_parent)  # fmt: skip
    broker = mosquitto(tmp_path / "mosquitto", "t01")
    more = '[[outside.receiver]]\nname = "files"\nfolder = "files"\nevents = ["alarm"]\n'
    bridge = BridgeProcess(tmp_path / "bridge", broker.port, outside(port, more), offset_to(3))
    try:
        bridge.start()
        truck = Client(broker.port, "t01")
        press(truck, bridge, 1)
        heard = wait_until(lambda: (tmp_path / "said").read_text(), "the receiver says what it heard")
        assert heard.startswith("alarm.opened 清运车 t01 报警")
        path = "/api/v1/incidents/p1/acknowledge?truck=t01"
        bridge.post(path, {"version": bridge.get("/api/v1/incidents")[0]["version"]})
        wait_until(lambda: "alarm.acknowledged" in (tmp_path / "said").read_text(), "that it was seen is heard too")
        truck.close()

        def in_file() -> list[dict[str, Any]]:
            files = list((tmp_path / "bridge" / "files").glob("2026-11-23.jsonl"))
            return [json.loads(line) for file in files for line in file.read_text().splitlines()]

        wait_until(lambda: len(in_file()) >= 2, "the file has both")
        assert [row["type"] for row in in_file()][:2] == ["alarm.opened", "alarm.acknowledged"]
        assert "Wang" not in json.dumps(in_file())
        state = {row["name"]: row for row in bridge.get("/healthz")["outside"]}
        assert state["phones"]["waiting"] == 0 and state["phones"]["delivered"] >= 2
    finally:
        bridge.stop()
        broker.stop()
        child.kill()
        child.wait(10)


def test_what_nobody_took_survives_kills_and_comes_once_with_one_id(tmp_path: Path) -> None:
    """The receiver is away, the bridge is killed twice; then all of it arrives, each fact under one id."""
    secret_in(tmp_path / "bridge" / "own")
    port = free_port()
    broker = mosquitto(tmp_path / "mosquitto", "t01")
    bridge = BridgeProcess(tmp_path / "bridge", broker.port, outside(port), offset_to(3))
    try:
        bridge.start()
        truck = Client(broker.port, "t01")
        waiting = tmp_path / "bridge" / "outside" / "phones" / "waiting"
        for number in (1, 2):
            press(truck, bridge, number)
            wait_until(lambda n=number: len(list(waiting.glob("*.json"))) >= n, "it waits on the disk")
            bridge.kill()
            bridge.start()
        with receiver(port=port) as received:
            def opened() -> list[tuple[str, str]]:
                return [(key, message["data"]["incident_id"]) for key, message in list(received.messages)
                        if message["type"] == "alarm.opened"]  # fmt: skip

            wait_until(lambda: {"p1", "p2"} <= {name for _, name in opened()}, "both arrive")
            bridge.kill()
            bridge.start()
            press(truck, bridge, 3)
            wait_until(lambda: "p3" in {name for _, name in opened()}, "the third arrives")
            assert len(set(opened())) == 3, "each fact has one id, however often it came"
        truck.close()
    finally:
        bridge.stop()
        broker.stop()


def test_a_receiver_behind_tls_must_show_a_good_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that nobody signed is left; by an authority that is named it is told; a name that is not in it is not it."""
    own = certificate(tmp_path, "one")
    body = Waiting("msg_1", 1, b'{"type":"test"}')
    with receiver(host=HERE, tls=tls_server(own)) as received:
        place = f"https://{HERE}:{received.port}/"
        refused = WebhookSink(place, [SECRET], [HERE]).deliver(body)
        assert refused.what == "in_vain" and "certificate is not good" in refused.why
        monkeypatch.setenv("SSL_CERT_FILE", str(own))
        assert WebhookSink(place, [SECRET], [HERE]).deliver(body).what == "delivered"
        assert received.types == ["test"]
    with receiver(host=THERE, tls=tls_server(own)) as received:
        wrong = f"https://{THERE}:{received.port}/"
        assert "certificate is not good" in WebhookSink(wrong, [SECRET], [THERE]).deliver(body).why
        assert received.messages == []
