"""What restoring could not bring back or decide, and what is owed to those who may still wait for it."""

from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet

from broker.rules.states.visit import Visit, VisitKey


class Leftovers:
    """Visits at rooms that left the plan, rooms and trucks of visits and runs that are not here any more, and words of
    keepers that nobody may have decided on.

    Written by: dispatch/incidents, dispatch/runs, ingest/restored.
    """

    def __init__(self) -> None:
        self._gone: dict[VisitKey, Visit] = {}
        self._orphaned: set[tuple[str, str]] = set()
        self._unread: dict[tuple[str, str], int] = {}
        self._listless: set[str] = set()
        self._unfollowed: dict[str, None] = {}
        self._lane_words: dict[tuple[str, int], None] = {}

    @property
    def orphaned(self) -> AbstractSet[tuple[str, str]]:
        """(room, waste) of visits that are not here any more: a lamp that is lit there must go off."""
        return self._orphaned

    @property
    def unread(self) -> Mapping[tuple[str, str], int]:
        """(room, waste) of visits that nobody can read: until when a truck may come there."""
        return self._unread

    @property
    def listless(self) -> AbstractSet[str]:
        """Trucks whose run is not here any more: their list must be cleared."""
        return self._listless

    @property
    def unfollowed(self) -> Collection[str]:
        """Trucks whose run has not been told yet where they are: what that settles is decided with the next tick."""
        return self._unfollowed

    def follow_later(self, truck: str) -> None:
        """Its run is back, and does not know yet where the truck is."""
        self._unfollowed[truck] = None

    def followed(self, truck: str) -> None:
        """Its run knows where the truck is."""
        self._unfollowed.pop(truck, None)

    @property
    def lane_words(self) -> Collection[tuple[str, int]]:
        """(room, when) of what keepers said of lanes: decided on with the next tick, perhaps once more."""
        return self._lane_words

    def say_again(self, room: str, at: int) -> None:
        """The keeper of this room said then that its lane is clear."""
        self._lane_words[room, at] = None

    def take_word(self, room: str, at: int) -> None:
        """It is decided on."""
        self._lane_words.pop((room, at), None)

    def at_a_room_gone(self, visit: Visit) -> None:
        """Its room left the plan: to be cancelled, and named."""
        self._gone[visit.key] = visit

    @property
    def gone(self) -> Collection[VisitKey]:
        """Visits at rooms that left the plan."""
        return self._gone

    def take_gone(self, key: VisitKey) -> Visit | None:
        """One of them, which then waits no more; None when there is none."""
        return self._gone.pop(key, None)

    def orphan(self, visit: Visit) -> None:
        """This visit is not here any more."""
        self._orphaned.add((visit.room, visit.waste))

    def cannot_read(self, rooms: Iterable[str], waste: str, until: int) -> None:
        """A truck may come to these rooms until then: nobody knows."""
        self._unread.update({(room, waste): until for room in rooms})

    def lose_run_of(self, truck: str) -> None:
        """The run this truck was told is not here any more."""
        self._listless.add(truck)
