"""The visits of the day as they stand, by key and by room, and what each one's call remembers."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from broker.rules.arrival.lamp_call import Watch
from broker.rules.kept import Kept
from broker.rules.states.visit import Visit, VisitKey

Made = TypeVar("Made")


class Visits(Kept[VisitKey, Visit]):
    """The newest state of each visit; a visit changes by being placed again.

    Written by: effects/records, dispatch/runs/run_restoring, dispatch/alarms/watching, day,
    ingest/restored.
    """

    def __init__(self) -> None:
        super().__init__()
        self._by_room: dict[str, dict[str, list[VisitKey]]] = {}  # by room and waste
        self._by_run: dict[str, list[VisitKey]] = {}
        self._by_route: dict[str, dict[VisitKey, None]] = {}
        self._standing: dict[VisitKey, None] = {}
        self._watches: dict[VisitKey, Watch] = {}
        self._made: dict[VisitKey, Any] = {}  # of a visit as it stands
        self._made_at: dict[tuple[str, str], Any] = {}  # of those of a room and waste as they stand
        self._changes: Counter[tuple[str, str]] = Counter()
        self.placed = 0  # how often one was

    def place(self, visit: Visit) -> None:
        """Make `visit` the state of its key."""
        before = self._kept.get(visit.key)
        if before is None:
            self._by_room.setdefault(visit.room, {}).setdefault(visit.waste, []).append(visit.key)
            self._by_run.setdefault(visit.run_id, []).append(visit.key)
        if before is None or before.route != visit.route:
            if before is not None:
                del self._by_route[before.route][visit.key]
            self._by_route.setdefault(visit.route, {})[visit.key] = None
        self._kept[visit.key] = visit
        if visit.state == "at_stop":
            self._standing[visit.key] = None
        else:
            self._standing.pop(visit.key, None)
        self._made.pop(visit.key, None)
        self._made_at.pop((visit.room, visit.waste), None)
        self._changes[(visit.room, visit.waste)] += 1
        self.placed += 1

    def drop(self, key: VisitKey) -> None:
        """Know nothing of a visit any more; the record keeps it."""
        visit = self._kept.pop(key, None)
        self._standing.pop(key, None)
        self._watches.pop(key, None)
        self._made.pop(key, None)
        if visit is not None:
            self._made_at.pop((visit.room, visit.waste), None)
            self._changes[(visit.room, visit.waste)] += 1
            self._by_room[visit.room][visit.waste].remove(key)
            self._by_run[visit.run_id].remove(key)
            del self._by_route[visit.route][key]
            if not self._by_run[visit.run_id]:
                del self._by_run[visit.run_id]  # of each run of each day there would be one for ever

    def at(self, room: str, waste: str | None = None) -> list[Visit]:
        """The visits of a room, of one waste kind or of all, in the order they were made."""
        here = self._by_room.get(room)
        if here is None or (waste and waste not in here):
            return []  # as nearly all who report at any moment: this is asked with each report
        return [self._kept[key] for keys in ((here[waste],) if waste else here.values()) for key in keys]

    def of_run(self, run_id: str) -> Iterator[Visit]:
        """All visits of a run that are known, in the order they were made."""
        return self.of(self._by_run.get(run_id, ()))

    def of_route(self, route_id: str) -> Iterator[Visit]:
        """All visits of a route that are known, in the order they were made."""
        return self.of(self._by_route.get(route_id, ()))

    @property
    def standing(self) -> Collection[VisitKey]:
        """The visits at which a truck stands."""
        return self._standing

    def made_of(self, visit: Visit, make: Callable[[Visit], Made]) -> Made:
        """What is made of a visit as it stands, made once; one `make` only may ask, and it may look at nothing else."""
        if self._kept.get(visit.key) is not visit:
            return make(visit)
        if visit.key not in self._made:
            self._made[visit.key] = make(visit)
        made: Made = self._made[visit.key]
        return made

    def made_at(self, room: str, waste: str, make: Callable[[list[Visit]], Made]) -> Made:
        """What is made of the visits of a room and waste as they stand, made once; as of `made_of`."""
        place = room, waste
        if place not in self._made_at:
            self._made_at[place] = make(self.at(room, waste))
        made: Made = self._made_at[place]
        return made

    def changes(self, room: str, waste: str) -> int:
        """How often a visit of this room and waste was placed or dropped."""
        return self._changes[(room, waste)]

    def is_single(self, place: tuple[str, str]) -> bool:
        """Whether there is one visit only of this room and waste."""
        room, waste = place
        return len(self._by_room.get(room, {}).get(waste, ())) == 1

    def of(self, keys: Iterable[VisitKey]) -> Iterator[Visit]:
        """The visits of these keys; KeyError for one that is not known."""
        return map(self._kept.__getitem__, keys)

    def remember(self, before: "Visits") -> None:
        """What the calls of these visits were, though the day was begun again."""
        for key, watch in before._watches.items():
            if key in self._kept:
                self._watches[key] = replace(watch, below_since=None)

    def watch(self, key: VisitKey) -> Watch:
        """The call's memory of one visit; lamp_call.py writes it."""
        watch = self._watches.get(key)
        if watch is None:
            watch = self._watches[key] = Watch()
        return watch
