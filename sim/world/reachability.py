"""Who could hear the bridge when: the world's own record, whatever the devices believe."""

from collections.abc import Callable, Iterable

from sim.world.evidence import Evidence, Interval


class Hearing:
    """Reasons why rooms are deaf; a room hears again when the last reason is gone."""

    def __init__(self, rooms: Iterable[str], evidence: Evidence, now: Callable[[], float]) -> None:
        self._why: dict[str, set[str]] = {room_id: set() for room_id in rooms}
        self._since: dict[str, float] = {}
        self._evidence = evidence
        self._now = now

    def all_rooms(self, why: str, deaf: bool) -> None:
        """Something between the bridge and everybody broke or is whole again."""
        for room_id in self._why:
            self.room(room_id, why, deaf)

    def room(self, room_id: str, why: str, deaf: bool) -> None:
        """A reason for one room came or went."""
        reasons = self._why[room_id]
        before = bool(reasons)
        (reasons.add if deaf else reasons.discard)(why)
        if reasons and not before:
            self._since[room_id] = self._now()
        elif before and not reasons:
            gap = Interval(self._since.pop(room_id), self._now())
            self._evidence.deaf.setdefault(room_id, []).append(gap)

    def end(self) -> None:
        """The run is over: what is still deaf stays so."""
        for room_id, since in self._since.items():
            self._evidence.deaf.setdefault(room_id, []).append(Interval(since, None))
        self._since.clear()
