"""Mosquitto as a child process with a generated configuration, for the demo, the tests and a one-machine set-up.

Every account may speak only for the device it names: the access list is generated from `firmware.wire`, so a
topic that is not on the wire is not allowed either. The child dies with its parent, however that ends.
"""

import base64
import hashlib
import logging
import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from broker.mqtt.child import BrokerChild, EmbeddedBrokerError
from firmware import wire

log = logging.getLogger("zhanpai.embedded")

PBKDF2_ROUNDS = 101  # Mosquitto's own default; accounts here are long random keys, not words

# A bridge that acknowledges after each commit must be allowed more than Mosquitto's 20 messages in flight,
# and a bridge that is away for an hour more than its 1,000 queued ones (messages above are dropped silently).
MAX_INFLIGHT_MESSAGES = 1000
MAX_QUEUED_MESSAGES = 200_000
READERS = ("watch", "technician")
DESK_ONLY = (
    "no Mosquitto here: the desk's own broker stands in, which is not for the street (no TLS, and it forgets what it "
    "holds when it ends). For the street: apt-get install mosquitto"
)


def find_mosquitto() -> Path | None:
    """The Mosquitto program of this machine (also where a user's PATH has no sbin), or None."""
    found = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


def password_line(user: str, password: str) -> str:
    """One line of a Mosquitto password file (PBKDF2-SHA512)."""
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, PBKDF2_ROUNDS)
    return f"{user}:$7${PBKDF2_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def access_list(area: str) -> str:
    """The Mosquitto ACL of an area: the bridge may all, readers only look, a device (`%u`) speak for itself."""
    lines = [f"user bridge-{area}", f"topic readwrite {wire.ROOT}/{area}/#", "topic read $SYS/broker/version", ""]
    for reader in READERS:  # the live table, the technician's tool: they look and say nothing
        lines += [f"user {reader}-{area}", f"topic read {wire.ROOT}/{area}/#", ""]
    for spoken in wire.subscriptions("bridge", area):
        lines.append("pattern write " + spoken.replace("/+/", "/%u/", 1))
    heard = {f for family in ("truck", "room") for f in wire.subscriptions(family, area, "%u")}
    lines += ["pattern read " + topic for topic in sorted(heard)]
    return "\n".join(lines) + "\n"


def configuration(folder: Path, host: str, port: int) -> str:
    """The text of mosquitto.conf for one listener with accounts and access list in `folder`."""
    return "\n".join(
        [
            f"listener {port} {host}",
            "allow_anonymous false",
            f"password_file {folder / 'accounts'}",
            f"acl_file {folder / 'acl'}",
            "use_username_as_clientid true",
            "set_tcp_nodelay true",  # without it an alarm or an ack may wait 40 ms for the packet before it
            "persistence true",
            f"persistence_location {folder}/",
            "autosave_interval 60",
            f"max_inflight_messages {MAX_INFLIGHT_MESSAGES}",
            f"max_queued_messages {MAX_QUEUED_MESSAGES}",
            "memory_limit 536870912",
            "persistent_client_expiration 30d",
            "message_size_limit 1048576",
            *([f"user {_user_name()}"] if os.geteuid() == 0 else []),
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            "log_type notice",
            "",
        ]
    )


def _user_name() -> str:
    import pwd  # only where there is a root who would otherwise be changed into `mosquitto`

    return pwd.getpwuid(os.geteuid()).pw_name


class EmbeddedBroker(BrokerChild):
    """One Mosquitto child on `host:port`; `accounts` maps user names (device ids, `bridge-<area>`) to passwords.

    `folder` keeps configuration, accounts, retained messages and sessions over restarts.
    """

    def __init__(
        self, folder: Path, area: str, accounts: Mapping[str, str], *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        super().__init__(folder, host, port)
        self.area = area
        self._accounts = dict(accounts)

    def command(self) -> list[str]:
        """Mosquitto with its configuration."""
        program = find_mosquitto()
        if program is None:
            raise EmbeddedBrokerError("Mosquitto is not installed; run: apt-get install mosquitto")
        return [str(program), "-c", str(self.folder / "mosquitto.conf")]

    def write_files(self) -> None:
        """Accounts, access list and configuration."""
        accounts = "".join(password_line(user, password) + "\n" for user, password in sorted(self._accounts.items()))
        for name, text, mode in (
            ("accounts", accounts, 0o600),
            ("acl", access_list(self.area), 0o600),
            ("mosquitto.conf", configuration(self.folder, self.host, self.port), 0o644),
        ):
            path = self.folder / name
            path.touch(mode=mode)
            path.chmod(mode)
            path.write_text(text, encoding="utf-8")


class DeskBroker(EmbeddedBroker):
    """The desk's own broker with Mosquitto's files, where there is no Mosquitto."""

    def command(self) -> list[str]:
        """The desk's broker with Mosquitto's configuration."""
        return [sys.executable, "-m", "broker.mqtt.desk_broker", str(self.folder / "mosquitto.conf")]


def choose_broker(
    folder: Path, area: str, accounts: Mapping[str, str], *, host: str = "127.0.0.1", port: int = 0
) -> EmbeddedBroker:
    """Mosquitto where it is installed, else the desk's broker, which notes what it cannot do; not started yet."""
    if find_mosquitto() is not None:
        return EmbeddedBroker(folder, area, accounts, host=host, port=port)
    log.warning("%s", DESK_ONLY)
    chosen = DeskBroker(folder, area, accounts, host=host, port=port)
    chosen.notes.append(DESK_ONLY)
    return chosen


def unsafe_because(version: str) -> list[str]:
    """What is known to be unsafe in a Mosquitto of this `$SYS/broker/version`; an unknown text is named as such."""
    found = re.search(r"mosquitto version (\d+)\.(\d+)\.(\d+)", version)
    if not found:
        return [f"this broker calls itself {version[:60]!r}: only Mosquitto is tested for the street"]
    number = tuple(int(part) for part in found.groups())
    reasons = []
    if number < (2, 0, 0):
        reasons.append("before 2.0 a listener without accounts is open to everybody: install 2.0.11 or later")
    if (2, 0, 12) <= number <= (2, 0, 18):
        reasons.append("2.0.12 to 2.0.18 can lose persistent sessions: install 2.0.11 or 2.0.19 and later")
    return reasons
