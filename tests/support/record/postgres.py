"""A throw-away PostgreSQL for tests, the same that a simulated city has."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.city.postgres import NoPostgresError
from sim.city.postgres import Postgres as Server

__all__ = ["NoPostgresError", "Server", "postgres_server", "stopped_server"]


@contextmanager
def stopped_server() -> Iterator[Server]:
    """A fresh server that is not started yet; stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="zp-pg-"))
    try:
        folder.chmod(0o711)  # the server runs as another user
        server = Server(folder / "server")
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a fresh database, without a password; stopped and removed at the end."""
    with stopped_server() as server:
        server.start()
        yield server.address
