"""The link against a real Mosquitto that is frozen, killed, restarted, or refuses."""

import logging
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firmware import wire
from firmware.truck.events import Publish
from firmware.truck.link import Broker, Link

pytestmark = pytest.mark.real

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
PASSWD = shutil.which("mosquitto_passwd")
LIFE = wire.topic("life", "xh", "t01", family="truck")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition: Callable[[], object], what: str, seconds: float = 10.0) -> None:
    end_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end_s, f"waited {seconds} s in vain for {what}"
        time.sleep(0.02)


class RealBroker:
    """A Mosquitto that can be killed and started again on its port."""

    def __init__(self, folder: Path, extra: str = "allow_anonymous true") -> None:
        self.port = free_port()
        self.config = folder / "m.conf"
        # As root Mosquitto would change its user and could not read the test's own folder.
        user = "user root\n" if os.geteuid() == 0 else ""
        self.config.write_text(f"{user}listener {self.port} 127.0.0.1\n{extra}\npersistence false\n")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [str(MOSQUITTO), "-c", str(self.config)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.answers, "the broker")

    def answers(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(5)
            self.process = None


@pytest.fixture
def broker(tmp_path) -> Iterator[RealBroker]:
    if MOSQUITTO is None:
        pytest.skip("no mosquitto on this machine: apt-get install mosquitto")
    real = RealBroker(tmp_path)
    real.start()
    yield real
    real.kill()


class Witness:
    """A link and what it told."""

    def __init__(
        self, port: int, keepalive_s: int = 2, password: Callable[[], str | None] = lambda: None, pace: float = 0.1
    ) -> None:
        self.told: list[str] = []
        self.messages: list[tuple[str, bytes]] = []
        self.link = Link(
            Broker("127.0.0.1", port, "t01", password),
            wire.subscriptions("truck", "xh", "t01"),
            Publish(LIFE, b'{"life":"lost","boot":1}', True),
            lambda: self.told.append("up"),
            lambda: self.told.append("down"),
            lambda topic, payload: self.messages.append((topic, payload)),
            keepalive_s=keepalive_s,
            back_off_scale=pace,
        )
        self.link.start()


@pytest.fixture
def witness(broker) -> Iterator[Witness]:
    made = Witness(broker.port)
    wait_for(lambda: made.told == ["up"], "the link")
    yield made
    made.link.stop([])


def test_restarted_broker_gets_a_fresh_client_with_subscriptions(broker, witness):
    """After a kill -9 and a restart of the broker the link is up again and hears its topics."""
    broker.kill()
    wait_for(lambda: witness.told == ["up", "down"], "down")
    witness.link.publish(Publish(LIFE, b"while it was away", False))
    broker.start()
    wait_for(lambda: witness.told == ["up", "down", "up"], "up again")
    witness.link.publish(Publish("zp/v1/xh/truck/t01/itinerary", b"heard", False))
    wait_for(lambda: witness.messages, "an echo of our own topic")
    assert witness.messages == [("zp/v1/xh/truck/t01/itinerary", b"heard")]


def test_frozen_broker_is_noticed_and_never_blocks(broker, witness):
    """A broker stopped with SIGSTOP: publish returns at once, the link goes down, and comes back when it wakes."""
    broker.signal(signal.SIGSTOP)
    begin_s = time.monotonic()
    for _ in range(50):
        witness.link.publish(Publish(LIFE, b"x" * 200, False))
    assert time.monotonic() - begin_s < 0.5
    wait_for(lambda: "down" in witness.told, "down", 8)
    broker.signal(signal.SIGCONT)
    wait_for(lambda: witness.told[-1] == "up" and len(witness.told) >= 3, "up again")


def test_absent_broker_is_waited_for(tmp_path):
    """A link begun before its broker comes up when the broker does, and stops quickly when told."""
    if MOSQUITTO is None:
        pytest.skip("no mosquitto on this machine: apt-get install mosquitto")
    before = threading.active_count()
    real = RealBroker(tmp_path)
    witness = Witness(real.port)
    time.sleep(0.3)
    assert witness.told == []
    real.start()
    try:
        wait_for(lambda: witness.told == ["up"], "the link")
    finally:
        real.kill()
        begin_s = time.monotonic()
        witness.link.stop([])
    assert time.monotonic() - begin_s < 5
    wait_for(lambda: threading.active_count() <= before, "its threads have ended")


def test_wrong_password_is_said_once_and_a_corrected_file_is_enough(tmp_path, caplog):
    """A refused password gives one sentence, and the right one in the file is taken without a restart."""
    if MOSQUITTO is None or PASSWD is None:
        pytest.skip("no mosquitto or mosquitto_passwd on this machine: apt-get install mosquitto")
    accounts = tmp_path / "accounts"
    subprocess.run([PASSWD, "-c", "-b", str(accounts), "t01", "right"], check=True, capture_output=True, timeout=10)
    accounts.chmod(0o644)
    real = RealBroker(tmp_path, f"allow_anonymous false\npassword_file {accounts}")
    real.start()
    secret = ["wrong"]
    caplog.set_level(logging.WARNING)
    witness = Witness(real.port, password=lambda: secret[0])
    try:
        wait_for(lambda: caplog.messages, "a complaint")
        time.sleep(0.5)
        assert len(caplog.messages) == 1
        assert "check id and password file" in caplog.messages[0]
        assert "wrong" not in caplog.messages[0].split("check")[0]
        secret[0] = "right"
        wait_for(lambda: witness.told == ["up"], "the link")
    finally:
        witness.link.stop([])
        real.kill()


def test_garbage_from_the_other_side_ends_a_connection_but_not_the_link(tmp_path):
    """A server that answers with rubbish, also after a good CONNACK, is left, and a true broker found later."""
    if MOSQUITTO is None:
        pytest.skip("no mosquitto on this machine: apt-get install mosquitto")
    real = RealBroker(tmp_path)
    dice = random.Random(4)
    witness = None
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", real.port))
        server.listen()
        server.settimeout(8)
        witness = Witness(real.port, pace=0.005)
        for number in range(8):
            client, _ = server.accept()
            with client:
                client.recv(500)
                welcome = b"\x20\x02\x00\x00" if number % 2 else b""
                client.sendall(welcome + dice.randbytes(300))
    real.start()
    try:
        wait_for(lambda: witness.told[-1:] == ["up"], "the true broker")
        assert witness.link.alive
    finally:
        witness.link.stop([])
        real.kill()


def test_goodbye_is_delivered_before_the_disconnection(broker, witness):
    """The last messages reach the broker, and the will does not overwrite them."""
    witness.link.stop([Publish(LIFE, b'{"life":"disconnected","boot":1}', True)])
    again = Witness(broker.port)
    wait_for(lambda: again.told == ["up"], "the link")
    again.link._client.subscribe(LIFE, 1)  # a truck never asks for its own life
    wait_for(lambda: again.messages, "the retained life")
    again.link.stop([])
    assert again.messages == [(LIFE, b'{"life":"disconnected","boot":1}')]
