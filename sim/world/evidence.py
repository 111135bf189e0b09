"""What a run leaves behind for its judges: the world's truth on one side, what was recorded and stored on the other.

Plain data, filled in the same way by the virtual and by the live run; expectations read nothing else.
All times are POSIX seconds of the simulated clock.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sim.world.track import Place, Track


@dataclass(slots=True)
class TrueVisit:
    """A truck really stood at a room and took bins; `left_at` is None while it stands."""

    truck: str
    room: str
    waste: str
    visit_number: int
    arrived_at: float
    left_at: float | None = None
    bins_taken: int = 0
    grams_taken: int = 0
    bins_refused: int = 0  # stood there, and went back full
    bins_waited: int = 0  # all that there were before any was rolled out
    keeper_had_rolled_out: bool = True
    run_id: str = ""
    booked: bool = False  # at a pile, for which the truck was booked: nobody is called
    litres: int = 0  # that it loaded there
    waited_s: float = 0.0  # of its stay, for bins that were not outside yet
    stood_from_at: float | None = None  # earlier than `arrived_at` where another room was served from the same place

    @property
    def key(self) -> str:
        """What a visit is called on record."""
        return f"{self.run_id}/{self.room}/{self.visit_number}"


@dataclass(frozen=True, slots=True)
class LampChange:
    """The pins of one lamp began to show another pattern: off due held at_stop no_data, or `dead` without power."""

    at: float
    room: str
    waste: str
    shown: str


@dataclass(frozen=True, slots=True)
class BinsOutside:
    """From then on so many bins of a kind stood before the room, full or emptied."""

    at: float
    room: str
    waste: str
    number: int


@dataclass(frozen=True, slots=True)
class Press:
    """A finger held the truck's button from `at` for `held_s` seconds."""

    at: float
    truck: str
    held_s: float
    meant: str


LIGHT_WORDS = {"double": "flashes"}  # what a person calls a pattern of the firmware's, where it is another word


@dataclass(frozen=True, slots=True)
class LightChange:
    """The light in the truck's button began to show another pattern: off fast slow steady flashes, or `dead`."""

    at: float
    truck: str
    shown: str


@dataclass(frozen=True, slots=True)
class Interval:
    """Something was so from `start` to `end` (None: until the run ended)."""

    start: float
    end: float | None

    def covers(self, moment: float) -> bool:
        """Whether `moment` lies in it."""
        return self.start <= moment and (self.end is None or moment < self.end)

    def is_over(self, moment: float) -> bool:
        """Whether it had ended by `moment`."""
        return self.end is not None and self.end <= moment


@dataclass(frozen=True, slots=True)
class Heard:
    """One message that a party received: a truck its itinerary, a room an arrival, the bridge a fix."""

    at: float
    by: str
    channel: str
    device: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """One record as read back from the store after the run."""

    id: str
    kind: str
    key: str
    at: int
    body: dict[str, Any]


@dataclass(slots=True)
class Evidence:
    """Everything that is judged."""

    start_at: float
    end_at: float
    day_start_at: float = 0.0
    visits: list[TrueVisit] = field(default_factory=list)
    lamps: list[LampChange] = field(default_factory=list)
    bins_outside: list[BinsOutside] = field(default_factory=list)
    track: dict[str, Sequence[Place]] = field(default_factory=dict)  # truck: time and true place
    presses: list[Press] = field(default_factory=list)
    lights: list[LightChange] = field(default_factory=list)
    blocked: dict[str, list[Interval]] = field(default_factory=dict)  # room: its lane was blocked
    lane_clear: list[tuple[float, str]] = field(default_factory=list)  # the keeper pressed it
    deaf: dict[str, list[Interval]] = field(default_factory=dict)  # device: could not hear the bridge, for any reason
    gps_gaps: dict[str, list[Interval]] = field(default_factory=dict)
    unpowered: dict[str, list[Interval]] = field(default_factory=dict)
    second_units: dict[str, list[Interval]] = field(default_factory=dict)  # room: another board has its id
    acknowledged: list[tuple[float, str]] = field(default_factory=list)  # a person acknowledged an incident of truck
    heard: list[Heard] = field(default_factory=list)
    recorded: dict[str, float] = field(default_factory=dict)  # "<device>:<boot>:<seq>" kept durably, and when
    uncertain: set[str] = field(default_factory=set)  # kept in memory only when the power went: may be stored or not
    recorded_kind: dict[str, str] = field(default_factory=dict)
    stored: list[StoredRecord] = field(default_factory=list)
    asked_for: list[tuple[float, str, float, float]] = field(default_factory=list)  # when, pile, window from and until
    planned: list[tuple[str, str, str]] = field(default_factory=list)  # truck, room, waste of every planned visit
    screen: list[tuple[float, frozenset[str]]] = field(default_factory=list)  # the open incidents it showed, by its id
    happened: list[tuple[float, str]] = field(default_factory=list)  # what the scenario let go wrong
    notes: list[str] = field(default_factory=list)

    def was_at(self, truck: str, at: float, lat: float, lon: float, *, parked: bool = False) -> None:
        """A truck is there; of the time that it is parked the first and the last moment are kept."""
        track = self.track.setdefault(truck, Track())
        assert isinstance(track, Track)
        if parked and len(track) > 1 and track[-2][1:] == track[-1][1:] == (lat, lon):
            track.pop()
        track.append((at, lat, lon))

    def until(self, at: float) -> "Evidence":
        """What of all this had happened by `at`: a visit may still stand there, a spell may still last."""
        return replace(
            self,
            end_at=at,
            visits=[_standing(visit, at) for visit in self.visits if visit.arrived_at <= at],
            lamps=[change for change in self.lamps if change.at <= at],
            bins_outside=[change for change in self.bins_outside if change.at <= at],
            track={truck: _gone(track, at) for truck, track in self.track.items()},
            presses=[press for press in self.presses if press.at <= at],
            lights=[change for change in self.lights if change.at <= at],
            blocked=_begun(self.blocked, at),
            lane_clear=[deed for deed in self.lane_clear if deed[0] <= at],
            deaf=_begun(self.deaf, at),
            gps_gaps=_begun(self.gps_gaps, at),
            unpowered=_begun(self.unpowered, at),
            second_units=_begun(self.second_units, at),
            acknowledged=[deed for deed in self.acknowledged if deed[0] <= at],
            heard=[heard for heard in self.heard if heard.at <= at],
            recorded={name: kept_at for name, kept_at in self.recorded.items() if kept_at <= at},
            stored=[record for record in self.stored if record.at <= at],
            screen=[look for look in self.screen if look[0] <= at],
            asked_for=[one for one in self.asked_for if one[0] <= at],
            happened=[one for one in self.happened if one[0] <= at],
        )

    def between(self, from_at: float, to_at: float) -> "Evidence":
        """What of all this happened from one moment to another, and what each lamp showed at the first of them."""
        before = {(change.room, change.waste): change for change in self.lamps if change.at < from_at}
        return replace(
            self,
            start_at=max(from_at, self.start_at),
            end_at=min(to_at, self.end_at),
            visits=[visit for visit in self.visits if from_at <= visit.arrived_at < to_at],
            lamps=[*before.values(), *(change for change in self.lamps if from_at <= change.at < to_at)],
            track={who: [place for place in track if from_at <= place[0] < to_at] for who, track in self.track.items()},
            presses=[press for press in self.presses if from_at <= press.at < to_at],
            lights=[change for change in self.lights if from_at <= change.at < to_at],
            deaf={who: [one for one in spells if from_at <= one.start < to_at] for who, spells in self.deaf.items()},
            acknowledged=[deed for deed in self.acknowledged if from_at <= deed[0] < to_at],
            heard=[heard for heard in self.heard if from_at <= heard.at < to_at],
            stored=[record for record in self.stored if from_at <= record.at < to_at],
            screen=[look for look in self.screen if from_at <= look[0] < to_at],
            happened=[one for one in self.happened if from_at <= one[0] < to_at],
        )

    def stored_of(self, kind: str) -> list[StoredRecord]:
        """The stored records of one kind, by time."""
        return sorted((r for r in self.stored if r.kind == kind), key=lambda r: (r.at, r.id))

    def newest_of(self, kind: str, until_at: float = math.inf) -> dict[str, StoredRecord]:
        """The newest record of each key by a moment; of one second the one written last."""
        return {record.key: record for record in self.stored_of(kind) if record.at <= until_at}

    def lamp_at(self, room: str, waste: str, moment: float) -> str:
        """What the lamp showed at `moment` (`dead` before its first pattern)."""
        shown = "dead"
        for change in self.lamps:
            if change.room == room and change.waste in (waste, "any") and change.at <= moment:
                shown = change.shown
        return shown

    def lamp_keys(self) -> list[tuple[str, str]]:
        """Every lamp that ever showed anything, as (room, waste)."""
        return sorted({(c.room, c.waste) for c in self.lamps})


def _standing(visit: TrueVisit, at: float) -> TrueVisit:
    return visit if visit.left_at is None or visit.left_at <= at else replace(visit, left_at=None)


def _gone(track: Sequence[Place], at: float) -> list[Place]:
    """A truck's way until then; where it is parked at that moment it stands there still."""
    gone = [place for place in track if place[0] <= at]
    if gone and len(gone) < len(track) and track[len(gone)][1:] == gone[-1][1:]:
        gone.append((at, *gone[-1][1:]))
    return gone


def _begun(spells: dict[str, list[Interval]], at: float) -> dict[str, list[Interval]]:
    return {
        name: [one if one.is_over(at) else Interval(one.start, None) for one in found if one.start <= at]
        for name, found in spells.items()
    }
