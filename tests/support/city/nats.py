"""Three NATS nodes of the configuration in packaging/nats, on this machine."""

import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from broker.mqtt.own_broker.child import die_with_parent, free_port
from tests.support.settings.broker import certificate

CONFIGURATION = Path(__file__).resolve().parents[3] / "packaging" / "nats"
FIRST_GOOD = (2, 14, 3)
HOST = "127.0.0.1"
DEVICES_TLS = 'tls { cert_file: "broker.pem", key_file: "broker.key" }'  # the cells of the tests speak without
READY_S = 60.0


def nats_servers() -> list[tuple[tuple[int, ...], str]]:
    """The servers of this machine with their versions, the newest first: that of our environment, and the system's."""
    places = [str(Path(sys.executable).parent / "nats-server"), shutil.which("nats-server") or ""]
    found = []
    for place in places:
        if place and Path(place).exists():
            said = subprocess.run([place, "--version"], capture_output=True, text=True, check=True).stdout
            version = re.search(r"v(\d+)\.(\d+)\.(\d+)", said)
            assert version is not None, said
            found.append((tuple(int(part) for part in version.groups()), place))
    return sorted(found, reverse=True)


class Nodes:
    """Three nodes; `ports` are those for MQTT."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program, self._folder = program, folder
        self._monitors = [free_port() for _ in range(3)]
        own = {8883: [free_port() for _ in range(3)], 6222: [free_port() for _ in range(3)]}  # fmt: skip
        self.ports = own[8883]
        folder.mkdir(parents=True, exist_ok=True)
        certificate(folder, "routes", f"IP:{HOST}")
        for number in range(3):
            text = (CONFIGURATION / f"n{number + 1}.conf").read_text(encoding="utf-8")
            for port, ports in own.items():
                for other in range(3):
                    text = text.replace(f"10.0.0.{other + 1}:{port}", f"{HOST}:{ports[other]}")
            assert "10.0.0." not in text and text.count(DEVICES_TLS) == 1
            text = text.replace(DEVICES_TLS, "").replace(f"{HOST}:4222", f"{HOST}:{free_port()}")
            monitor = f"\nhttp: {HOST}:{self._monitors[number]}\n"
            (folder / f"n{number + 1}.conf").write_text(text + monitor, encoding="utf-8")
        self._nodes: list[subprocess.Popen[bytes] | None] = [None, None, None]

    def start(self, accounts: str) -> None:
        """All three with these accounts; returns when they are one."""
        (self._folder / "accounts.conf").write_text(accounts, encoding="utf-8")
        for number in range(3):
            self.start_one(number)
        deadline = time.monotonic() + READY_S
        while not all(self._is_healthy(number) for number in range(3)):
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)

    def start_one(self, number: int) -> None:
        """A node by its number from 0."""
        with (self._folder / "log").open("ab") as log:
            self._nodes[number] = subprocess.Popen(
                [self._program, "-c", f"n{number + 1}.conf"], cwd=self._folder, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=die_with_parent,
            )  # fmt: skip

    def kill(self, number: int) -> None:
        """kill -9."""
        node = self._nodes[number]
        assert node is not None
        node.kill()
        node.wait(10)
        self._nodes[number] = None

    def said(self) -> str:
        """The end of what they said."""
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")[-1500:]

    def close(self) -> None:
        """End all."""
        for number, node in enumerate(self._nodes):
            if node is not None:
                self.kill(number)

    def _is_healthy(self, number: int) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self._monitors[number]}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
