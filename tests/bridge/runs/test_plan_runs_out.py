"""A plan that does not know what comes says so, everywhere, and is not taken for a day off."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from broker.__main__ import main
from broker.bridge import Bridge
from broker.plan.calendar import day_start_at
from broker.plan.demo_area import demo_plan
from broker.plan.gtfs.feed import write_gtfs
from broker.plan.model import Plan, Service
from broker.store.opening import open_store
from broker.web.desk import Desk
from broker.web.view.picture import snapshot
from firmware import wire
from tests.support.people import screen_of
from tests.support.settings.broker import HERE, PORT, door

pytestmark = pytest.mark.real  # tenths of a second each

PLAN = demo_plan()
ALWAYS, NEVER = (True,) * 7, (False,) * 7
MONDAYS = (True,) + (False,) * 6
NOVEMBER = Service("daily", ALWAYS, "20261101", "20261130")
# What a plan may say of November 2026 and nothing of December.
UNTIL_NOVEMBER = {
    "calendar": NOVEMBER,
    "single dates": Service("daily", NEVER, "20261103", "20261130",
                            added_dates=frozenset({"20261103", "20261130"})),
    "removed dates": replace(NOVEMBER, end_date="20261203",
                             removed_dates=frozenset({"20261201", "20261202", "20261203"})),
}  # fmt: skip


def of_service(service: Service) -> Plan:
    """The demo area with all its runs on one service."""
    runs = {run_id: replace(run, service_id=service.service_id) for run_id, run in PLAN.runs.items()}
    return replace(PLAN, services={service.service_id: service}, runs=runs)


class Days:
    """A bridge over a plan, woken at one time of each day that is asked for."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.plan = plan
        self.retained: dict[str, Any] = {}
        self.now = 0.0
        self.store = open_store(folder, area=plan.area_id, timezone=plan.timezone, now=lambda: self.now)
        self.bridge: Bridge | None = None

    def _send(self, topic: str, payload: bytes, retained: bool) -> None:
        self.retained[topic] = wire.unpack(topic, payload).body

    def at(self, day: date, hour: float = 3.0) -> "Days":
        """It is this hour of this day."""
        self.now = day_start_at(self.plan, day) + hour * 3600
        if self.bridge is None:
            self.bridge = Bridge(self.plan, self.store, self._send)
            self.bridge.start(self.now)
            self.bridge.link_up(self.now)
        self.bridge.tick(self.now)
        self.bridge.flush(self.now)
        return self

    def lamp(self, room: str = "r01", waste: str = "residential_wet") -> str:
        """What the room's unit makes of what it was told."""
        body = self.retained[wire.topic("arrival", self.plan.area_id, room, waste)]
        if body["state"] == "scheduled":
            return "no data" if body["eta_at"] is None else "off"
        return "off" if body["state"] in ("none", "served", "skipped") else str(body["state"])

    def words(self) -> list[str]:
        """The entries about the plan on the list of what a person should look at."""
        assert self.bridge is not None
        return [row["word"] for row in snapshot(self.bridge, self.now)["attention"] if row["topic"] == "plan"]

    def health(self) -> tuple[int, dict[str, Any]]:
        """/healthz as it answers now."""
        assert self.bridge is not None
        desk = Desk()
        desk.show(snapshot(self.bridge, self.now))
        answer = screen_of(desk, self.store).get("/healthz")
        return answer.status_code, answer.json()


@pytest.fixture
def days(tmp_path: Path) -> Any:
    """Makes bridges, and closes their stores at the end."""
    made: list[Days] = []

    def make(plan: Plan) -> Days:
        made.append(Days(tmp_path / str(len(made)), plan))
        return made[-1]

    yield make
    for one in made:
        one.store.close()


@pytest.mark.parametrize("how", UNTIL_NOVEMBER)
def test_the_end_of_a_plan_is_said_a_week_ahead_on_the_day_and_after(days: Callable[[Plan], Days], how: str) -> None:
    """The lamps are off while the plan knows that nothing comes, and show "no data" from the day after its last."""
    area = days(of_service(UNTIL_NOVEMBER[how]))
    assert (area.at(date(2026, 11, 22)).words(), area.lamp()) == ([], "off")
    assert (area.at(date(2026, 11, 23)).words(), area.health()[0]) == (["plan_ends"], 200)
    assert (area.at(date(2026, 11, 30)).words(), area.lamp()) == (["plan_ends_today"], "off")
    assert (area.at(date(2026, 12, 1)).words(), area.lamp()) == (["plan_ended"], "no data")
    status, body = area.health()
    assert (status, body["ok"], body["plan"]["state"]) == (503, False, "ended")
    assert "the plan ended on 2026-11-30" in body["trouble"]


def test_a_bridge_that_starts_on_an_ended_plan_says_so_at_once(days: Callable[[Plan], Days]) -> None:
    """Nobody has to wait for a midnight."""
    area = days(of_service(NOVEMBER)).at(date(2028, 2, 29))
    assert (area.words(), area.lamp(), area.health()[0]) == (["plan_ended"], "no data", 503)


@pytest.mark.parametrize(
    "service",
    [replace(NOVEMBER, weekdays=NEVER), replace(NOVEMBER, weekdays=MONDAYS, start_date="20261103", end_date="20261108"),
     Service("daily", NEVER, "20261103", "20261103", removed_dates=frozenset({"20261103"}))],
    ids=["no weekday", "no such weekday in its range", "only removed dates"],
)  # fmt: skip
def test_a_plan_on_which_nothing_ever_runs_is_said(days: Callable[[Plan], Days], service: Service) -> None:
    """It is no row of days off."""
    area = days(of_service(service)).at(date(2026, 11, 4))
    assert (area.words(), area.lamp(), area.health()[0]) == (["plan_never"], "no data", 503)


def test_a_plan_that_begins_later_knows_nothing_until_then(days: Callable[[Plan], Days]) -> None:
    """Its first day is said, and with it the lamps are off."""
    area = days(of_service(NOVEMBER)).at(date(2026, 10, 31))
    assert (area.words(), area.lamp()) == (["plan_not_begun"], "no data")
    assert area.health()[1]["plan"]["said"].startswith("the plan begins on 2026-11-01")
    assert (area.at(date(2026, 11, 1)).words(), area.lamp()) == ([], "off")


def test_a_day_off_is_no_end(days: Callable[[Plan], Days]) -> None:
    """Lamps are off, nobody is asked, and the screen gets the next day."""
    area = days(of_service(replace(NOVEMBER, weekdays=MONDAYS))).at(date(2026, 11, 3))
    assert (area.words(), area.lamp(), area.health()[0]) == ([], "off", 200)
    plan = area.health()[1]["plan"]
    assert (plan["state"], plan["next_day"], plan["last_day"]) == ("day_off", "2026-11-09", "2026-11-30")


def test_a_route_that_ends_before_the_others_is_named(days: Callable[[Plan], Days]) -> None:
    """Its rooms show "no data" for its waste; the other lamps of these rooms are off."""
    plan = replace(PLAN, services={**PLAN.services, "twice-a-week": replace(
        PLAN.services["twice-a-week"], start_date="20260101", end_date="20261130")})  # fmt: skip
    area = days(plan).at(date(2026, 11, 27))  # its last day is Saturday the 28th
    assert (area.words(), area.lamp(waste="hazardous")) == (["routes_end"], "off")
    assert area.at(date(2026, 11, 29)).words() == ["routes_ended"]
    assert (area.lamp(waste="hazardous"), area.lamp()) == ("no data", "off")
    assert area.health()[0] == 200
    assert area.health()[1]["plan"]["said"] == "nothing runs any more on hazardous"


def test_a_run_over_midnight_of_the_last_day_is_driven_to_its_end(days: Callable[[Plan], Days]) -> None:
    """What the plan still owes is known, and the plan has not ended before it is done."""
    plan = of_service(NOVEMBER)
    late = {run_id: replace(run, visits=tuple(
        replace(visit, arrive_day_s=visit.arrive_day_s + 17 * 3600, leave_day_s=visit.leave_day_s + 17 * 3600)
        for visit in run.visits), shift_end_day_s=None) for run_id, run in plan.runs.items()}  # fmt: skip
    area = days(replace(plan, runs=late)).at(date(2026, 11, 30), 23.5).at(date(2026, 12, 1), 0.1)
    wet_north = [visit.room_id for visit in PLAN.runs["wet-north-1"].visits]
    assert (area.words(), area.health()[0]) == (["plan_ends_today"], 200)
    told = area.retained[wire.topic("arrival", plan.area_id, wet_north[0], "residential_wet")]
    assert (told["run_id"], told["state"]) == ("wet-north-1.20261130", "scheduled")
    assert (area.at(date(2026, 12, 2)).words(), area.health()[0]) == (["plan_ended"], 503)


@pytest.mark.parametrize("started_before", [True, False])
def test_a_run_after_midnight_of_the_last_day_is_not_taken_for_an_ended_plan(
    days: Callable[[Plan], Days], started_before: bool
) -> None:
    """A run at 26:00 of the last day: its rooms know at midnight, also where the bridge starts only then."""
    plan = of_service(NOVEMBER)
    night = {run_id: replace(run, visits=tuple(
        replace(visit, arrive_day_s=visit.arrive_day_s + 21 * 3600, leave_day_s=visit.leave_day_s + 21 * 3600)
        for visit in run.visits), shift_end_day_s=None) for run_id, run in plan.runs.items()}  # fmt: skip
    area = days(replace(plan, runs=night))
    if started_before:
        area.at(date(2026, 11, 30), 23.5)
    assert (area.at(date(2026, 12, 1), 0.1).words(), area.lamp(), area.health()[0]) == (["plan_ends_today"], "off", 200)
    assert (area.at(date(2026, 12, 2)).words(), area.lamp(), area.health()[0]) == (["plan_ended"], "no data", 503)


@pytest.mark.parametrize(
    ("service", "code", "said"),
    [
        (Service("daily", ALWAYS, "20200101", "20201231"), 1, "[area] plan: the plan ended on 2020-12-31"),
        (Service("daily", NEVER, "20200101", "20991231"), 1, "[area] plan: the plan has no day on which anything"),
        (Service("daily", ALWAYS, "20980101", "20991231"), 0, "note: the plan begins on 2098-01-01"),
        (Service("daily", ALWAYS, "20200101", "20991231"), 0, ""),
    ],
    ids=["ended", "never", "not begun", "good"],
)
def test_check_config_tells_of_the_plans_days(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], service: Service, code: int, said: str
) -> None:
    """A plan that knows nothing of today cannot be worked with: 1; one that begins later is noted."""
    write_gtfs(of_service(service), tmp_path / "feed")
    (tmp_path / "broker.toml").write_text(f'[area]\nplan = "feed"\n[mqtt]\nhost = "{HERE}"\nport = {PORT}\n')
    with door():
        assert main(["--config", str(tmp_path / "broker.toml"), "--check-config"]) == code
    told = capsys.readouterr()
    assert said in told.err
    if code == 0:
        assert f"{service.start_date[:4]}-01-01 to 2099-12-31" in told.out


def test_check_config_writes_what_the_terminal_does_not_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A hundred findings on the terminal, all of them in a file beside the configuration."""
    write_gtfs(PLAN, tmp_path / "feed")
    stops = tmp_path / "feed" / "stops.txt"
    stops.write_text(stops.read_text() + "".join(f"x{number},Name,31.19,121.44,,\n" for number in range(150)))
    (tmp_path / "broker.toml").write_text('[area]\nplan = "feed"\n')
    assert main(["--config", str(tmp_path / "broker.toml"), "--check-config"]) == 1
    told = capsys.readouterr().err
    assert told.count("stops.txt:") == 100
    assert f"all of them are in {tmp_path}/plan-findings.txt" in told
    assert (tmp_path / "plan-findings.txt").read_text().count("stops.txt:") == 150
