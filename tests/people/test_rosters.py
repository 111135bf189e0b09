"""Who is on duty: asked of shifts as they are kept, with everybody of the role where none are."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from broker.people.access_log import open_access_log
from broker.people.errors import Damaged, Impossible
from broker.people.people import People
from broker.people.roles import Role, Scope
from broker.people.rosters import LONGEST, Duty, Place, Rosters, Shift, on_duty, shift_of
from broker.plan.demo_area import demo_plan
from broker.process import on_duty_of
from broker.rules.day.duty import Post
from tests.support.people import QUICK
from tests.support.settings.day import configured

SIX = datetime(2026, 11, 30, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
WHOLE = Place()
ROOM, TRUCK = Place(room="r01", estate="e01"), Place(truck="t01")


@pytest.fixture
def staff(tmp_path: Path) -> People:
    """Two dispatchers, keepers of two estates, crews of two trucks, a viewer."""
    made = People(tmp_path / "people", passwords=QUICK)
    rows: tuple[tuple[str, Role, Scope], ...] = (
        ("ann", "dispatcher", Scope()), ("bob", "dispatcher", Scope()), ("vic", "viewer", Scope()),
        ("kim", "keeper", Scope(estates=("e01",))), ("ken", "keeper", Scope(estates=("e02",))),
        ("liu", "committee", Scope(estates=("e01",))), ("lan", "committee", Scope(estates=("e01", "e02"))),
        ("cat", "crew", Scope(trucks=("t01",))), ("cid", "crew", Scope(trucks=("t02",))),
    )  # fmt: skip
    for account, role, scope in rows:
        made.add(account, account, (role,), scope)
    return made


@pytest.fixture
def rosters(staff: People) -> Rosters:
    """No shift yet, in an area of two rooms and two trucks."""
    return Rosters(staff, ("r01", "r02"), ("t01", "t02"), lambda: SIX.timestamp())


def shift(account: str, duty: Duty, start: datetime = SIX, hours: float = 8, **more: Any) -> Shift:
    """One of so many hours."""
    fields = {"account": account, "duty": duty, "start": start, "end": start + hours * HOUR, "by": "ann"}
    return shift_of(**{**fields, **more})


def told(rosters: Rosters, duty: Duty, place: Place, after: timedelta = HOUR) -> tuple[str, ...]:
    """Who is told so long after six."""
    return rosters.on_duty(duty, place, (SIX + after).timestamp())


def test_without_a_roster_everybody_of_the_role_is_told(rosters: Rosters) -> None:
    """Who speaks for that place, and nobody else."""
    assert told(rosters, "dispatcher", WHOLE) == told(rosters, "second", WHOLE) == ("ann", "bob")
    assert told(rosters, "keeper", ROOM) == ("kim",) and told(rosters, "crew", TRUCK) == ("cat",)
    assert told(rosters, "keeper", Place(room="r09", estate="e09")) == ()


def test_who_is_on_duty_is_told_alone_and_to_the_second(rosters: Rosters) -> None:
    """From its start on, until its end and no longer; then all of the role again."""
    rosters.add(shift("ann", "dispatcher"))
    for after, expected in (
        (timedelta(seconds=-1), ("ann", "bob")), (timedelta(0), ("ann",)), (8 * HOUR - timedelta(seconds=1), ("ann",)),
        (8 * HOUR, ("ann", "bob")),
    ):  # fmt: skip
        assert told(rosters, "dispatcher", WHOLE, after) == expected, after
    assert told(rosters, "second", WHOLE) == ("bob",)  # who is first already is not asked as the second
    rosters.add(shift("bob", "second"))
    assert told(rosters, "second", WHOLE) == ("bob",)


def test_a_keeper_is_for_rooms_and_a_crew_for_trucks(rosters: Rosters) -> None:
    """Also of an estate that is not theirs by scope: a stand-in."""
    rosters.add(shift("ken", "keeper", rooms=["r01"]))
    rosters.add(shift("cid", "crew", trucks=["t01"]))
    assert told(rosters, "keeper", ROOM) == ("ken",) and told(rosters, "crew", TRUCK) == ("cid",)
    assert told(rosters, "keeper", Place(room="r02", estate="e02")) == ("ken",)  # by scope: nobody is on duty there


def test_a_committee_is_on_duty_for_its_estates(rosters: Rosters) -> None:
    """Everybody of it without a roster; with one whoever is on duty, but for an estate that is not theirs."""
    estate, other = Place(estate="e01"), Place(estate="e02")
    assert told(rosters, "committee", estate) == ("lan", "liu") and told(rosters, "fire_brigade", estate) == ()
    rosters.add(shift("liu", "committee"))
    assert told(rosters, "committee", estate) == ("liu",) and told(rosters, "committee", other) == ("lan",)


def test_who_may_not_any_more_is_not_told(staff: People, rosters: Rosters) -> None:
    """Disabled, or of another role since: the rest of the role is."""
    rosters.add(shift("ann", "dispatcher"))
    staff.update("ann", disabled=True)
    assert told(rosters, "dispatcher", WHOLE) == ("bob",)
    staff.update("ann", disabled=False, roles=("viewer",))
    assert told(rosters, "dispatcher", WHOLE) == ("bob",)


def test_the_question_is_pure(staff: People) -> None:
    """The same shifts, accounts and moment give the same answer, in whichever order they are given."""
    shifts = [shift("bob", "dispatcher"), shift("ann", "dispatcher", hours=9)]
    accounts = staff.kept().accounts
    for given in (shifts, shifts[::-1]):
        assert on_duty(given, accounts, "dispatcher", WHOLE, SIX.timestamp()) == ("ann", "bob")
    assert on_duty([], {}, "dispatcher", WHOLE, 0) == ()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"account": "nobody"}, "no account"), ({"account": "vic"}, "is no dispatcher"), ({"hours": 0}, "ends after"),
        ({"hours": -1}, "ends after"), ({"hours": LONGEST / HOUR + 0.1}, "within 31 days"),
        ({"rooms": ["r01"]}, "a keeper has them"), ({"trucks": ["t01"]}, "a crew has them"),
        ({"account": "kim", "duty": "keeper"}, "a keeper has them"), ({"start": SIX.replace(tzinfo=None)}, "start"),
        ({"account": "kim", "duty": "keeper", "rooms": ["r09"]}, "knows no 'r09'"), ({"duty": "king"}, "duty"),
        ({"account": "cat", "duty": "crew", "trucks": ["t99"]}, "knows no 't99'"), ({"by": ""}, "by"),
        ({"more": 1}, "more"),
    ],
)  # fmt: skip
def test_a_shift_that_cannot_be_is_refused(rosters: Rosters, wrong: dict[str, Any], said: str) -> None:
    """With what to change, and nothing is kept."""
    with pytest.raises(Impossible, match=said):
        rosters.add(shift(**{"account": "ann", "duty": "dispatcher", **wrong}))
    assert rosters.shifts() == {}


def test_nobody_has_one_duty_twice_at_once(rosters: Rosters) -> None:
    """One after the other, elsewhere, and together with somebody else is no double."""
    rosters.add(shift("ann", "dispatcher"))
    with pytest.raises(Impossible, match="s1"):
        rosters.add(shift("ann", "dispatcher", SIX + 7 * HOUR))
    rosters.add(shift("ann", "dispatcher", SIX + 8 * HOUR))
    rosters.add(shift("bob", "dispatcher"))
    rosters.add(shift("kim", "keeper", rooms=["r01"]))
    rosters.add(shift("kim", "keeper", rooms=["r02"]))
    with pytest.raises(Impossible):
        rosters.add(shift("kim", "keeper", rooms=["r02", "r01"]))
    assert list(rosters.shifts()) == ["s1", "s2", "s3", "s4", "s5"]
    rosters.remove("s1", "li")
    with pytest.raises(Impossible):
        rosters.remove("s1", "li")
    assert rosters.add(shift("ann", "dispatcher")) == "s6"
    rosters.remove("s6", "li")
    assert rosters.add(shift("ann", "dispatcher")) == "s7"  # what the log says of s6 is of one shift


def test_a_damaged_roster_is_refused_by_name(staff: People, rosters: Rosters) -> None:
    """It is not taken for none."""
    rosters.add(shift("ann", "dispatcher"))
    (staff.folder / "rosters.json").write_text("{")
    with pytest.raises(Damaged, match=r"rosters\.json"):
        told(rosters, "dispatcher", WHOLE)


def test_a_step_of_a_chain_is_a_duty_or_everybody_of_a_role_who_speaks_for_the_place(
    staff: People, rosters: Rosters
) -> None:
    """A firm's own people, an estate's own, a supervisor wherever it is; a duty as the roster has it."""
    for account, role, scope in (
        ("pia", "property", Scope(estates=("e01",))), ("fay", "contractor", Scope(contractors=("first",))),
        ("sue", "supervisor", Scope()),
    ):  # fmt: skip
        staff.add(account, account, (role,), scope)  # type: ignore[arg-type]
    rosters.add(shift("ann", "dispatcher"))
    at, place = (SIX + HOUR).timestamp(), Place("r01", "e01", "x01", "first")
    steps = ("dispatcher", "second", "keeper", "property", "contractor", "supervisor", "technician")
    assert [rosters.told_by(step, place, at) for step in steps] == [
        ("ann",), ("bob",), ("kim",), ("pia",), ("fay",), ("sue",), (),
    ]  # fmt: skip
    assert rosters.told_by("contractor", Place(contractor="second"), at) == rosters.told_by("property", WHOLE, at) == ()


def test_spoiled_files_of_people_name_nobody_and_stop_no_press(tmp_path: Path) -> None:
    """Whoever looks at the screen sees the row all the same."""
    config = configured(tmp_path, "")
    names, post = on_duty_of(config, demo_plan()), Post("dispatcher")
    People(config.people.folder, passwords=QUICK).add("ann", "Ann", ("dispatcher",))
    assert names(post, int(SIX.timestamp())) == ("ann",)
    (config.people.folder / "people.json").write_text("{")
    assert names(post, int(SIX.timestamp())) == ()


def test_the_commands_write_in_the_areas_time(run: Callable[..., tuple[int, str, str]], people: People) -> None:
    """Add, list, ask, remove; a time that is none is refused."""
    people.add("ann", "Ann", ("dispatcher",))
    people.add("bob", "Bob", ("dispatcher",))
    times = ("--from", "2099-11-30T06:00", "--to", "2099-11-30T14:00")
    assert run("roster", "add", "ann", "dispatcher", *times, "--who", "Li")[:2] == (0, "s1\n")
    listed = run("roster", "list")[1]
    assert listed.startswith("s1\t2099-11-30T06:00+08:00\t2099-11-30T14:00+08:00\tdispatcher\tann")
    assert '"by": "Li"' in run("roster", "list", "--json")[1]
    assert run("roster", "on-duty", "dispatcher", "--at", "2099-11-30T13:59")[1] == "ann\n"
    assert run("roster", "on-duty", "dispatcher")[1] == "ann\nbob\n"
    assert run("roster", "remove", "s1", "--who", "Hu")[0] == 0 and run("roster", "list")[1] == ""
    noted = [line for line in open_access_log(people.folder).lines() if line["role"] == "rosters"]
    shift = "s1 ann dispatcher 2099-11-30T06:00+08:00/2099-11-30T14:00+08:00"
    assert [(line["who"], line["action"], line["what"]) for line in noted] == [
        ("Li", "add shift", shift), ("Hu", "remove shift", shift)
    ]  # fmt: skip
    for wrong in (("add", "ann", "dispatcher", "--from", "six", "--to", "seven"), ("remove", "s1"),
                  ("on-duty", "keeper", "--room", "nowhere")):  # fmt: skip
        code, _, err = run("roster", *wrong)
        assert code == 1 and "Traceback" not in err
