"""What a person is asked about calls that were off to one side for a week, by the likely reason."""

from dataclasses import dataclass

from broker.rules.day.attention.asked import Asked, Topic


@dataclass(frozen=True)
class _OfRooms:
    """Rooms whose trucks came so many minutes later (+) or earlier (-) than told, over so many calls; the room that the
    reason is about; the rooms' ids."""

    rooms: str
    minutes: str
    calls: int
    place: str
    subjects: tuple[str, ...]


class CallsDrift(_OfRooms, Asked, topic=Topic.DRIFT, word="calls_drift", level="info"):
    """Nobody knows why."""


class LegDrifts(_OfRooms, Asked, topic=Topic.DRIFT, word="calls_drift_leg", level="info"):
    """The drive to a room takes longer or shorter than is believed."""


class StayDrifts(_OfRooms, Asked, topic=Topic.DRIFT, word="calls_drift_stay", level="info"):
    """So does the stay at a room."""


class CountsDrift(_OfRooms, Asked, topic=Topic.DRIFT, word="calls_drift_counts", level="info"):
    """At a room other bins wait than are counted."""


class StartDrifts(_OfRooms, Asked, topic=Topic.DRIFT, word="calls_drift_start", level="info"):
    """The run begins at another time than is believed."""


class LampDrifts(_OfRooms, Asked, topic=Topic.DRIFT, word="calls_drift_lamp", level="info"):
    """The room's lamp comes on after its call."""


class LampDark(_OfRooms, Asked, topic=Topic.DRIFT, word="calls_drift_dark"):
    """The room's lamp never comes on, though its unit is heard."""


_Kind = CallsDrift | LegDrifts | StayDrifts | CountsDrift | StartDrifts | LampDrifts | LampDark
DRIFT_ASKED: dict[str, type[_Kind]] = {
    "": CallsDrift, "leg": LegDrifts, "stay": StayDrifts, "counts": CountsDrift, "start": StartDrifts,
    "lamp": LampDrifts, "dark": LampDark,
}  # fmt: skip
