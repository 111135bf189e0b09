"""One database server for all tests of the city."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.record.postgres import NoPostgresError, Server, stopped_server


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    """A PostgreSQL that the tests may stop, or a loud skip."""
    try:
        with stopped_server() as found:
            found.start()
            yield found
    except NoPostgresError as reason:
        pytest.skip(f"the city's tests NOT RUN: {reason}")


@pytest.fixture
def database(server: Server) -> str:
    """Its address, with nothing in it."""
    with psycopg.connect(server.address) as connection:
        connection.execute("DROP TABLE IF EXISTS zp_city, zp_cell, zp_pushed, zp_area, zp_record")
    return server.address


@pytest.fixture(scope="module")
def database_of_figures(server: Server) -> str:
    """One for many examples, each with areas of its own."""
    with psycopg.connect(server.address) as connection:
        connection.execute("DROP TABLE IF EXISTS zp_city, zp_cell, zp_pushed, zp_area, zp_record")
    return server.address
