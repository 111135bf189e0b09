"""What people do: an action from the screen, a command or the simulator becomes changes of incidents and visits."""

from dataclasses import asdict, replace
from typing import Any

from broker.plan.model import RENOVATION
from broker.rules.day.attention.asked import Topic
from broker.rules.day.bins import collected_at
from broker.rules.day.day import Day
from broker.rules.dispatch.actions import ACTIONS, ALARM_ACTIONS, COMMANDS, Act, ActionError
from broker.rules.dispatch.alarms.alarm_states import act_on_alarm
from broker.rules.dispatch.bookings import booking_handling as bookings
from broker.rules.dispatch.incidents import addressing, incident_handling
from broker.rules.dispatch.incidents.keepers import keeper_says
from broker.rules.dispatch.visits.closed_roads import act_on_road
from broker.rules.dispatch.visits.full_trucks import truck_emptied, truck_full
from broker.rules.dispatch.visits.moved_visits import insert_visit, owed_again, set_visits
from broker.rules.dispatch.visits.skip_reasons import earliest_at
from broker.rules.effects.alarms import seen_by_deed
from broker.rules.effects.effect import Effect, Keep, Publish
from broker.rules.effects.records import call_record, put, put_incident
from broker.rules.settings import CONTAMINATION_GRADES, HEAVIEST_LOAD_GRAMS
from broker.rules.states.answer import ESTATE
from broker.rules.states.incident import Incident
from broker.rules.states.visit import CONTAMINANTS, Visit
from broker.rules.tracking.types import FUTURE_S
from firmware import wire

LATEST_S = 86_400  # what was done longer ago is no matter of the running day


def carry_out(day: Day, act: Act, now: int) -> list[Effect]:
    """The effects of an action; raises ActionError, BookingError, IncidentError, VisitError,
    ReplanError and changes nothing then."""
    acted_at = _acted_at(act, now)
    number = day.clock.next_number()
    stored = Keep(f"action:{number}", "action", act.who, now, asdict(act), urgent=True)
    if act.action in ("serve", "skip"):
        return [stored, *_act_on_visit(day, act, now, acted_at)]
    if act.action in ("full", "emptied"):
        return [stored, *_act_on_load(day, act, now, acted_at)]
    if act.action in ("close_road", "open_road"):
        return [stored, *act_on_road(day, act, now)]
    if act.action == "note":
        return [stored, *_note(day, act, now)]
    if act.action == "weigh":
        run = day.run_of(act.truck or "")
        weighed = _weigh(day, act, now)
        effects = [stored, weighed, *(truck_emptied(day, run, now) if run is not None and run.full_at else ())]
        if act.waste == RENOVATION:
            effects += bookings.weighed(day, weighed.body["truck"], weighed.body["grams"], now)
        return effects
    if act.action == "booking" and act.booking is not None:
        return [stored, *bookings.do(day, replace(act.booking, acted_at=acted_at), act.who, now)]
    if act.action == "keeper":
        return [stored, *_keeper(day, act, number, now)]
    if act.action == "command":
        return [stored, *_command(day, act, number, now)]
    if act.action in ALARM_ACTIONS:
        return [stored, *act_on_alarm(day, act, now)]
    incident = day.incidents.get(act.incident or ("", ""))
    if incident is None:
        raise ActionError("no such incident; it may have been withdrawn before it was stored", missing=True)
    if act.action != "answer" and act.version is not None and not incident.is_seen(act.version):
        text = f"somebody changed this incident meanwhile (version {incident.version}): look again, then decide"
        raise ActionError(text, stale=True)
    return [stored, *_act_on_incident(day, act, incident, now)]


def _acted_at(act: Act, now: int) -> int:
    """When it was done, as its record has it beside the time at which it came here."""
    if act.acted_at is None:
        return now
    if act.acted_at > now + FUTURE_S:
        raise ActionError(f"acted_at is {act.acted_at - now} s ahead of the bridge's clock: measure yours by it")
    if act.acted_at < now - LATEST_S:
        raise ActionError("acted_at is more than a day ago: what was done then is corrected on the record")
    return min(act.acted_at, now)


def _note(day: Day, act: Act, now: int) -> list[Effect]:
    """What the crew found in the bins of a visit."""
    visit = day.visits.get(act.visit or ("", "", 0))
    if visit is None:
        raise ActionError("no such visit", missing=True)
    if act.grade != 0 and act.grade not in CONTAMINATION_GRADES:
        raise ActionError(f"grade must be 0 (nothing) or one of {' '.join(map(str, CONTAMINATION_GRADES))}")
    if act.reason is not None and act.reason not in CONTAMINANTS:
        raise ActionError(f"what does not belong there must be one of {' '.join(CONTAMINANTS)}, got {act.reason!r}")
    return put(day, visit.noted(act.grade or None, act.reason), now)


def _keeper(day: Day, act: Act, number: str, now: int) -> list[Effect]:
    """What a keeper says by the page: on record, and decided on, as what they say by the room's button."""
    room = act.room or ""
    if room not in day.plan.rooms:
        raise ActionError(f"there is no room {room!r}", missing=True)
    if act.event not in wire.KEEPER_EVENTS:
        raise ActionError(f"a keeper says one of {' '.join(wire.KEEPER_EVENTS)}, not {act.event!r}")
    body = {"device": room, "event": act.event, "at": now, "who": act.who}
    return [Keep(f"keeper:{number}", "keeper", room, now, body), *keeper_says(day, room, act.event, now, now, act.who)]


def _weigh(day: Day, act: Act, now: int) -> Keep:
    """What the transfer station weighed."""
    if act.waste not in wire.WASTES:
        raise ActionError(f"waste must be one of {' '.join(wire.WASTES)}, got {act.waste!r}")
    if act.truck is None or act.grams is None or act.grams < 0:
        raise ActionError("a weigh-in needs truck and grams (0 or more)")
    if act.grams > HEAVIEST_LOAD_GRAMS:
        raise ActionError(f"{act.grams} g is more than a truck carries ({HEAVIEST_LOAD_GRAMS} g)")
    if act.truck not in day.planned_trucks and act.truck not in day.devices.trucks:
        raise ActionError(f"no truck {act.truck!r} is registered here", missing=True)
    body = {"truck": act.truck, "run_id": act.run_id, "waste": act.waste, "grams": act.grams, "at": now}
    key = f"{act.truck}/{day.clock.next_number()}"  # each is one of its own: no later one takes its place
    return Keep(f"weighing:{key}", "weighing", key, now, {**body, "who": act.who})


def _command(day: Day, act: Act, number: str, now: int) -> list[Effect]:
    """What a device is told to do; it is not retained, so a device that is away would never hear of it. Of a cell that
    is calibrated there is a record by room and kind, so that whoever asks when it was last reads one."""
    family, device = act.device or ("room", "")
    state = day.devices.trucks.get(device) if family == "truck" else day.devices.rooms.get(device)
    if state is None:
        raise ActionError(f"no {family or 'device'} {device!r} was ever heard here", missing=True)
    if act.command not in COMMANDS[family]:
        raise ActionError(f"a {family} knows {' '.join(COMMANDS[family])}, not {act.command!r}")
    # A unit in safe mode says `init`, and obeys one thing.
    if state.life != "ready" and (family, state.life, act.command) != ("room", "init", "reset"):
        raise ActionError(f"{device} is {state.life} and would not hear it; send it again when the device is back")
    body: dict[str, Any] = {"command": act.command, "id": f"c{number}"}
    if act.command == "calibrate":
        kinds = day.plan.rooms[device].wastes if device in day.plan.rooms else wire.WASTES
        if act.waste not in kinds:
            raise ActionError(f"calibrate needs the cell's waste kind, one of {' '.join(kinds)}, got {act.waste!r}")
        if act.grams is None or not 0 <= act.grams <= wire.MAX_GRAMS:
            raise ActionError(f"calibrate needs the grams that lie on the cell now: 0 to {wire.MAX_GRAMS}")
        body |= {"waste": act.waste, "grams": act.grams}
    effects: list[Effect] = [Publish(wire.topic("command", day.plan.area_id, device, family=family), body)]
    if act.command == "calibrate":
        cell = {"device": device, "waste": act.waste, "grams": act.grams, "who": act.who}
        effects.append(Keep(f"calibration:{number}", "calibration", f"{device}/{act.waste}", now, cell))
    return effects


def _act_on_incident(day: Day, act: Act, incident: Incident, now: int) -> list[Effect]:
    if act.action == "acknowledge":
        return put_incident(day, incident.acknowledged(act.who, now), now)
    if act.action == "decide":
        if act.decision not in wire.DECISIONS:
            raise ActionError(f"decision must be one of {' '.join(wire.DECISIONS)}, got {act.decision!r}")
        effects = incident_handling.decide(day, incident, act.decision, act, now)
        return effects + seen_by_deed(day, Topic.PRESS, "/".join(incident.key), act.who, now)
    if act.action == "clear":
        of_estate = act.addressee == ESTATE
        return incident_handling.clear_lane(day, incident, act.who, now, by_estate=of_estate)
    if act.action == "answer":
        return addressing.hear(day, incident, act, now)
    if act.action == "estate_ack":
        return _estate_seen(day, incident, act, now)
    if act.action == "resolve":
        return put_incident(day, incident.resolved(now, act.who), now)
    raise ActionError(f"no such action {act.action!r}; there are {' '.join(ACTIONS)}")


def _estate_seen(day: Day, incident: Incident, act: Act, now: int) -> list[Effect]:
    """As the API said it before there were answers: one more word of it changes nothing."""
    row = incident.answer(ESTATE)
    if row is not None and row.open and row.state != "told":
        return []
    return addressing.hear(day, incident, replace(act, addressee=ESTATE, answer="see", version=None), now)


def _act_on_visit(day: Day, act: Act, now: int, acted_at: int) -> list[Effect]:
    visit = day.visits.get(act.visit or ("", "", 0))
    run = day.runs.get(visit.run_id) if visit else None
    if visit is None or run is None:
        raise ActionError("no such visit", missing=True)
    if act.action == "serve":
        others = (one for one in day.visits.at(visit.room, visit.waste) if one.owed and not one.original)
        if visit.state == "skipped" and next(others, None) is not None:
            raise ActionError("another visit is owed in place of this one: say of that whether it was served")
        served = visit.served_by_hand(_left_at(day, visit, now, acted_at if act.acted_at is not None else None))
        served = served.collected(collected_at(day, served))
        effects = put(day, served, now) + incident_handling.second_visit_served(day, served, now)
    else:
        if act.reason not in wire.SKIP_REASONS:
            raise ActionError(f"reason must be one of {' '.join(wire.SKIP_REASONS)}, got {act.reason!r}")
        here = visit.state == "at_stop" or run.tracker.stands_at(visit.key[1:])
        effects = put(day, visit.skipped(act.reason), now)
        if act.reason == "full_truck":
            effects += truck_full(day, run, now)
        earliest, here_at = earliest_at(act.reason, day.settings, acted_at), now if here else None
        not_before_at = earliest if act.reason == "lane_blocked" else None
        again = owed_again(day, visit, run.run_id, run.truck, not_before_at=not_before_at, skipped_here_at=here_at)
        effects += put(day, again, now)
        effects += insert_visit(day, run, again, now, earliest_at=earliest)
    if visit.call_id:
        how = "served" if act.action == "serve" else "skipped"
        effects.append(call_record(day, day.visits[visit.key], now, ended=how))
    set_visits(day, run, now)
    effects += seen_by_deed(day, Topic.PASSED, visit.key, act.who, now)
    return effects + seen_by_deed(day, Topic.OWES, run.run_id, act.who, now)


def _act_on_load(day: Day, act: Act, now: int, acted_at: int) -> list[Effect]:
    run = day.runs.get(act.run_id or "")
    if run is None or run.state == "finished":
        raise ActionError("no such run is under way", missing=True)
    told_late = act.acted_at is not None  # what happened since may have been seen to
    if act.action == "full":
        against_it = run.full_at is not None or (told_late and acted_at <= (run.emptied_at or 0))
    else:
        against_it = run.full_at is None or (told_late and acted_at + FUTURE_S < run.full_at)
    if against_it:
        against = "was called full already" if act.action == "full" else "is not full"
        raise ActionError(f"{run.truck} {against}")
    deed = truck_full if act.action == "full" else truck_emptied
    return deed(day, run, now, acted_at)


def _left_at(day: Day, visit: Visit, now: int, acted_at: int | None) -> int | None:
    """When a truck left a visit that a person calls served: the moment of the click says nothing about a truck that is
    not seen to stand there; then it is when it passed by, or not known. Of a truck that was seen to come, its crew
    knows by when they were done.
    """
    if visit.state != "at_stop":
        return visit.passed_at
    if acted_at is not None:
        return max(acted_at, visit.arrived_at or acted_at)
    truck, run = day.devices.trucks.get(visit.truck), day.run_of(visit.truck)
    fix = truck.fix if truck is not None and run is not None and run.run_id == visit.run_id else None
    return now if fix is not None and fix.fresh(now) else None
