"""Mosquitto as a child process with a generated configuration, for the demo, the tests and a one-machine set-up.

Every account may speak only for the device it names (access_list.py). The child dies with its parent, however that
ends.
"""

import base64
import ctypes
import hashlib
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from broker.mqtt.access_list import access_list, families_of
from broker.mqtt.mosquitto_conf import DATABASE, LOG, BrokerLimits, configuration

log = logging.getLogger("zhanpai.embedded")

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0
LOG_BYTES = 1_000_000
PBKDF2_ROUNDS = 101  # Mosquitto's own default; accounts here are long random keys, not words


class EmbeddedBrokerError(RuntimeError):
    """The broker could not be started; the text says why and what to do next."""


def find_mosquitto() -> Path | None:
    """The Mosquitto program of this machine (also where a user's PATH has no sbin), or None."""
    found = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def password_line(user: str, password: str) -> str:
    """One line of a Mosquitto password file (PBKDF2-SHA512)."""
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, PBKDF2_ROUNDS)
    return f"{user}:$7${PBKDF2_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def die_with_parent() -> None:
    """Ask Linux to end this (child) process when its parent ends; used as `preexec_fn`."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1 = PR_SET_PDEATHSIG


class EmbeddedBroker:
    """One Mosquitto child on `host:port`; `accounts` maps user names (device ids, `bridge-<area>`) to passwords.

    A device that is not one of `rooms` is a truck, unless its account is named `room/<id>`; AccountError for what is no id.

    `folder` keeps configuration, accounts, retained messages and sessions over restarts.
    """

    _LOG = LOG
    guarded = True  # whether SIGHUP makes it read its accounts anew

    def __init__(
        self, folder: Path, area: str, accounts: Mapping[str, str], *, rooms: Collection[str] = (),
        host: str = "127.0.0.1", port: int = 0, bridge: str = "", limits: BrokerLimits | None = None,
    ) -> None:  # fmt: skip
        self.folder = folder.resolve()
        self.area = area
        self.host = host
        self.port = port or free_port(host)
        self.limits = limits or BrokerLimits()
        self.families = families_of(accounts, area, rooms, bridge)
        self._bridge = bridge
        self._accounts = {account.rpartition("/")[2]: password for account, password in accounts.items()}
        self._account_lines = {user: password_line(user, key) for user, key in sorted(self._accounts.items())}
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The child's process id; raises EmbeddedBrokerError when it does not run."""
        if self._child is None:
            raise EmbeddedBrokerError("the embedded broker is not running; call start() first")
        return self._child.pid

    def start(self) -> None:
        """Start the child and return when it accepts connections; raises EmbeddedBrokerError with its log."""
        command = self._command()
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as why:
                raise EmbeddedBrokerError(
                    f"{self.host}:{self.port} cannot be used ({why.strerror}): stop what listens, or set another port"
                ) from why
        self._write_files()
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._child.poll() is not None:
                break
            try:
                socket.create_connection((self.host, self.port), timeout=0.5).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        self.kill()
        raise EmbeddedBrokerError(
            f"the broker did not start on {self.host}:{self.port}; its log {self.folder / self._LOG} ends with: "
            + self._log_end()
        )

    def stop(self) -> None:
        """End the child in order (it saves sessions and retained messages); does nothing if it does not run."""
        if self._child is None:
            return
        self._child.send_signal(signal.SIGCONT)
        self._child.terminate()
        try:
            self._child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._child = None

    def kill(self) -> None:
        """End the child as a power cut would."""
        if self._child is not None:
            self._child.kill()
            self._child.wait(STOP_TIMEOUT_S)
            self._child = None

    def signal(self, number: int) -> None:
        """Send a signal to the child, e.g. SIGSTOP for a frozen broker."""
        os.kill(self.pid, number)

    def _command(self) -> list[str]:
        program = find_mosquitto()
        if program is None:
            raise EmbeddedBrokerError("Mosquitto is not installed; run: apt-get install mosquitto")
        return [str(program), "-c", str(self.folder / "mosquitto.conf")]

    def admit(self, *, closed: Collection[str], instead: Mapping[str, str] | None = None) -> None:
        """Let everybody in but these accounts, and those by another password; who is in and should not be is put out."""
        others = [password_line(user, password) for user, password in (instead or {}).items()]
        open_lines = [line for user, line in self._account_lines.items() if user not in closed]
        path = self.folder / "accounts"
        with path.with_suffix(".new").open("w", encoding="utf-8") as new:
            os.chmod(new.fileno(), 0o600)
            new.write("".join(line + "\n" for line in [*open_lines, *others]))
        path.with_suffix(".new").replace(path)
        self.signal(signal.SIGHUP)

    @property
    def log_path(self) -> Path:
        """What it says."""
        return self.folder / self._LOG

    def keep_log_small(self) -> None:
        """Cut its log when that has become long."""
        if self.log_path.stat().st_size > LOG_BYTES:
            os.truncate(self.log_path, 0)

    def _write_files(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = self.folder / DATABASE
        if kept.is_file() and kept.stat().st_size > self.limits.database_bytes:
            aside = kept.with_name(f"{kept.name}.set-aside")
            kept.replace(aside)
            log.warning("%s is larger than the broker can load within [limits] broker_memory_mb: kept as %s, and what it "
                        "held is told again", kept, aside)  # fmt: skip
        for name, text, mode in (
            ("accounts", "".join(line + "\n" for line in self._account_lines.values()), 0o600),
            ("acl", access_list(self.area, self.families, self._bridge), 0o600),
            ("mosquitto.conf", configuration(self.folder, self.host, self.port, self.limits), 0o644),
        ):
            path = self.folder / name
            path.touch(mode=mode)
            path.chmod(mode)
            path.write_text(text, encoding="utf-8")

    def _log_end(self) -> str:
        try:
            return (self.folder / self._LOG).read_text(encoding="utf-8", errors="replace")[-400:].strip()
        except OSError:
            return "(no log)"


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
