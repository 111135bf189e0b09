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


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a fresh database, without a password; stopped and removed at the end."""
    if not BINARIES:
        raise NoPostgresError("no /usr/lib/postgresql/*/bin/postgres: apt-get install postgresql")
    binaries, prefix = BINARIES[-1].parent, _user_prefix()
    folder = Path(tempfile.mkdtemp(prefix="zp-pg-"))
    try:
        if prefix:
            shutil.chown(folder, "postgres")
        data = folder / "data"
        quiet = {"check": True, "timeout": 60, "stdout": subprocess.DEVNULL, "cwd": "/"}
        subprocess.run(
            [*prefix, binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
            **quiet,
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c max_connections=40"
        control = [*prefix, binaries / "pg_ctl", "-D", data, "-w", "-t", "30"]
        subprocess.run([*control, "-o", options, "-l", folder / "log", "start"], **quiet)
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **{**quiet, "check": False})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
