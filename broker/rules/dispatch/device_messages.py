"""What devices say: lives, positions, bins, lamps, keepers' buttons and presses, each taken in and decided upon."""

from typing import Any

from broker.rules.day.attention.about_devices import PART_ASKED, ClockAhead
from broker.rules.day.attention.asked import Topic
from broker.rules.day.day import Day
from broker.rules.day.devices import BEGINS, SILENT, RoomState, TruckState
from broker.rules.day.incidents import IncidentKey
from broker.rules.dispatch.incidents import incident_handling
from broker.rules.dispatch.incidents.keepers import keeper_says
from broker.rules.dispatch.incidents.unworked import show_as_said
from broker.rules.dispatch.runs.neighbours import settle_neighbours
from broker.rules.dispatch.runs.run_progress import follow, update
from broker.rules.dispatch.visits.bin_counts import take_counts, take_report
from broker.rules.dispatch.visits.full_trucks import seen_at_station
from broker.rules.effects.attention import ask_about_boots, ask_about_stranger
from broker.rules.effects.effect import Effect, Keep
from broker.rules.effects.records import call_record, close_topics, put_incident, tell_incident
from broker.rules.states.incident import Incident
from broker.rules.tracking.types import GpsFix
from firmware import wire


def take_message(day: Day, message: wire.Message, now: int) -> list[Effect]:
    """Decide on one device message."""
    address, body = message.address, message.body
    if body is None:  # a retained topic was cleared; devices clear nothing that decides
        return []
    ask_about_stranger(day, address.family, address.device, now)
    if address.family == "truck":
        truck = day.devices.truck(address.device)
        truck.heard(now, body.get("life"))
        _count_boots(day, address.device, truck, body, now)
        if address.channel == "life":
            return _life(day, address.device, truck, body, now)
        if truck.is_old(address.channel, body):
            return []
        if address.channel == "fix":
            return _fix(day, address.device, truck, body, now)
        return _incident(day, address.device, body, now)
    room = day.devices.room(address.device)
    room.heard(now, body.get("life"))
    _count_boots(day, address.device, room, body, now)
    if address.channel == "life":
        return _life(day, address.device, room, body, now)
    is_old = room.is_old(address.channel, body)
    if address.channel == "bins" and room.boots.are_two(now):
        room.counts_nothing()  # what one of them counts is no change of what the other did
        room.fell_silent(now)
        return []
    if address.channel == "bins":
        effects = take_report(day, address.device, body, now, is_newest=not is_old)
        return effects + settle_neighbours(day, address.device, body["bins"], now)
    if is_old:
        return []
    if address.channel == "lamp":
        room.shows(body["lamps"], now)
        return _lit(day, address.device, body, now)
    at = now if body["at"] is None else body["at"]
    return keeper_says(day, address.device, body["event"], at, now, f"keeper of {address.device}")


def set_aside(day: Day, message: wire.Message, now: int) -> list[Effect]:
    """Take a message in without deciding: the rule for it failed lately. A press is shown, a life is kept, where a
    truck is and what a room shows and counts is known. What a keeper says is state of nothing: it is asked again.
    """
    address, body = message.address, message.body
    if body is None:
        return []
    channel, name = address.channel, address.device
    truck = day.devices.truck(name) if address.family == "truck" else None
    device = truck or day.devices.room(name)
    device.heard(now, body.get("life"))
    if channel == "life":
        return _life(day, name, device, body, now)
    if channel == "incident":
        show_as_said(day, name, body, now)
    elif channel == "bins":
        take_counts(day, name, body, now, is_newest=not device.is_old(channel, body))
    elif device.is_old(channel, body):
        return []
    elif truck is not None:
        _position(day, name, truck, body, now)
    elif channel == "lamp":
        day.devices.room(name).shows(body["lamps"], now)
    return []


def _lit(day: Day, room: str, body: dict[str, Any], now: int) -> list[Effect]:
    """Whether a lamp is on for a call, by the pin that was read back: each call keeps since when, at once."""
    lit = {lamp["call_id"] for lamp in body["lamps"] if lamp["lit"] and lamp["lamp"] == "due"}
    at = now if body["at"] is None else min(body["at"], now)
    called = [visit for visit in day.visits.at(room) if visit.state == "due" and visit.call_id in lit] if lit else []
    return [call_record(day, visit, now) for visit in called if day.visits.watch(visit.key).lamp_is_on(at)]


def _count_boots(day: Day, name: str, device: TruckState | RoomState, body: dict[str, Any], now: int) -> None:
    """Which start of the device this is of; what was kept for later says nothing of who speaks now."""
    boots = device.boots
    if boots.go_on(body["boot"]) and name not in day.attention.of(Topic.BOOTS):
        return
    begins = body.get("life") in BEGINS
    if begins or body.get("late") is False:
        boots.heard(body["boot"], body.get("at", body.get("fix_at")), now, begins=begins)
        ask_about_boots(day, name, boots, now)


def _life(day: Day, name: str, device: TruckState | RoomState, body: dict[str, Any], now: int) -> list[Effect]:
    if isinstance(device, TruckState) and body["life"] not in ("lost", "disconnected"):
        _parts(day, name, body, now)
    device.answers(body)
    family = "room" if isinstance(device, RoomState) else "truck"
    said = {**body, "device": name, "family": family}
    kept = Keep(f"life:{name}:{day.clock.next_number()}", "life", name, now, said)
    if not device.lives(body["life"], body["boot"], body.get("fw")):
        return []
    if isinstance(device, RoomState) and body["life"] in SILENT:
        device.fell_silent(now)
    return [kept]


def _parts(day: Day, truck: str, body: dict[str, Any], now: int) -> None:
    """What of a truck it says does not work; one that is away says nothing of it."""
    dead = {fault["part"] for fault in body.get("faults", ())}
    for part, asked in PART_ASKED.items():
        if part in dead:
            day.attention.ask(f"{truck}/{part}", asked(truck), now)
        else:
            day.attention.answered(Topic.PART, f"{truck}/{part}")


def _fix(day: Day, name: str, truck: TruckState, body: dict[str, Any], now: int) -> list[Effect]:
    before, fix = truck.fix, _position(day, name, truck, body, now)
    run = day.run_of(name) if fix is not None else None
    if fix is None or run is None:
        return []
    effects = seen_at_station(day, run, fix, before, now)
    effects += follow(day, run, run.tracker.on_fix(fix), now)
    return effects + update(day, run, now)


def _position(day: Day, name: str, truck: TruckState, body: dict[str, Any], now: int) -> GpsFix | None:
    """Where a truck is by its message, if that may be used for decisions."""
    truck.sees(body["mode"])
    if body["late"] or body["lat"] is None or body["lon"] is None:
        return None
    fix_at = now if body["fix_at"] is None else body["fix_at"]
    fix = GpsFix.of(body, fix_at)
    if fix.ahead(now):
        day.devices.count_wrong_clock()
        day.attention.ask(name, ClockAhead(name, fix_at - now), now)
        return None
    day.attention.answered(Topic.CLOCK, name)
    if not fix.fresh(now):
        day.devices.count_stale_fix()
        return None
    if truck.fix is not None and fix_at < truck.fix.fix_at:
        return None
    truck.stands(fix)
    return fix


def _incident(day: Day, truck: str, body: dict[str, Any], now: int) -> list[Effect]:
    key: IncidentKey = (truck, body["incident_id"])
    known = day.incidents.get(key)
    version = 1
    if known is not None and not known.open and known.is_pressed_anew(body):
        version, known = known.version + 1, None
    if known is not None and not known.open:
        return close_topics(day, known)  # a resend of what is over: clear its retained topics again
    if known is None:
        incident = Incident.pressed(truck, body, now, version)
        if body["withdrawn"]:
            return put_incident(day, incident.withdrawn(now), now)
        return incident_handling.raise_incident(day, incident, now)
    if body["withdrawn"]:
        return incident_handling.withdraw(day, known, now)
    if body["reason"] != known.reason:
        return incident_handling.upgrade(day, known, body["reason"], now)
    return tell_incident(day, known)
