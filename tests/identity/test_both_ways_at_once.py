"""A truck under TLS says and hears much at the same time, from two threads, on one connection."""

import threading
from pathlib import Path

import pytest

from firmware import wire
from firmware.truck.events import Publish
from firmware.truck.link import Broker, Link
from tests.support.identity.street import street
from tests.support.processes import Client, wait_until

MESSAGES = 400


@pytest.mark.real
def test_the_connection_stands_while_both_sides_speak(tmp_path: Path) -> None:
    """OpenSSL ends a connection that is read by one thread and written by another; ours is not."""
    with street(tmp_path, "t01") as here:
        proof = here.certified("t01")
        command, life, fix = (wire.topic(name, "xh", "t01", family="truck") for name in ("command", "life", "fix"))
        bridge = Client(here.broker.port, "bridge-xh", fix)
        up, downs, heard = threading.Event(), list[str](), list[str]()
        where = Broker(
            "localhost", here.port, "t01", ca_file=here.keys / "ca.pem", cert_file=lambda: proof, key_file=proof
        )
        link = Link(
            where, [command], Publish(life, b"{}", True), up.set, lambda: downs.append("down"),
            lambda topic, _: heard.append(topic),
        )  # fmt: skip
        link.start()
        try:
            assert up.wait(20)

            def speak() -> None:
                for _ in range(MESSAGES):
                    bridge.say(command, b"{}")

            commands = threading.Thread(target=speak)
            commands.start()
            for _ in range(MESSAGES):
                link.publish(Publish(fix, b"{}", False))
            commands.join(60)
            wait_until(lambda: len(heard) == MESSAGES and len(bridge.heard.get(fix, [])) == MESSAGES, "all of it came")
            assert downs == []
        finally:
            link.stop([])
            bridge.close()
