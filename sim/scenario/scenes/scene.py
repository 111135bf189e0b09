"""What a scenario plays in, as data: the area, its bins in the morning, and a recorded receiver where there is one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from broker.plan.model import Plan
from sim.world.road.driven import Driven


class DataAbsentError(Exception):
    """The scenario needs recorded data that is not on this machine; the text names the folder."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A receiver's own words instead of a simulated receiver: what it says at each second of the run."""

    truck: str
    says: tuple[tuple[float, bytes], ...]  # seconds after the first, the raw sentences
    truth: tuple[tuple[float, float, float], ...]  # POSIX seconds, latitude, longitude


@dataclass(frozen=True, slots=True)
class Scene:
    """The area a scenario plays in, with the bins that stand there in the morning."""

    plan: Plan
    bins: Mapping[tuple[str, str], int]
    day_start_at: int
    recording: Recording | None = None
    driven: Driven | None = None  # of a day on record
    grams: Mapping[tuple[str, str], int] = field(default_factory=dict)  # of waste in the bins, where that is known
