"""The incidents of the day as they stand, and the offers that were shown for them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broker.rules.kept import Kept
from broker.rules.replanning.searched import Searched
from broker.rules.states.incident import Incident

LOOKED_AT_S = 120  # so long an offer can be chosen that was shown, though its minutes were written anew since
IncidentKey = tuple[str, str]  # truck, incident_id
ShownOffers = tuple[int, Sequence[Mapping[str, Any]]]  # when they were made, each as the dispatcher sees it


@dataclass(frozen=True, slots=True)
class Working:
    """Offers that are being worked out, of the day as it was at `began_at`, for this incident."""

    key: IncidentKey
    began_at: int
    steps: Iterator[None]


class Incidents(Kept[IncidentKey, Incident]):
    """The newest state of each incident; an incident changes by being placed again.

    Written by: effects/records, dispatch/incidents/unworked, dispatch/incidents/addressing, dispatch/time_passing,
    dispatch/visits/offers, day, ingest/restored.
    """

    def __init__(self) -> None:
        super().__init__()
        self._by_truck: dict[str, dict[IncidentKey, None]] = {}
        self._by_room: dict[str, dict[IncidentKey, None]] = {}
        self._offers: dict[IncidentKey, ShownOffers] = {}
        self._searched_in: dict[IncidentKey, Searched] = {}
        self._shown_before: dict[IncidentKey, list[ShownOffers]] = {}  # what somebody may look at yet
        self._rests_until: dict[IncidentKey, int] = {}
        self._extra: dict[IncidentKey, str] = {}
        self.working: Working | None = None  # one at a time

    def place(self, incident: Incident) -> None:
        """Make `incident` the state of its key."""
        before = self._kept.get(incident.key)
        self._by_truck.setdefault(incident.truck, {})[incident.key] = None
        if before is not None and before.room not in (None, incident.room):
            del self._by_room[before.room][incident.key]
        if incident.room is not None:
            self._by_room.setdefault(incident.room, {})[incident.key] = None
        self._kept[incident.key] = incident
        self._rests_until.pop(incident.key, None)

    def of_truck(self, truck: str) -> list[Incident]:
        """Those of one truck, in the order they were placed first."""
        return [self._kept[key] for key in self._by_truck.get(truck, ())]

    def at(self, room: str) -> list[Incident]:
        """Those at one room."""
        return [self._kept[key] for key in self._by_room.get(room, ())]

    def rests(self, key: IncidentKey, now: int) -> bool:
        """Whether time changes no answer yet, as the incident stands."""
        return now < self._rests_until.get(key, 0)

    def rest_until(self, key: IncidentKey, at: int) -> None:
        """Time changes none of its answers before that, unless the incident itself changes."""
        self._rests_until[key] = at

    def drop(self, key: IncidentKey) -> None:
        """Know nothing of an incident any more; the record keeps it."""
        incident = self._kept.pop(key, None)
        if incident is not None:
            del self._by_truck[incident.truck][key]
            if incident.room is not None:
                del self._by_room[incident.room][key]
        self._extra.pop(key, None)
        self._rests_until.pop(key, None)
        self.take_offers_down(key)

    @property
    def shown(self) -> Collection[IncidentKey]:
        """Those for which offers are shown."""
        return self._offers

    def offers(self, key: IncidentKey) -> ShownOffers:
        """What is shown of what could be done about it; (0, ()) when nothing is."""
        return self._offers.get(key, (0, ()))

    def offer_looked_at(self, key: IncidentKey, offer_id: str) -> tuple[int, Mapping[str, Any]] | None:
        """(when it was made, the offer) of this id, also if others are shown in its place since a moment ago."""
        for made_at, offers in (self.offers(key), *reversed(self._shown_before.get(key, []))):
            for offer in offers:
                if offer["id"] == offer_id:
                    return made_at, offer
        return None

    def offers_of_run(self, run_id: str, since_at: int) -> ShownOffers | None:
        """What is shown for any breakdown of a run and was made after that."""
        broken = {key for key, one in self._kept.items() if (one.run_id, one.reason) == (run_id, "breakdown")}
        of_run = (one for key, one in self._offers.items() if key in broken)
        return next((one for one in of_run if one[0] > since_at), None)

    def begin_working(self, key: IncidentKey, began_at: int, steps: Iterator[None]) -> None:
        """These steps make what is to be shown for an incident."""
        self.working = Working(key, began_at, steps)

    def end_working(self) -> None:
        """All of them were made."""
        self.working = None

    def searched_in(self, key: IncidentKey) -> Searched | None:
        """What the offers that are shown were searched in, where they were searched for this incident."""
        return self._searched_in.get(key)

    def show_offers(
        self, key: IncidentKey, made_at: int, offers: Sequence[Mapping[str, Any]], searched: Searched | None = None
    ) -> None:
        """This is what can be done about it now, and what it was searched in."""
        if key in self._offers:
            before = [*self._shown_before.get(key, ()), self._offers[key]]
            self._shown_before[key] = [one for one in before if made_at - one[0] <= LOOKED_AT_S]
        self._offers[key] = (made_at, offers)
        if searched is None:
            self._searched_in.pop(key, None)
        else:
            self._searched_in[key] = searched

    def name_extra(self, key: IncidentKey, truck: str) -> None:
        """From now on its offers reckon with this truck as the extra one: a dispatcher would have it."""
        self._extra[key] = truck

    def extra_for(self, key: IncidentKey) -> str | None:
        """The truck that a dispatcher would have, where they named one."""
        return self._extra.get(key)

    def take_offers_down(self, key: IncidentKey) -> None:
        """What was shown is not what could be done any more."""
        self._offers.pop(key, None)
        self._searched_in.pop(key, None)
        self._shown_before.pop(key, None)

    def end_choosing(self, key: IncidentKey) -> None:
        """There is nothing to choose any more: nothing is shown, and nothing is worked out to be shown."""
        self.take_offers_down(key)
        if self.working is not None and self.working.key == key:
            self.end_working()
