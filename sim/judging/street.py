"""What a shift was like on the street: how long bins stood outside, and how long trucks waited for bins."""

from dataclasses import dataclass

from sim.world.evidence import Evidence


@dataclass(slots=True)
class Street:
    """What keepers and crews went through."""

    visits: int = 0
    outside_s: float = 0.0  # that bins of a room and kind stood outside, emptied ones too
    waited_s: float = 0.0
    waited: int = 0  # visits at which the crew had to wait

    @property
    def outside_min(self) -> float:
        """Minutes outside, on average of the visits."""
        return self.outside_s / 60 / max(1, self.visits)

    def add(self, other: "Street") -> None:
        """Another shift."""
        self.visits += other.visits
        self.outside_s += other.outside_s
        self.waited_s += other.waited_s
        self.waited += other.waited


def street(evidence: Evidence) -> Street:
    """What one shift was like."""
    visits = [visit for visit in evidence.visits if not visit.booked]
    waits_s = [visit.waited_s for visit in visits if visit.waited_s > 0]
    found = Street(len(visits), 0.0, sum(waits_s), len(waits_s))
    since: dict[tuple[str, str], float] = {}
    served = {(visit.room, visit.waste) for visit in visits}  # what no truck came for is nobody's to time
    for change in evidence.bins_outside:
        place = change.room, change.waste
        if place not in served:
            continue
        if change.number:
            since.setdefault(place, change.at)
        elif place in since:
            found.outside_s += change.at - since.pop(place)
    found.outside_s += sum(max(0.0, evidence.end_at - at) for at in since.values())
    return found
