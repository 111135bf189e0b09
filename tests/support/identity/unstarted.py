"""The bridge's own Mosquitto without its child: its files are written, its signals counted, its disk may be full."""

import errno
from pathlib import Path

from broker.mqtt.own_broker.child import EmbeddedBrokerError
from broker.mqtt.own_broker.mosquitto import EmbeddedBroker
from broker.mqtt.own_broker.mosquitto_conf import Outside

ACCOUNTS = {name: f"pw-{name}" for name in ("bridge-xh", "t01", "t02")}


class Unstarted(EmbeddedBroker):
    """One whose files are written and whose child is not there; its disk may be full, `full` puts from now on."""

    def __init__(self, folder: Path) -> None:
        keys = folder / "keys"
        outside = Outside("127.0.0.1", 8883, keys / "broker.pem", keys / "broker.key", keys / "ca.pem", 8884)
        super().__init__(folder / "broker", "xh", ACCOUNTS, port=1883, outside=outside)
        self.folder.mkdir(exist_ok=True)
        self.signals = 0
        self.full: set[str] = set()

    def signal(self, number: int) -> None:
        """Counted alone."""
        if "signal" in self.full:
            raise EmbeddedBrokerError("it does not run")
        self.signals += 1

    def _put(self, name: str, text: str, mode: int) -> None:
        if name in self.full:
            raise OSError(errno.ENOSPC, "No space left on device", name)
        # the disk fails at one of its writes
        super()._put(name, text, mode)

    @property
    def denies(self) -> bool:
        """Whether t01 is out by what Mosquitto reads."""
        accounts = (self.folder / "accounts").read_text()
        return "user t01\ntopic deny #" in (self.folder / "acl").read_text() and "t01:" not in accounts
