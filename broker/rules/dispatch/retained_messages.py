"""Everything that a broker should hold of ours: it may have forgotten, or missed what was said while it was away."""

from broker.rules.dispatch.day import Shift
from broker.rules.dispatch.effects import Effect, Publish
from broker.rules.dispatch.messages import tell_orphaned, tell_rooms, tell_truck
from broker.rules.dispatch.records import close_topics, tell_incident
from firmware import wire


def tell_all(shift: Shift, now: int) -> list[Effect]:
    """All rooms' arrivals, all trucks' itineraries, the stage of every incident, the end of those that are over."""
    effects = tell_rooms(shift, set(shift.plan.rooms), now, all_of_them=True)
    effects += tell_orphaned(shift, now)
    for truck in {run.truck for run in shift.runs.values()}:
        run = shift.run_of(truck) or shift.last_run_of(truck)
        if run is not None:
            shift.itineraries.pop(truck, None)
            effects += tell_truck(shift, run, now, changed=False)
    for truck in sorted(shift.listless):
        if shift.last_run_of(truck) is None:
            effects.append(Publish(wire.topic("itinerary", shift.plan.area_id, truck), None))
    for incident in shift.incidents.values():
        effects += tell_incident(shift, incident) if incident.open else close_topics(shift, incident)
    return effects
