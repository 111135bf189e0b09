"""What keepers say, by the button of their room or by the page: the bins are out, the lane is clear."""

from broker.rules.day.day import Day
from broker.rules.dispatch.incidents import incident_handling
from broker.rules.effects.effect import Effect
from broker.rules.states.incident import Incident


def keeper_says(day: Day, room: str, event: str, at: int, now: int, who: str) -> list[Effect]:
    """What a keeper said then, by whichever of the two."""
    if event == "bins_out":
        day.devices.room(room).put_out(at)
        return []
    return _clear_lane(day, room, at, now, who)


def clear_lane_again(day: Day, now: int, *, room: str, at: int) -> list[Effect]:
    """What a keeper said of the lane before the day was begun again."""
    day.leftovers.take_word(room, at)
    return _clear_lane(day, room, at, now, f"keeper of {room}")


def _clear_lane(day: Day, room_id: str, at: int, now: int, who: str) -> list[Effect]:
    blocked = blocked_since(day, room_id, at)
    return [
        effect
        for incident in blocked
        for effect in incident_handling.clear_lane(day, incident, who, now, by_estate=True)
    ]


def blocked_since(day: Day, room_id: str, at: int) -> list[Incident]:
    """What a keeper's word of that moment is about: not an obstacle that came later."""
    here = (one for one in day.incidents.at(room_id) if one.reason == "lane_blocked")
    return [one for one in here if one.open and one.condition == "active" and one.raised_at <= at]
