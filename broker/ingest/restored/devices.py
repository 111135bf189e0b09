"""What devices said last, brought back: rooms' bins and readings, trucks' positions, everybody's life."""

from broker.ingest.delivery.newest_records import as_heard, reports_of_rooms
from broker.ingest.restored.reading import Reading
from broker.rules.collecting.readings import KEPT_S
from broker.rules.day.boots import Boots
from broker.rules.day.day import Day
from broker.rules.day.devices import BEGINS, SILENT
from broker.rules.dispatch.dispatch import KEEP_S, OPEN_S
from broker.rules.effects.attention import ask_about_boots, ask_about_stranger
from broker.rules.tracking.types import GpsFix
from broker.store import Record

RECALLED_S = 900  # what positions say of a receiver and of a stay is of these minutes


def devices(reading: Reading) -> None:
    """Rooms' bins, everybody's life, trucks' last positions."""

    devices = reading.day.devices

    def bins(record: Record) -> None:
        room = devices.room(record.key)
        room.said("bins", record.body["boot"], record.body["seq"])
        room.counts(record.body["bins"], record.at)

    def life(record: Record) -> None:
        family = family_of(record)
        device = devices.room(record.key) if family == "room" else devices.truck(record.key)
        device.was(record.body["boot"], record.body.get("fw"), record.at)
        if record.at > reading.now - KEEP_S:
            ask_about_stranger(reading.day, family, record.key, reading.now)

    def family_of(record: Record) -> str:
        known = record.key in reading.day.plan.rooms or record.key in devices.rooms
        return str(record.body.get("family") or ("room" if known else "truck"))  # records of before had none

    def bins_out(record: Record) -> None:
        if record.body["event"] == "bins_out":
            devices.room(record.key).put_out(min(record.at, reading.now))

    devices.read_since(reading.now - KEPT_S)
    reading.each(reading.newest.of("bins", KEEP_S), bins)
    reading.each(reading.store.scan("keeper", from_at=reading.now - KEEP_S), bins_out)
    reading.each(reading.newest.of("life", OPEN_S), life)
    readings(reading)
    positions(reading)
    reading.each(reading.newest.of("fix", KEEP_S), lambda record: _last_fix(reading.day, record, reading.now))


def positions(reading: Reading) -> None:
    """What trucks on a run said of late: the newest is what their run goes on from, the others tell of their
    receivers."""
    running = {run.truck: run for run in reading.day.runs.values() if reading.day.run_of(run.truck) is run}
    held_back: dict[str, GpsFix] = {}

    def position(record: Record) -> None:
        body, run = record.body, running.get(record.key)
        if run is None or run.state != "running" or body["lat"] is None or body["lon"] is None or body["late"]:
            return
        if record.key in held_back:
            run.tracker.recall(held_back[record.key])
        held_back[record.key] = GpsFix.of(body, record.at)

    reading.each(reading.store.scan("fix", from_at=reading.now - RECALLED_S), position)


def readings(reading: Reading) -> None:
    """What the rooms' units said in the last hours, and when they fell silent or two spoke under one id."""
    devices, starts = reading.day.devices, dict[str, Boots]()

    def read(record: Record) -> None:
        body, heard_at = record.body, record.received_at
        boots = starts.setdefault(record.key, Boots())
        begins = body.get("life") in BEGINS
        if begins or body.get("late") is False:
            boots.heard(body["boot"], body.get("at"), heard_at, begins=begins)
        if record.kind == "life":
            if body["life"] in SILENT and record.key in devices.rooms:
                devices.room(record.key).fell_silent(record.at)
        elif boots.are_two(heard_at):
            devices.room(record.key).fell_silent(heard_at)
        elif body["at"] is not None or not body["late"]:
            devices.room(record.key).read(body["bins"], record.at, body["boot"], body["seq"])

    lives = reading.store.scan("life", from_at=reading.now - KEPT_S)
    reading.each(sorted([*reports_of_rooms(reading.store, reading.now), *lives], key=as_heard), read)
    if not reading.at_start:  # what was heard then is known
        return
    for name, boots in starts.items():
        room = devices.rooms.get(name)
        device = room or devices.truck(name)
        device.counted(boots)
        if room is not None and boots.are_two(reading.now):
            room.counts_nothing()
        ask_about_boots(reading.day, name, boots, reading.now)


def _last_fix(day: Day, record: Record, now: int) -> None:
    body, truck = record.body, day.devices.truck(record.key)
    truck.said("fix", body["boot"], body["seq"])
    if body["lat"] is None or body["lon"] is None or body["late"]:
        return
    fix = GpsFix.of(body, record.at)
    if fix.fresh(now) and not fix.ahead(now):
        truck.stands(fix)
        day.leftovers.follow_later(record.key)
