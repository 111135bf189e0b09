"""A throw-away PostgreSQL for tests: Debian's server on a free port of 127.0.0.1, run by an unprivileged user."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))


class NoPostgresError(Exception):
    """There is no server to start here; the text says why."""


def _user_prefix() -> list[str]:
    if os.geteuid() != 0:
        return []
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        raise NoPostgresError("running as root and there is no user postgres to start the server as") from None
    return ["runuser", "-u", "postgres", "--"]


class Server:
    """One server in a folder of its own; `address` is of its database, without a password."""

    def __init__(self, folder: Path) -> None:
        if not BINARIES:
            raise NoPostgresError("no /usr/lib/postgresql/*/bin/postgres: apt-get install postgresql")
        prefix = _user_prefix()
        if prefix:
            shutil.chown(folder, "postgres")
        self._folder, self._data, binaries = folder, folder / "data", BINARIES[-1].parent
        self._quiet = {"check": True, "timeout": 60, "stdout": subprocess.DEVNULL, "cwd": "/"}
        self._control = [*prefix, binaries / "pg_ctl", "-D", self._data, "-w", "-t", "30"]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        subprocess.run(
            [*prefix, binaries / "initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
             "--no-sync"], **self._quiet,
        )

    def start(self) -> None:
        """Start it; returns when it answers."""
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder} "
            "-c max_connections=40"
        )
        subprocess.run([*self._control, "-o", options, "-l", self._folder / "log", "start"], **self._quiet)

    def stop(self, *, check: bool = True) -> None:
        """Stop it as a power cut would."""
        subprocess.run([*self._control, "-m", "immediate", "stop"], **{**self._quiet, "check": check})


@contextmanager
def stopped_server() -> Iterator[Server]:
    """A fresh server that is not started yet; stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="zp-pg-"))
    try:
        server = Server(folder)
        try:
            yield server
        finally:
            server.stop(check=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a fresh database, without a password; stopped and removed at the end."""
    with stopped_server() as server:
        server.start()
        yield server.address
