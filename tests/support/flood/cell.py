"""A whole cell as it stands on a desk: the bridge with its own broker, in a folder, with everybody's accounts."""

import os
from pathlib import Path
from typing import Any

from broker.mqtt.own_broker.child import free_port
from tests.support.flood.attacker import AREA, PASSWORD, ROOM, TRUCK
from tests.support.processes import BridgeProcess, offset_to
from tools.flashing.authority import make_authority
from tools.flashing.identity.identities import Identities, key_pem

OTHERS = ("t02", "t03", "t04", *(f"v{number:02d}" for number in range(1, 18)))  # some with a run, most strangers
HOUR = 6.5  # when the first runs are on their way


class Cell:
    """The bridge's process and its broker's; `extra` goes to the end of broker.toml.

    With `tls` devices show certificates, and `keys` is where theirs are.
    """

    def __init__(self, folder: Path, extra: str = "", *, tls: bool = False) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        accounts = folder / "accounts"
        accounts.write_text("".join(f"{name}:{PASSWORD}\n" for name in (TRUCK, ROOM, *OTHERS)))
        accounts.chmod(0o600)
        own = '[embedded]\nenabled = true\nfolder = "mosquitto"\naccounts = "accounts"\n'
        self.keys = folder / "keys" if tls else None
        if self.keys is not None:
            certify(self.keys, (TRUCK, ROOM, *OTHERS))
            own += 'cert_file = "keys/broker.pem"\nkey_file = "keys/broker.key"\nca_file = "keys/ca.pem"\n'
        own += '[log]\nlevel = "warning"\n'
        self.bridge = BridgeProcess(folder, self.port, own + extra, offset_to(HOUR))

    def start(self) -> None:
        """Start both."""
        self.bridge.start()

    def stop(self) -> None:
        """Stop both in order."""
        self.bridge.stop()

    def attention(self) -> list[dict[str, Any]]:
        """What a person is asked to look at."""
        found: list[dict[str, Any]] = self.bridge.get("/api/v1/picture")["attention"]
        return found

    def memory_mb(self) -> tuple[float, float]:
        """(the bridge's, its broker's) resident memory; 0 for what does not run."""
        child = self.bridge.child
        if child is None or child.poll() is not None:
            return 0.0, 0.0
        children = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
        return _rss_mb(child.pid), max((_rss_mb(int(pid)) for pid in children), default=0.0)

    def disk_mb(self) -> tuple[float, float]:
        """(the record's, its broker's) bytes on the disk."""
        return _size_mb(self.folder / "records"), _size_mb(self.folder / "mosquitto")


def certify(keys: Path, names: tuple[str, ...]) -> None:
    """An authority, and a certificate with its key for each of these devices, as NAME.pem."""
    make_authority(keys, AREA, ["127.0.0.1"])
    area = Identities(keys, AREA)
    area.write_lists()
    for name in names:
        certificate, key = area.issue("room" if name == ROOM else "truck", name)
        (keys / f"{name}.pem").write_bytes(certificate.pem + key_pem(key))


def _rss_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _size_mb(folder: Path) -> float:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:  # renamed meanwhile
            pass
    return total / 1e6
