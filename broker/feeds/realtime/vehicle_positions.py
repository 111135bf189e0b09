"""Where trucks are: a VehiclePosition for each whose position is no older than the one number of seconds."""

from collections.abc import Iterator
from typing import Any

from google.transit import gtfs_realtime_pb2 as gtfs

from broker.feeds.realtime.trips import Row, Trip
from firmware import wire

_Status = gtfs.VehiclePosition.VehicleStopStatus


def vehicle_positions(picture: Row, trips: dict[str, Trip], now: int) -> Iterator[tuple[str, Any]]:
    """(entity id, VehiclePosition), by truck; a position that is old at `now` is left out, whoever showed it last."""
    for row in picture["trucks"]:
        if not row["fresh"] or row["lat"] is None or now - row["fix_at"] > wire.NO_DATA_S:
            continue
        vehicle = gtfs.VehiclePosition(timestamp=min(row["fix_at"], picture["at"]))
        vehicle.vehicle.id = vehicle.vehicle.label = row["truck"]
        vehicle.position.latitude, vehicle.position.longitude = row["lat"], row["lon"]
        if row["speed_mps"] is not None:
            vehicle.position.speed = row["speed_mps"]
        trip = trips.get(row["run_id"])
        if trip is not None:
            trip.describe(vehicle.trip)
            stop = trip.next_stop
            if stop is not None and row["vehicle_status"] is not None:
                vehicle.current_stop_sequence, vehicle.stop_id = stop.sequence, stop.visit["room"]
                vehicle.current_status = _Status.Value(row["vehicle_status"])
        yield f"truck/{row['truck']}", vehicle
