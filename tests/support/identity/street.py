"""An area whose devices show certificates: its authority, its Mosquitto under TLS, and small clients of it."""

import io
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from broker.mqtt import packets
from broker.mqtt.connection import Connection
from broker.mqtt.own_broker.caretaker import Caretaker
from broker.mqtt.own_broker.child import free_port
from broker.mqtt.own_broker.mosquitto import EmbeddedBroker
from broker.mqtt.own_broker.mosquitto_conf import Outside
from firmware import wire
from tests.support.processes import need_mosquitto
from tools.flashing.authority import BEGINS, load_signer, make_authority
from tools.flashing.commands.main import main
from tools.flashing.identity.identities import Identities, key_pem
from tools.flashing.settings import FlashSettings, load_settings

AREA = "xh"


class Street:
    """A folder with the technician's keys and settings, and a Mosquitto that asks devices for certificates."""

    def __init__(self, folder: Path, *devices: str, password_devices: tuple[str, ...] = ()) -> None:
        need_mosquitto()
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.keys = folder, folder / "keys"
        self.port, self.password_port = free_port(), free_port()
        make_authority(self.keys, AREA, ["127.0.0.1", "localhost"])
        self.identities = Identities(self.keys, AREA)
        self.identities.write_lists()
        self.settings_file = folder / "flash.toml"
        self.settings_file.write_text(
            f'[area]\nid = "{AREA}"\n[broker]\nhost = "127.0.0.1"\ndevice_host = "localhost"\nport = {self.port}\n'
            f'tls = true\nca_file = "keys/ca.pem"\ncertificates = true\npassword_port = {self.password_port}\n'
        )
        names = [f"bridge-{AREA}", f"watch-{AREA}", *devices, *password_devices]
        rooms = [name for name in names if name.startswith("r")]
        outside = Outside(
            "127.0.0.1", self.port, self.keys / "broker.pem", self.keys / "broker.key", self.keys / "ca.pem",
            self.password_port,
        )  # fmt: skip
        accounts = {name: f"pw-{name}" for name in names}
        self.broker = EmbeddedBroker(folder / "broker", AREA, accounts, rooms=rooms, outside=outside)
        self.caretaker = Caretaker(self.broker, time.monotonic)

    @property
    def settings(self) -> FlashSettings:
        """What the technician's tool reads."""
        return load_settings(self.settings_file)

    def family(self, device: str) -> str:
        """`room` for an r, else `truck`."""
        return "room" if device.startswith("r") else "truck"

    def certified(self, device: str) -> Path:
        """A file with a new certificate and key of a device, as a thief would have it."""
        certificate, key = self.identities.issue(self.family(device), device)
        return self.kept(f"{device}-{certificate.serial[:8]}", certificate.pem + key_pem(key))

    def kept(self, name: str, data: bytes) -> Path:
        """A secret file of this name."""
        path = self.folder / f"{name}.pem"
        path.touch(mode=0o600)
        path.write_bytes(data)
        return path

    def authority_der(self) -> bytes:
        """The authority as a board keeps it."""
        return ssl.PEM_cert_to_DER_cert((self.keys / "ca.pem").read_text())

    def flash(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        """(exit code, JSON document, everything printed) of one call of tools/flash.py."""
        out, err = io.StringIO(), io.StringIO()
        code = main([arguments[0], "--settings", str(self.settings_file), "--json", *arguments[1:]], out, err)
        return code, json.loads(out.getvalue() or "{}"), out.getvalue() + err.getvalue()

    def come(self, device: str, proof: Path | None, *, port: int | None = None, password: str | None = None,
             client_id: str | None = None) -> "Guest":  # fmt: skip
        """A connection under TLS; raises OSError or PacketError where it is not let in."""
        context = ssl.create_default_context(cafile=str(self.keys / "ca.pem"))
        if proof is not None:
            context.load_cert_chain(proof)
        return Guest(context, port or self.port, device, self.family(device), password, client_id or device)

    def lets_in(self, device: str, proof: Path | None, **how: Any) -> bool:
        """Whether somebody comes in so, now."""
        try:
            self.come(device, proof, **how).leave()
        except (OSError, packets.PacketError):
            return False
        return True


def untie(area: Identities) -> None:
    """Its list of numbers as it was before it said which names go with it."""
    file, signer = area.folder / "crl.pem", load_signer(area.folder)
    tied = x509.load_pem_x509_crl(file.read_bytes())
    builder = x509.CertificateRevocationListBuilder().issuer_name(tied.issuer)
    builder = builder.last_update(BEGINS).next_update(signer.certificate.not_valid_after_utc)
    for one in tied:
        entry = x509.RevokedCertificateBuilder().serial_number(one.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(one.revocation_date_utc).build())
    made = builder.sign(signer.key, hashes.SHA256())
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))


@contextmanager
def street(folder: Path, *devices: str, **more: Any) -> Iterator[Street]:
    """One that runs, its caretaker with it."""
    made = Street(folder, *devices, **more)
    made.broker.start()
    made.caretaker.start()
    try:
        yield made
    finally:
        made.caretaker.stop()


class Guest:
    """One device's connection; it never comes again by itself."""

    def __init__(
        self, context: ssl.SSLContext, port: int, device: str, family: str, password: str | None, client_id: str
    ) -> None:
        self.device, self.family = device, family
        self._number = 10
        self.heard: list[tuple[str, bytes]] = []
        self._link = Connection("127.0.0.1", port, lambda: False)
        try:
            self._link.secure(context)
            will = (wire.topic("life", AREA, device, family=family), b'{"life":"lost","boot":1}')
            hello = packets.connect(client_id, device, password, 60, True, will)
            packets.must_be_in(self._link.ask(hello, packets.CONNACK)[0])
        except BaseException:
            self._link.close()
            raise

    def subscribe(self, topic: str) -> None:
        """Ask to hear a topic; Mosquitto grants everybody that, and withholds what is not theirs."""
        _, came = self._link.ask(packets.subscribe(1, [(topic, 1)]), packets.SUBACK)
        self.heard += [(name, payload) for name, payload, _ in came]

    def say(self, channel: str, payload: bytes, *, device: str = "", family: str = "") -> None:
        """Publish on a channel of its own, or of another's."""
        self._number += 1
        topic = f"{wire.ROOT}/{AREA}/{family or self.family}/{device or self.device}/{channel}"
        self._link.write(packets.publish(topic, payload, self._number, retained=False))

    def look(self) -> bool:
        """Take what came within a second; whether the connection stands."""
        with suppress(OSError):
            data = self._link.received()
            if data == b"":
                return False
            self.heard += [(topic, payload) for topic, payload, _ in self._link.reader.feed(data or b"")[0]]
            return True
        return False

    def is_answered(self) -> bool:
        """Whether the broker answers a ping on this very connection."""
        self._link.write(packets.PINGREQ)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with suppress(OSError):
                data = self._link.received()
                if data == b"":
                    return False
                came, replies = self._link.reader.feed(data or b"")
                self.heard += [(topic, payload) for topic, payload, _ in came]
                if any(reply.kind == packets.PINGRESP for reply in replies):
                    return True
        return False

    def leave(self) -> None:
        """In order."""
        self._link.write(packets.DISCONNECT)
        self._link.close()


class Thief(threading.Thread):
    """A device that says something all the time, on one connection, and tries to come again when that has ended."""

    def __init__(self, where: Street, device: str, proof: Path) -> None:
        super().__init__(daemon=True)
        self._street, self._device, self._proof = where, device, proof
        self._guest = where.come(device, proof)
        self.let_in_again = 0
        self.refused = 0
        self.said = 0
        self._stopping = threading.Event()

    def run(self) -> None:
        """Until `stop`."""
        guest: Guest | None = self._guest
        while not self._stopping.wait(0.02):
            if guest is None:
                try:
                    guest = self._street.come(self._device, self._proof)
                    self.let_in_again += 1
                except (OSError, packets.PacketError):
                    self.refused += 1
                continue
            self.said += 1
            guest.say("fix", b"stolen %d" % self.said)
            if self.said % 5 == 0 and not guest.look():
                guest = None
        if guest is not None:
            guest.leave()

    def stop(self) -> None:
        """Try no more."""
        self._stopping.set()
        self.join(10)


