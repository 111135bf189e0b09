"""A throw-away PostgreSQL for tests, the same that a simulated city has."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.city.postgres import NoPostgresError, Postgres

__all__ = ["NoPostgresError", "postgres_server"]


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a fresh database, without a password; stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="zp-pg-"))
    try:
        folder.chmod(0o755)  # the server runs as another user
        server = Postgres(folder / "server")
        try:
            server.start()
            yield server.address
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
