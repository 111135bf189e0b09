"""A bridge with a broker of its own, and the press of a truck that signs in with its generated password."""

import json
import time
import urllib.error
from pathlib import Path
from typing import Any

from broker.mqtt.own_broker.child import free_port
from tests.support.processes import BridgeProcess, Client, wait_until

SLOW_S = 60.0  # how long a machine under load may take


class OwnBridge(BridgeProcess):
    """A bridge with a broker of its own, told nothing but that it is to have one."""

    def __init__(self, folder: Path, extra: str = "") -> None:
        self.mqtt_port = free_port()
        super().__init__(folder, self.mqtt_port)
        (folder / "secret").unlink()
        (folder / "broker.toml").write_text(
            f'[area]\nplan = "demo"\n[mqtt]\nport = {self.mqtt_port}\n[embedded]\nenabled = true\n'
            f"[web]\nport = {self.port}\n{extra}"
        )

    @property
    def passwords(self) -> Path:
        """Where the generated passwords are."""
        return self.folder / "data" / "mosquitto" / "passwords"

    def truck(self, *topics: str) -> Client:
        """t01 with its generated password."""
        lines = dict(line.split(":", 1) for line in self.passwords.read_text().splitlines())
        return Client(self.mqtt_port, "t01", *topics, password=lines["t01"])

    def broker_pid(self) -> int:
        """The embedded broker's process id; 0 while there is none."""
        assert self.child is not None
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == self.child.pid:
                    return int(stat.parent.name)
            except OSError:
                continue
        return 0

    def health(self) -> tuple[int, dict[str, Any]]:
        """Code and body of /healthz."""
        try:
            return 200, self.get("/healthz")
        except urllib.error.HTTPError as why:
            return why.code, json.load(why)

    def words(self) -> set[str]:
        """The reasons that /healthz names."""
        return {row["word"] for row in self.health()[1]["reasons"]}


def press(number: int) -> tuple[str, dict[str, Any]]:
    """A press of t01: its topic and body."""
    incident = f"t01-1-{number}"
    body = {
        "boot": 1, "seq": number, "incident_id": incident, "reason": "breakdown", "pressed_at": int(time.time()),
        "lat": None, "lon": None, "fix_at": None, "withdrawn": False,
    }  # fmt: skip
    return incident, body


def stored(truck: Client, number: int) -> None:
    """Press, and wait until the bridge says that it is stored."""
    incident, body = press(number)
    truck.say(f"zp/v1/xh/truck/t01/incident/{incident}", body, retain=True)
    ack = f"zp/v1/xh/truck/t01/incident_ack/{incident}"
    wait_until(lambda: (truck.last(ack) or {}).get("stage") == "stored", f"press {number} is stored", SLOW_S)
