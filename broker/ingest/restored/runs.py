"""Runs with their visits, calls, closed roads and bookings, brought back from their newest records."""

import logging
from collections.abc import Iterable
from typing import Any

from broker.ingest.restored.reading import Reading
from broker.rules.bookings.book import Round
from broker.rules.day.attention.about_runs import RunUnread
from broker.rules.day.closures import Closure
from broker.rules.dispatch.dispatch import KEEP_S, OPEN_S
from broker.rules.dispatch.runs.run_restoring import read_run, restore_run
from broker.rules.effects.attention import ask_about_passed
from broker.rules.states.booking import Booking
from broker.rules.states.visit import Visit
from broker.rules.statistics.drifts import DRIFT_DAYS
from broker.store import Record

log = logging.getLogger("zhanpai.bridge")


def runs_and_visits(reading: Reading) -> None:
    """The runs that are not over, or were today, with their visits and what a person was asked about them."""
    day = reading.day
    runs: dict[str, dict[str, Any]] = {}
    latest_start_at = reading.now + day.settings.open_before_s + 86400

    def run(record: Record) -> None:
        fields = read_run(record.body)
        if fields["state"] == "scheduled" and fields["planned_start_at"] > latest_start_at:
            day.runs.forget(fields["run_id"])  # a clock that was ahead opened it; its day will come
            return
        if fields["state"] != "finished" or record.at > reading.now - KEEP_S:
            runs[fields["run_id"]] = fields

    def visit(record: Record) -> None:
        if record.body["run_id"] not in runs:
            return
        found = Visit.from_body(dict(record.body))
        if found.room in day.plan.places:
            day.visits.place(found)
        else:
            day.leftovers.orphan(found)
            if found.owed or (found.state, found.reason) == ("cancelled", "other"):
                day.leftovers.at_a_room_gone(found)

    newest = list(reading.newest.of("run", OPEN_S))
    day.runs.found_on_record(record.key for record in newest)
    for record in newest:
        if not reading.each([record], run):
            reading.each(_before(reading, record), run, until_one=True)
    reading.each(reading.newest.of("visit", OPEN_S), visit)
    for fields in runs.values():
        _run(reading, fields)
    for _, asked in day.attention:
        log.error("%s: %s", asked.word, asked.fields())
    for found in list(day.visits.values()):
        if found.run_id not in day.runs:
            day.leftovers.orphan(found)
            day.drop(found.key)
        elif found.passed_at is not None:
            ask_about_passed(day, found, found.passed_at)


def _run(reading: Reading, fields: dict[str, Any]) -> None:
    """A run with its visits; one that cannot be brought back is named, and nobody knows whether its truck comes."""
    day, run_id = reading.day, fields["run_id"]
    try:
        restore_run(day, fields, reading.now)
    except Exception as why:
        if not reading.at_start:
            raise
        reading.leave_out(f"run {run_id}", why)
        day.runs.forget(run_id)
        day.runs.found_on_record([run_id])
        day.attention.ask(run_id, RunUnread(fields["truck"], run_id), reading.now)
        rooms = [key[1] for key in fields["order"] if key[1] in day.plan.places]
        day.leftovers.cannot_read(rooms, fields["waste"], fields["planned_end_at"] + day.settings.forget_after_s)


def _before(reading: Reading, record: Record) -> Iterable[Record]:
    """What was known of a run before a record of it that cannot be understood, the newest first."""
    known = list(reading.store.scan(record.kind, from_at=reading.now - OPEN_S))
    return [one for one in reversed(known) if one.key == record.key and one.id != record.id]


def calls(reading: Reading) -> None:
    """What the calls of visits that are known remember, and how those of the last days came out."""

    def call(record: Record) -> None:
        body = record.body
        key = (str(body["run_id"]), str(body["room"]), int(body["visit_number"]))
        if key in reading.day.visits:
            reading.day.visits.watch(key).remembers(body)

    def over(record: Record) -> None:
        if record.body["how"] is not None:
            reading.day.call_scores.take(record, reading.day.plan.timezone)

    reading.each(reading.store.scan("call", from_at=reading.now - KEEP_S), call)
    reading.each(reading.newest.of("call", (DRIFT_DAYS + 2) * 86400), over)


def closures(reading: Reading) -> None:
    """The roads that are closed, or were until lately."""
    closed = reading.day.closures
    reading.each(reading.newest.of("closure", OPEN_S), lambda one: closed.keep(Closure.from_body(one.body)))


def bookings(reading: Reading) -> None:
    """Every booking that may matter yet, holds too, and the rounds that have their places."""

    def placed(record: Record) -> None:
        make = Round.from_body if record.kind == "round" else Booking.from_body
        reading.day.bookings.place(make(dict(record.body)))

    reading.each(reading.newest.of("round", OPEN_S), placed)
    reading.each(reading.newest.of("booking", OPEN_S), placed)
