"""Cells for the tests of a city: a record in a folder, and what pushes it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from broker.city.database import CityDatabase
from broker.city.push import Push
from broker.config import BrokerConfig
from broker.plan.demo_area import demo_plan
from broker.plan.model import Plan
from broker.store import Store
from broker.store.sqlite.store import SQLiteStore
from tests.support.record.samples import NOON, ZONE

AREA = "xh"


def plan_of(area: str = AREA, name: str = "徐汇 / Xuhui") -> Plan:
    """A plan of this area."""
    return replace(demo_plan(), area_id=area, name=name, timezone=ZONE)


def record_in(folder: Path, area: str = AREA) -> SQLiteStore:
    """A cell's record, made where there is none."""
    return SQLiteStore(folder, area, ZONE, lambda: NOON, min_free_bytes=0, export_in_background=False)


def push_of(
    folder: Path, database: str, area: str = AREA, picture: Callable[[], Mapping[str, Any]] = dict, **city: Any
) -> Push:
    """What pushes the record in a folder to a city, one turn at a time."""
    config = BrokerConfig.model_validate(
        {"area": {"plan": "demo"}, "store": {"url": str(folder)}, "city": {"url": database, **city}}
    )
    return Push(config, plan_of(area), lambda: NOON, picture)


def city_records(database: str, area: str = AREA) -> Store:
    """The records of an area as the city has them."""
    city = CityDatabase(database, None, lambda: NOON)
    return city.records(area, ZONE)
