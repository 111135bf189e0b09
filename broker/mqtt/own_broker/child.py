"""A broker as a child process: started when its port answers, quoted when it fails, its spoiled file set aside.

What a broker keeps (retained messages, queues) is told again by bridge and devices; so a file of its that it cannot
read is moved out of its way and never the reason that nobody can speak.
"""

import ctypes
import logging
import math
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

log = logging.getLogger("zhanpai.embedded")

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0
UNGREETED = b"\xc0\x00"  # a PINGREQ, which no broker takes from somebody who has not said CONNECT
PORTS = range(20_000, 32_000)  # below those that the system gives to whoever calls out
PORT_FREE_S = 3.0  # a predecessor whose bridge was killed saves its file before it goes
LOG_BYTES = 1_000_000
QUOTED = 400  # characters of what it said last
MOST_NOTES = 10
NOTED_S = 3600.0  # how long a person is shown what happened


class EmbeddedBrokerError(RuntimeError):
    """The broker could not be started; the text says why and what to do next."""


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on now, and that nobody who calls out is given before it is listened on."""
    for port in secrets.SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket(family_of(host)) as probe:
            try:
                probe.bind((host, port))
                return port
            except OSError:
                continue
    raise EmbeddedBrokerError(f"no port between {PORTS[0]} and {PORTS[-1]} is free: end what holds them")


def family_of(host: str) -> socket.AddressFamily:
    """How an address of this form is listened on."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def die_with_parent() -> None:
    """Ask Linux to end this (child) process when its parent ends; used as `preexec_fn`."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1 = PR_SET_PDEATHSIG


def how_ended(code: int) -> str:
    """How a process ended, of its return code as `subprocess` has it: the name of the signal, or its exit code."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"by {signal.Signals(-code).name}"
    except ValueError:
        return f"by signal {-code}"


class BrokerChild:
    """One child on `host:port` with its files in `folder`; a kind of broker says its command and writes its files."""

    KEPT = "mosquitto.db"  # what it keeps over restarts, in `folder`
    start_timeout_s = START_TIMEOUT_S

    def __init__(self, folder: Path, host: str, port: int) -> None:
        self.folder = folder.resolve()
        self.host = host
        self.port = port or free_port(host)
        self._notes: dict[str, float] = {}  # what a person should know of this broker, until when (monotonic)
        self.choked = ""  # why it runs and is of no use, and only a new start helps
        self._child: subprocess.Popen[bytes] | None = None
        self.said_from = 0  # where in the log this child begins
        self._own_folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def notes(self) -> list[str]:
        """What a person should know of this broker now, the newest last."""
        return [text for text, until in list(self._notes.items()) if time.monotonic() < until]

    @property
    def pid(self) -> int:
        """The child's process id; raises EmbeddedBrokerError when it does not run."""
        if self._child is None:
            raise EmbeddedBrokerError("the embedded broker is not running; call start() first")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the child is there, frozen or not."""
        return self._child is not None and self._child.poll() is None

    def ended(self) -> str:
        """How the child ended."""
        code = self._child.poll() if self._child is not None else None
        return "not started" if code is None else how_ended(code)

    def start(self) -> None:
        """Start the child and return when it accepts connections; raises EmbeddedBrokerError with what it said."""
        self.must_be_free(self.host, self.port)
        try:
            self._lay_out()
        except OSError as why:
            self._move_out(why)
        kept = self.folder / self.KEPT
        if kept.is_symlink() or (kept.exists() and (not kept.is_file() or kept.stat().st_size == 0)):
            self.set_aside(kept)  # with such a one it would start, and never save
        if self._comes_up():
            return
        said = self.said()
        if kept.exists() and (aside := self._move_aside(kept)) is not None:
            if self._comes_up():
                self._tell_aside(kept, aside)
                return
            aside.rename(kept)  # that was not the reason
        raise EmbeddedBrokerError(f"the broker did not start on {self.host}:{self.port}; it said: {said}")

    def stop(self) -> None:
        """End the child in order (it saves sessions and retained messages); does nothing if it does not run."""
        if self._child is not None:
            self._child.send_signal(signal.SIGCONT)
            self._child.terminate()
            try:
                self._child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                try:
                    self.kill()
                except EmbeddedBrokerError as why:  # it goes when its disk answers; nobody waits for that
                    log.warning("%s", why)
            self._child = None
        if self._own_folder is not None:
            self._own_folder.cleanup()
            self._own_folder = None

    def kill(self) -> None:
        """End the child as a power cut would; raises EmbeddedBrokerError where it does not end."""
        if self._child is not None:
            self._child.kill()
            try:
                self._child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired as why:
                raise EmbeddedBrokerError("the broker was killed and does not end: its disk may hang") from why
            self._child = None

    def signal(self, number: int) -> None:
        """Send a signal to the child, e.g. SIGSTOP for a frozen broker."""
        os.kill(self.pid, number)

    def said(self) -> str:
        """The end of what this child said on its standard error."""
        try:
            with self.log_path.open("rb") as lines:
                lines.seek(max(self.said_from, lines.seek(0, os.SEEK_END) - QUOTED))
                return lines.read().decode(errors="replace").strip() or "nothing"
        except OSError:
            return "nothing that could be kept"

    def keep_log_small(self) -> None:
        """Cut what it said when that has become long; the last of it stays beside it."""
        try:
            if self.log_path.stat().st_size > LOG_BYTES:
                shutil.copyfile(self.log_path, self.log_path.with_suffix(".log.1"))
                os.truncate(self.log_path, 0)
                self.said_from = 0
        except OSError:
            pass  # a full disk: it is tried again

    @property
    def log_path(self) -> Path:
        """Where what it says is kept."""
        return self.folder / "broker.log"

    def command(self) -> list[str]:
        """What is to be run; raises EmbeddedBrokerError where it is not installed."""
        raise NotImplementedError

    def write_files(self) -> None:
        """Write what it reads into `folder`, anew at each start; raises OSError."""
        raise NotImplementedError

    def keep_files(self) -> None:
        """Write anew what is missing of its files while it runs; raises OSError."""

    def look_at_revoked(self) -> None:
        """Shut out whom an authority has named since the last look, where the broker knows one; raises OSError."""

    def _lay_out(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.write_files()
        self.log_path.touch()

    def _move_out(self, why: OSError) -> None:
        """Its folder takes nothing (read only, full): it runs from a folder of its own, and forgets at its end."""
        if self._own_folder is not None:
            raise EmbeddedBrokerError(f"{self.folder} cannot be written ({why.strerror})") from why
        was = self.folder
        try:
            self._own_folder = tempfile.TemporaryDirectory(prefix="zhanpai-broker-", ignore_cleanup_errors=True)
            self.folder = Path(self._own_folder.name)
            self._lay_out()
        except OSError as also:
            raise EmbeddedBrokerError(
                f"[embedded] folder: {was} cannot be written ({why.strerror}), nor can {also.filename} "
                f"({also.strerror}); make room, or correct path or mode"
            ) from also
        self.tell(
            f"[embedded] folder: {was} cannot be written ({why.strerror}); the broker runs from {self.folder} until "
            "it ends: make room, or correct path or mode"
        )

    def must_be_free(self, host: str, port: int) -> None:
        """Wait a moment until nobody listens there; raises EmbeddedBrokerError."""
        deadline = time.monotonic() + PORT_FREE_S
        while True:
            with socket.socket(family_of(host)) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((host, port))
                    return
                except OSError as why:
                    if time.monotonic() > deadline:
                        raise EmbeddedBrokerError(
                            f"{host}:{port} cannot be used ({why.strerror}): stop what listens, or set "
                            "another port"
                        ) from why
            time.sleep(0.1)

    def _comes_up(self) -> bool:
        """Start the child; whether it accepts connections in time. One that does not is ended."""
        with self.log_path.open("ab") as said:
            self.said_from = said.seek(0, os.SEEK_END)
            self.choked = ""
            self._child = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
                preexec_fn=die_with_parent,
                env={name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"},  # ours
            )
        deadline = time.monotonic() + self.start_timeout_s
        while time.monotonic() < deadline and self._child.poll() is None:
            if self._answers(deadline):
                return True
            time.sleep(0.02)
        self.kill()
        return False

    def _answers(self, deadline: float) -> bool:
        """Whether it takes a connection and ends one that begins without a greeting.

        Mosquitto listens before it knows what to do on SIGHUP, which would end it until then; who answers is past that.
        """
        try:
            probe = socket.create_connection((self.host, self.port), timeout=0.5)
        except OSError:
            return False
        with probe:
            try:
                probe.sendall(UNGREETED)
                probe.settimeout(max(0.1, deadline - time.monotonic()))
                probe.recv(1)
            except TimeoutError:
                return False
            except OSError:
                pass  # it ended it at once
        return True

    def set_aside(self, kept: Path) -> None:
        """Move its file out of its way, and say so."""
        aside = self._move_aside(kept)
        if aside is not None:
            self._tell_aside(kept, aside)

    def _move_aside(self, kept: Path) -> Path | None:
        """Move its file out of its way, in the place of what was set aside before; None where that cannot be."""
        aside = kept.with_name(f"{kept.name}.set-aside")
        try:
            if aside.is_dir() and not aside.is_symlink():
                shutil.rmtree(aside)
            else:
                aside.unlink(missing_ok=True)
            kept.rename(aside)
        except OSError as why:
            log.warning("%s cannot be moved out of the broker's way: %s", kept, why)
            return None
        return aside

    def _tell_aside(self, kept: Path, aside: Path) -> None:
        self.tell(
            f"the broker cannot read {kept.name}, its own file: kept as {aside}, and what it held is told anew", NOTED_S
        )

    def tell(self, text: str, for_s: float = math.inf) -> None:
        """A person should know this of the broker: it is in the log, and once on the screen, the newest last."""
        log.warning("%s", text)
        kept = [(note, until) for note, until in self._notes.items() if note != text]
        self._notes = dict([*kept, (text, time.monotonic() + for_s)][-MOST_NOTES:])
