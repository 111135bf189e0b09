"""Incidents, presses, alarms and what keepers said of lanes, brought back: an open press is open as it was said."""

from broker.ingest.delivery.newest_records import as_heard
from broker.ingest.restored.reading import Reading
from broker.rules.dispatch.dispatch import KEEP_S, OPEN_S
from broker.rules.dispatch.incidents.keepers import blocked_since
from broker.rules.dispatch.incidents.unworked import show_as_said
from broker.rules.effects.attention import ask_about_incident, ask_as_recorded
from broker.rules.states.alarm import Alarm
from broker.rules.states.incident import Incident
from broker.store import Record

STANDING_S = 35 * 86400  # an alarm that stands for longer was kept again meanwhile


def incidents(reading: Reading) -> None:
    """What was raised and is open, or was closed today."""

    def incident(record: Record) -> None:
        found = Incident.from_body(dict(record.body))
        found = found.not_after(reading.now)
        reading.day.incidents.place(found)
        ask_about_incident(reading.day, found)
        run = reading.day.runs.get(found.run_id or "")
        if found.open and found.reason == "breakdown" and found.condition == "active" and run is not None:
            run.tracker.hold(reading.now)

    reading.each(reading.newest.of("workflow", OPEN_S), incident)


def presses(reading: Reading) -> None:
    """A press that came to nothing is open as it was said."""

    def press(record: Record) -> None:
        body, truck = record.body, str(record.body["device"])
        heard_at = min(record.received_at, reading.now)
        try:
            show_as_said(reading.day, truck, body, heard_at)
        except Exception:
            if reading.at_start and (truck, body["incident_id"]) not in reading.day.incidents and not body["withdrawn"]:
                reading.day.incidents.place(Incident.pressed(truck, body, heard_at).left_unworked())
            raise

    # By when it was heard: the clock of a truck that was off for weeks may say anything of when it was pressed.
    said = (one for one in reading.store.scan("incident") if one.received_at >= reading.now - OPEN_S)
    reading.each(sorted(said, key=as_heard), press)
    for found in list(reading.day.incidents.values()):
        if not found.open and (found.closed_at or 0) <= reading.now - KEEP_S:
            reading.day.incidents.drop(found.key)


def alarms(reading: Reading) -> None:
    """What people have seen, shelved or put out of service, and what they have not; what only devices tell of is
    so until they say otherwise."""

    def alarm(record: Record) -> None:
        found = Alarm.from_body(dict(record.body)).not_after(reading.now)
        reading.day.alarms.place(found)
        if reading.at_start and found.active:
            ask_as_recorded(reading.day, found)

    reading.each(reading.newest.of("alarm", STANDING_S), alarm)


def lane_words(reading: Reading) -> None:
    """What keepers said of lanes that are blocked here still: the rule for it may not have come to that yet, and to
    decide on it again changes nothing."""

    def word(record: Record) -> None:
        if record.body["event"] == "lane_clear" and blocked_since(reading.day, record.key, record.at):
            reading.day.leftovers.say_again(record.key, min(record.at, reading.now))

    reading.each(reading.store.scan("keeper", from_at=reading.now - OPEN_S), word)
