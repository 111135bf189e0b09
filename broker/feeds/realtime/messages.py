"""The three feeds as whole messages. Pure: a picture, the plan and the time in, a FeedMessage out."""

from collections.abc import Iterable
from typing import Any, Literal, get_args

from google.transit import gtfs_realtime_pb2 as gtfs

from broker.feeds.realtime.alerts import alerts
from broker.feeds.realtime.trip_updates import trip_updates
from broker.feeds.realtime.trips import Row, trips_of
from broker.feeds.realtime.vehicle_positions import vehicle_positions
from broker.plan.model import Plan

VERSION = "2.0"
Feed = Literal["vehicle-positions", "trip-updates", "alerts"]
FEEDS: tuple[Feed, ...] = get_args(Feed)
_FIELD: dict[Feed, str] = {"vehicle-positions": "vehicle", "trip-updates": "trip_update", "alerts": "alert"}


def message(feed: Feed, plan: Plan, picture: Row, now: int) -> Any:
    """One feed of a picture that is looked at `now`: the whole of it, as of when the picture was made."""
    made = gtfs.FeedMessage()
    made.header.gtfs_realtime_version = VERSION
    made.header.incrementality = gtfs.FeedHeader.FULL_DATASET
    made.header.timestamp = picture["at"]
    for entity_id, said in _entities(feed, plan, picture, now):
        getattr(made.entity.add(id=entity_id), _FIELD[feed]).CopyFrom(said)
    return made


def _entities(feed: Feed, plan: Plan, picture: Row, now: int) -> Iterable[tuple[str, Any]]:
    trips = trips_of(plan, picture)
    if feed == "vehicle-positions":
        return vehicle_positions(picture, trips, now)
    return trip_updates(plan, picture, trips) if feed == "trip-updates" else alerts(plan, picture, trips)
