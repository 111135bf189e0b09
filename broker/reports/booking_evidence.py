"""What the record says of a booking that is disputed: its states, where its truck was then, and what was weighed."""

from collections.abc import Mapping
from typing import Any

from broker.plan.geometry import distance_m
from broker.store import Store

BEFORE_S, AFTER_S = 1800, 1800  # around the stay at the pile
WEIGHED_WITHIN_S = 2 * 86_400
MOST_POSITIONS = 400
THERE_M = 60.0
PHOTO_TAKEN_IN = ("requested", "accepted")
PHOTO, PHOTO_NOTE = "photo", "photo_note"  # of what lies there, and who sent it when: their records' kinds


def evidence(store: Store, booking: Mapping[str, Any], place: tuple[float, float] | None, now: int) -> dict[str, Any]:
    """Versions, a photo's time, positions of the truck around its stay (how far from the pile), later weigh-ins."""
    key, truck = booking["booking_id"], booking["truck"]
    at = booking["loaded_at"] or booking["at_site_at"] or booking["ended_at"] or booking["from_at"]
    from_at, to_at = (booking["at_site_at"] or at) - BEFORE_S, at + AFTER_S
    positions = []
    for record in store.scan("fix", from_at, to_at + 1):
        body = record.body
        if record.key == truck and body.get("lat") is not None and place is not None:
            away_m = round(distance_m(body["lat"], body["lon"], *place))
            positions.append({"at": record.at, "lat": body["lat"], "lon": body["lon"], "away_m": away_m})
    near = [one["at"] for one in positions if one["away_m"] <= THERE_M]
    photo = store.latest(PHOTO_NOTE, key).get(key)
    every = -(-len(positions) // MOST_POSITIONS) or 1
    return {
        "booking_id": key,
        "photo_at": None if photo is None else photo.at,
        "versions": [
            {name: record.body.get(name) for name in ("version", "state", "truck", "by", "reason", "changed_at")}
            for record in store.scan("booking", booking["made_at"] - 1, now + 1)
            if record.key == key
        ],
        "positions": positions[::every],
        "nearest_m": min((one["away_m"] for one in positions), default=None),
        "there_from_at": min(near, default=None),
        "there_until_at": max(near, default=None),
        "weighings": [
            {name: record.body.get(name) for name in ("at", "truck", "grams", "who")}
            for record in store.scan("weighing", at, at + WEIGHED_WITHIN_S)
            if record.body.get("truck") == truck and record.body.get("waste") == "renovation"
        ],
    }
