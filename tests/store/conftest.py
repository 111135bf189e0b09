"""One database server for all tests of the store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.record.damaged import filled
from tests.support.record.postgres import NoPostgresError, postgres_server


@pytest.fixture(scope="package")
def database() -> Iterator[str]:
    """One PostgreSQL for all tests of this folder, or a loud skip."""
    try:
        with postgres_server() as address:
            yield address
    except NoPostgresError as reason:
        pytest.skip(f"PostgreSQL half of the store contract NOT RUN: {reason}")


@pytest.fixture
def folder(tmp_path) -> Path:
    """The folder of a filled store, closed."""
    filled(tmp_path / "s").close()
    return tmp_path / "s"
