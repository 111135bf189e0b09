"""calendar.txt, calendar_dates.txt and feed_info.txt as services: on which days which runs operate."""

from dataclasses import replace

from broker.plan.gtfs.tables.files import quoted
from broker.plan.gtfs.tables.parts import Feed, first_of_its_id
from broker.plan.model import Service

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def read_services(feed: Feed) -> dict[str, Service]:
    """The services by id, from calendar.txt and the single dates of calendar_dates.txt."""
    services: dict[str, Service] = {}
    taken: dict[str, int] = {}
    for row in feed.rows("calendar.txt"):
        service_id = first_of_its_id(row, "service_id", taken)
        days = []
        for weekday in _WEEKDAYS:
            if row.get(weekday) not in ("0", "1") and weekday in row.table.index:
                row.refuse(f"{weekday} must be 0 or 1, got {quoted(row.get(weekday))}")
            days.append(row.get(weekday) == "1")
        start, end = row.date("start_date"), row.date("end_date")
        if start and end and end < start:
            row.refuse(f"end_date {end} is before start_date {start}")
        if service_id:
            monday, tuesday, wednesday, thursday, friday, saturday, sunday = days
            week = (monday, tuesday, wednesday, thursday, friday, saturday, sunday)
            services[service_id] = Service(service_id, week, start or "", end or "")
    dates: dict[tuple[str, str], int] = {}
    for row in feed.rows("calendar_dates.txt"):
        service_id, day, kind = row.id("service_id"), row.date("date"), row.get("exception_type")
        if kind not in ("1", "2"):
            if "exception_type" in row.table.index:
                row.refuse(f"exception_type must be 1 (added) or 2 (removed), got {quoted(kind)}")
        elif service_id and day:
            if (service_id, day) in dates:
                row.refuse(f"{service_id!r} on {day} is already on line {dates[service_id, day]}")
                continue
            dates[service_id, day] = row.line
            services[service_id] = _with_date(services.get(service_id), service_id, day, kind == "1")
    first, last = _feed_dates(feed)
    return {name: _within(service, first, last) for name, service in services.items()}


def _feed_dates(feed: Feed) -> tuple[str, str]:
    """The days for which the feed says that it knows the services: before and after them nobody does."""
    first, last = "00010101", "99991231"
    for row in feed.rows("feed_info.txt"):
        if row.get("feed_start_date"):
            first = row.date("feed_start_date") or first
        if row.get("feed_end_date"):
            last = row.date("feed_end_date") or last
        if last < first:
            row.refuse(f"feed_end_date {last} is before feed_start_date {first}")
    return first, last


def _within(service: Service, first: str, last: str) -> Service:
    if all(first <= day <= last for day in (service.start_date, service.end_date, *service.added_dates)):
        return service
    if max(service.start_date, first) > min(service.end_date, last):
        service = replace(service, weekdays=(False,) * 7, start_date=first, end_date=first)
    return replace(
        service, start_date=max(service.start_date, first), end_date=min(service.end_date, last),
        added_dates=frozenset(day for day in service.added_dates if first <= day <= last),
    )


def _with_date(service: Service | None, service_id: str, day: str, added: bool) -> Service:
    if service is None:
        service = Service(service_id, (False,) * 7, day, day)
    if not any(service.weekdays):  # it lives by single dates only: its range is theirs
        service = replace(service, start_date=min(service.start_date, day), end_date=max(service.end_date, day))
    if added:
        return replace(service, added_dates=service.added_dates | {day})
    return replace(service, removed_dates=service.removed_dates | {day})
