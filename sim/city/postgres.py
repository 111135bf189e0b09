"""A PostgreSQL of one's own: Debian's server on a free port of 127.0.0.1, run by an unprivileged user, in a folder.

Run by root it runs as the user `postgres`; the folder that is given outlives `stop` and `kill`.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from broker.mqtt.own_broker.child import die_with_parent, free_port

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
HOST = "127.0.0.1"
WAIT_S = 60
USER = "postgres"
MOST_CONNECTIONS = 100
READY_LINE = 7  # of postmaster.pid
STOPS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}


class NoPostgresError(Exception):
    """There is no server to start here; the text says what to do."""


class Postgres:
    """One server; with a `password` everybody needs it, without one nobody does."""

    def __init__(self, folder: Path, password: str | None = None, *, durable: bool = True) -> None:
        """`folder` is made here; `durable` false is for what nobody will miss after a power cut."""
        if not BINARIES:
            raise NoPostgresError("no /usr/lib/postgresql/*/bin/postgres: apt-get install postgresql")
        self._prefix = _user_prefix()
        self._child: subprocess.Popen[bytes] | None = None
        self._folder = folder
        self._durable = durable
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._prefix:
            shutil.chown(folder, USER)
        self.port = free_port()
        self._prepare(password)

    @property
    def address(self) -> str:
        """Its address, without a password."""
        return self.address_by(self.port)

    @staticmethod
    def address_by(port: int) -> str:
        """Its address through this port of this machine."""
        return f"postgresql://{USER}@{HOST}:{port}/postgres"

    @property
    def pid(self) -> int | None:
        """The server's process; None while it does not run."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def start(self) -> None:
        """Start it, as a child that dies with us, and return when it answers; raises NoPostgresError with its log."""
        log = self._folder / "log"
        settings = {
            "port": self.port, "listen_addresses": HOST, "unix_socket_directories": self._folder,
            "max_connections": MOST_CONNECTIONS, "fsync": "on" if self._durable else "off",
        }  # fmt: skip
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        (self._folder / "data" / "postmaster.pid").unlink(missing_ok=True)
        with log.open("ab") as out:
            self._child = subprocess.Popen(
                [*self._prefix, str(BINARIES[-1]), "-D", str(self._folder / "data"), *options], cwd="/",
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                preexec_fn=None if self._prefix else die_with_parent,
            )  # fmt: skip
        deadline = time.monotonic() + WAIT_S
        while not self._answers():
            if self.pid is None or time.monotonic() > deadline:
                said = log.read_text(encoding="utf-8", errors="replace")[-400:]
                self.stop("immediate")
                raise NoPostgresError(f"PostgreSQL did not start on {HOST}:{self.port}; it said: {said}")
            time.sleep(0.05)

    def stop(self, mode: str = "immediate") -> None:
        """End it, `immediate` as a power cut would; does nothing if it does not run."""
        if self._child is None:
            return
        self._child.send_signal(STOPS[mode])
        try:
            self._child.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait(WAIT_S)
        self._child = None

    def _answers(self) -> bool:
        try:
            lines = (self._folder / "data" / "postmaster.pid").read_text(encoding="ascii").split("\n")
        except OSError:
            return False
        return len(lines) > READY_LINE and lines[READY_LINE].strip() == "ready"

    def _prepare(self, password: str | None) -> None:
        how = ["-A", "trust"]
        with tempfile.NamedTemporaryFile("w", dir=self._folder, encoding="ascii") as file:
            if password is not None:
                file.write(password)
                file.flush()
                if self._prefix:
                    shutil.chown(file.name, USER)
                how = ["-A", "scram-sha-256", "--pwfile", file.name]
            self._run("initdb", "-D", str(self._folder / "data"), "-U", USER, "-E", "UTF8", "--no-sync", *how)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._prefix, str(BINARIES[-1].parent / program), *arguments], check=True, timeout=WAIT_S, cwd="/",
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip


def password_file(folder: Path) -> tuple[Path, str]:
    """A fresh password in a file that only its owner reads."""
    path, password = folder / "postgres.key", secrets.token_urlsafe(18)
    path.touch(mode=0o600)
    path.write_text(password, encoding="ascii")
    return path, password


def _user_prefix() -> list[str]:
    if os.geteuid() != 0:
        return []
    try:
        pwd.getpwnam(USER)
    except KeyError:
        raise NoPostgresError(f"running as root and there is no user {USER} to start the server as") from None
    # A process that becomes another user forgets that it was to die with its parent: setpriv says it afterwards.
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", "--pdeathsig=INT", "--"]

