"""An account for each cell in the city's database, as docs/city.md says: it opens its own rows and nothing else."""

import re
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from broker.city.database import CityDatabase, CityShare
from broker.store import Unavailable
from tests.support.city.district import beat_of, days_of, records_of, say
from tests.support.facts import NOON, ZONE

pytestmark = pytest.mark.real
DOCS = Path(__file__).parents[2] / "docs/city.md"


def test_the_account_of_one_cell_writes_and_reads_its_own_rows_only(database: str) -> None:
    """It pushes as ever, the page sees all; another area's rows it can neither see, change, take nor drop."""
    say(database, "bb", beat_of(2), records_of(days_of(2, days=1), "bb"))  # the first makes the tables
    (text,) = re.findall(r"```sql\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    with psycopg.connect(database) as connection:
        connection.execute("DROP ROLE IF EXISTS aa")
        for role in ("cell", "city"):
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
                connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())
        connection.execute("CREATE ROLE city LOGIN; GRANT pg_read_all_data TO city")
        connection.execute(text.encode())
        connection.execute("CREATE ROLE aa LOGIN IN ROLE cell")
    as_aa, as_city = (database.replace("postgres@", f"{role}@") for role in ("aa", "city"))
    records = records_of(days_of(1, days=1), "aa")
    with closing(CityShare(as_aa, None, "aa", ZONE, "r1", lambda: NOON)) as own:
        for _ in range(2):
            own.push(records, len(records), records[-1].id, len(records))
            own.beat(beat_of(1), "aa", {})
        assert own.pushed().row == len(records) and own.stored_and_there() == (len(records), len(records))
    with pytest.raises(Unavailable, match="row-level security"):
        CityShare(as_aa, None, "cc", ZONE, "r1", lambda: NOON)
    with psycopg.connect(as_aa, autocommit=True) as thief:
        for table in ("zp_area", "zp_cell", "zp_pushed"):
            assert thief.execute(f"SELECT area FROM {table}".encode()).fetchall() == [("aa",)]
            assert thief.execute(f"UPDATE {table} SET area = area WHERE area = 'bb'".encode()).rowcount == 0
            with pytest.raises(errors.InsufficientPrivilege):
                thief.execute(f"UPDATE {table} SET area = 'bb'".encode())
            for deed in ("DROP TABLE", "TRUNCATE", "DELETE FROM"):
                with pytest.raises(errors.InsufficientPrivilege):
                    thief.execute(f"{deed} {table}".encode())
        assert thief.execute("SELECT DISTINCT owner FROM zp_record").fetchall() == [("aa",)]
        for deed in ("UPDATE zp_record SET owner = 'bb'", "DELETE FROM zp_record", "DROP TABLE zp_record"):
            with pytest.raises(errors.InsufficientPrivilege):
                thief.execute(deed.encode())
    with closing(CityDatabase(as_city, None, lambda: NOON)) as city:
        assert [(cell.area, cell.records > 0) for cell in city.cells()] == [("aa", True), ("bb", True)]
        assert city.records("bb", ZONE).latest("visit")
