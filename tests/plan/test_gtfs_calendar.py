"""A service day starts at noon minus twelve hours, and services run on the days they say."""

from dataclasses import replace
from datetime import UTC, date, datetime
from unittest.mock import patch

import pytest

from broker.plan.calendar import day_start_at, local_date, next_day, operates, parse_date, service_runs, share_a_day
from broker.plan.demo_area import demo_plan
from broker.plan.model import Service
from broker.plan.validity import Outlook

PLAN = demo_plan()
WORKDAYS = Service("workdays", (True,) * 5 + (False,) * 2, "20260101", "20261231")
WEEKEND = Service("weekend", (False,) * 5 + (True,) * 2, "20260101", "20261231")


def at(text: str) -> int:
    """POSIX seconds of an ISO time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_a_shanghai_day_starts_at_local_midnight() -> None:
    """Shanghai has no change of clocks: the service day starts at 00:00, 16:00 UTC of the day before."""
    assert day_start_at(PLAN, date(2026, 11, 23)) == at("2026-11-22T16:00:00")


@pytest.mark.parametrize(
    ("day", "start"),
    [
        (date(2026, 3, 28), "2026-03-27T23:00:00"),  # an ordinary day: midnight CET
        (date(2026, 3, 29), "2026-03-28T22:00:00"),  # clocks go forward at 02:00: an hour before midnight
        (date(2026, 10, 25), "2026-10-24T23:00:00"),  # clocks go back at 03:00: an hour after midnight
    ],
)
def test_a_day_with_a_change_of_clocks_counts_from_noon(day: date, start: str) -> None:
    """Noon is 43,200 s after the start of the day also where the clocks change."""
    berlin = replace(PLAN, timezone="Europe/Berlin")
    assert day_start_at(berlin, day) == at(start)


def test_the_local_day_of_a_second_is_the_areas() -> None:
    """17:00 UTC is already tomorrow in Shanghai."""
    assert local_date(PLAN, at("2026-11-22T17:00:00")) == date(2026, 11, 23)


def test_runs_come_in_order_of_departure() -> None:
    """The runs of a Monday are those of the daily service, by their first arrival."""
    monday = service_runs(PLAN, date(2026, 11, 23))
    assert [run.trip_id for run in monday] == ["wet-north-1", "wet-south-1", "dry-west-1", "dry-east-1", "unit-wet-1"]


def test_a_wednesday_has_the_hazardous_run_too() -> None:
    """Weekday flags count from Monday."""
    assert service_runs(PLAN, date(2026, 11, 25))[-1].trip_id == "hazardous-1"


def test_a_named_date_wins_over_the_weekday() -> None:
    """Added and removed dates are exceptions to the week, also outside the service's range."""
    service = replace(WORKDAYS, added_dates=frozenset({"20270102"}), removed_dates=frozenset({"20261005"}))
    assert operates(service, date(2027, 1, 2))
    assert not operates(service, date(2026, 10, 5))
    assert operates(service, date(2026, 10, 6))


def test_the_range_of_a_service_includes_both_ends() -> None:
    """A service operates on its first and its last day, and not the day after."""
    assert operates(WORKDAYS, date(2026, 1, 1))
    assert operates(WORKDAYS, date(2026, 12, 31))
    assert not operates(WORKDAYS, date(2027, 1, 1))


def test_services_share_a_day_only_if_both_operate() -> None:
    """Workdays and weekend share none, until a weekend day is added to the workdays."""
    assert share_a_day(WORKDAYS, WORKDAYS)
    assert not share_a_day(WORKDAYS, WEEKEND)
    assert share_a_day(replace(WORKDAYS, added_dates=frozenset({"20260704"})), WEEKEND)
    assert not share_a_day(WORKDAYS, replace(WORKDAYS, start_date="20270101", end_date="20271231"))


@pytest.mark.parametrize("word", ["2026-1-1", "20260230", "20261301", "", "２０２６０１０１", "2026010"])
def test_a_word_that_is_no_date_is_refused(word: str) -> None:
    """Only eight plain digits that name a real day are a date."""
    with pytest.raises(ValueError):
        parse_date(word)


def test_the_next_day_is_found_across_a_gap_of_any_length() -> None:
    """It is asked of the services, not of each day between."""
    single = Service("single", (False,) * 7, "20261130", "21991231", added_dates=frozenset({"20261130", "21991231"}))
    runs = {run_id: replace(run, service_id="single") for run_id, run in PLAN.runs.items()}
    with patch("broker.plan.validity.operates", wraps=operates) as asked:
        of_day = Outlook(replace(PLAN, services={"single": single}, runs=runs)).on(date(2026, 11, 30))
    assert (of_day.state, of_day.next_day, asked.call_count < 10) == ("running", "2199-12-31", True)


@pytest.mark.parametrize(
    ("after", "following"),
    [
        (date(2020, 5, 1), date(2026, 1, 1)),  # before the range
        (date(2026, 10, 2), date(2026, 10, 6)),  # Friday: the Monday after it is removed
        (date(2026, 12, 31), date(2027, 1, 2)),  # an added date after the range
        (date(2027, 1, 2), None),
    ],
)
def test_the_next_day_of_a_service_heeds_range_week_and_single_dates(after: date, following: date | None) -> None:
    """What `operates` says of each day, without asking it of each."""
    service = replace(WORKDAYS, added_dates=frozenset({"20270102"}), removed_dates=frozenset({"20261005"}))
    assert next_day(service, after) == following


def test_a_run_after_midnight_is_of_the_day_on_which_it_is_driven() -> None:
    """The plan runs, goes on and ends by the days on which a truck is on the road."""
    trip = PLAN.runs["wet-north-1"]
    visits = [replace(v, arrive_day_s=v.arrive_day_s + 20 * 3600, leave_day_s=v.leave_day_s + 20 * 3600)
              for v in trip.visits]  # fmt: skip
    weekly = Service("weekly", (True,) + (False,) * 6, "20261102", "20261130")
    night = replace(trip, service_id="weekly", visits=tuple(visits), shift_end_day_s=None)
    outlook = Outlook(replace(PLAN, services={"weekly": weekly}, runs={night.trip_id: night}))
    days = [outlook.on(date(2026, month, day)) for month, day in ((11, 24), (11, 25), (12, 1), (12, 2))]
    tuesdays = [(of_day.state, of_day.next_day) for of_day in days]
    assert tuesdays == [("running", "2026-12-01"), ("day_off", "2026-12-01"), ("running", None), ("ended", None)]
