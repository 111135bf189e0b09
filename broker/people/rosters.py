"""Who is on duty when: kept in `rosters.json`, and asked of as a pure function of what is kept.

Without a shift for the hour everybody of the role is told: nobody is told too few because a list was not written.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from broker.people.access_log import open_access_log
from broker.people.accounts import Account, Id, Name, last_number
from broker.people.errors import Changed, Impossible, Missing, PeopleError
from broker.people.kept_file import KeptFile
from broker.people.people import ROSTERS, People
from broker.people.roles import BOUND, Role

Duty = Literal["dispatcher", "second", "keeper", "crew", "committee", "fire_brigade"]
DUTIES: tuple[Duty, ...] = get_args(Duty)
ROLE_OF: Mapping[Duty, Role] = {
    "dispatcher": "dispatcher", "second": "dispatcher", "keeper": "keeper", "crew": "crew", "committee": "committee",
    "fire_brigade": "fire_brigade",
}  # fmt: skip
OF_ESTATES = ("committee", "fire_brigade")  # on duty for the estates that their accounts speak for
LONGEST = timedelta(days=31)
KEPT_S = 400 * 24 * 3600  # of shifts that are over: a year's figures can still say who was there
MOST_SHIFTS = 20_000


class Shift(BaseModel):
    """One person, one duty, from when to when; a keeper's rooms, a crew's trucks. `by` wrote it down."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    account: Id
    duty: Duty
    start: AwareDatetime
    end: AwareDatetime
    rooms: tuple[str, ...] = ()
    trucks: tuple[str, ...] = ()
    by: Name

    def covers(self, at: float) -> bool:
        """Whether it is under way at a moment (Unix seconds)."""
        return self.start.timestamp() <= at < self.end.timestamp()


class RostersFile(BaseModel):
    """`rosters.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    format: Literal[1] = 1
    shifts: dict[str, Shift] = {}
    given: int = 0  # the highest number ever given, as far as it was noted: the log says it of one shift alone


@dataclass(frozen=True, slots=True)
class Place:
    """What somebody is on duty for: a room of an estate, or a truck; nothing of it for the whole area."""

    room: str | None = None
    estate: str | None = None
    truck: str | None = None
    contractor: str | None = None


def on_duty(
    shifts: Iterable[Shift], accounts: Mapping[str, Account], duty: Duty, place: Place, at: float
) -> tuple[str, ...]:
    """The accounts to be told, in order: those on duty there then, or everybody of the role where nobody is."""
    able = {one: held for one, held in accounts.items() if not held.disabled and ROLE_OF[duty] in held.roles}
    then = [shift for shift in shifts if shift.covers(at) and shift.account in able]
    there = {shift.account for shift in then if shift.duty == duty and _is_there(shift, able[shift.account], place)}
    if there:
        return tuple(sorted(there))
    first = {shift.account for shift in then if shift.duty == "dispatcher"} if duty == "second" else set()
    return tuple(sorted(one for one, held in able.items() if one not in first and _speaks_for(held, duty, place)))


def told_by(
    shifts: Iterable[Shift], accounts: Mapping[str, Account], step: str, place: Place, at: float
) -> tuple[str, ...]:
    """The accounts to be told by a step of a chain: those of a duty, or all of a role who speak for the place."""
    duty = next((one for one in DUTIES if one == step), None)
    if duty is not None:
        return on_duty(shifts, accounts, duty, place, at)
    able = {one: held for one, held in accounts.items() if not held.disabled and step in held.roles}
    return tuple(sorted(one for one, held in able.items() if _is_bound_there(held, step, place)))


def _is_bound_there(account: Account, role: str, place: Place) -> bool:
    """Whether an account of a role that is bound to places, trucks or firms is of this one."""
    here = {"estates": place.estate, "trucks": place.truck, "contractors": place.contractor}
    kind = next((kind for bound, kind in BOUND.items() if bound == role), None)
    return kind is None or here[kind] in getattr(account.scope, kind)


def _is_there(shift: Shift, account: Account, place: Place) -> bool:
    if shift.duty == "keeper":
        return place.room in shift.rooms
    if shift.duty in OF_ESTATES:
        return place.estate in account.scope.estates
    return shift.duty != "crew" or place.truck in shift.trucks


def _speaks_for(account: Account, duty: Duty, place: Place) -> bool:
    if duty == "keeper" or duty in OF_ESTATES:
        return place.estate in account.scope.estates
    return duty != "crew" or place.truck in account.scope.trucks


class Rosters:
    """The shifts of one area's people; `rooms` and `trucks` are those that the plan knows."""

    def __init__(
        self, people: People, rooms: Iterable[str], trucks: Iterable[str], now: Callable[[], float] = time.time
    ) -> None:
        self._people, self._now = people, now
        self._rooms, self._trucks = frozenset(rooms), frozenset(trucks)
        self._file = KeptFile(people.folder / ROSTERS, RostersFile)
        self._log = open_access_log(people.folder)

    def shifts(self) -> dict[str, Shift]:
        """All that are kept, by their numbers. Raises Damaged."""
        return self._file.read().shifts

    def on_duty(self, duty: Duty, place: Place, at: float) -> tuple[str, ...]:
        """Who is to be told then."""
        return on_duty(self.shifts().values(), self._people.kept().accounts, duty, place, at)

    def rooms_of(self, account: str, at: float) -> frozenset[str]:
        """The rooms that an account keeps then; none where no shift says so, or nobody can say it."""
        try:
            shifts = self.shifts().values()
        except (PeopleError, OSError):
            return frozenset()
        return frozenset(room for one in shifts if one.account == account and one.covers(at) for room in one.rooms)

    def told_by(self, step: str, place: Place, at: float) -> tuple[str, ...]:
        """Who is to be told by a step of a chain; raises PeopleError where nobody can say it."""
        return told_by(self.shifts().values(), self._people.kept().accounts, step, place, at)

    def add(self, shift: Shift) -> str:
        """Keep one more; its number. Raises Impossible with what is wrong with it."""
        self._must_be_right(shift)
        made = ""

        def added(kept: RostersFile) -> RostersFile:
            nonlocal made
            live = {one: held for one, held in kept.shifts.items() if held.end.timestamp() > self._now() - KEPT_S}
            twice = next((one for one, held in live.items() if _same(held, shift)), None)
            if twice is not None:
                raise Impossible(f"{shift.account} has this duty there already for a part of that time ({twice})")
            if len(live) >= MOST_SHIFTS:
                raise Impossible(f"there are {MOST_SHIFTS} shifts already: remove those that are over")
            number = 1 + max(kept.given, last_number("s", kept.shifts))
            made = f"s{number}"
            return kept.model_copy(update={"shifts": {**live, made: shift}, "given": number})

        self._file.change(added)
        self._note(shift.by, "add shift", made, shift)
        return made

    def remove(self, number: str, by: str, version: str | None = None) -> None:
        """Take one out by its number; raises Missing where there is none, Changed where it is not this version."""
        gone = self.shifts().get(number)

        def removed(kept: RostersFile) -> RostersFile:
            if number not in kept.shifts:
                raise Missing(f"no shift {number[:40]!r}")
            if version is not None and shift_version(kept.shifts[number]) != version:
                raise Changed("somebody changed this since you looked at it: look again")
            left = {one: held for one, held in kept.shifts.items() if one != number}
            return kept.model_copy(update={"shifts": left, "given": max(kept.given, last_number("s", [number]))})

        self._file.change(removed)
        if gone is not None:
            self._note(by, "remove shift", number, gone)

    def _note(self, who: str, action: str, number: str, shift: Shift) -> None:
        """Write down who changed whose duty: what is taken out stands nowhere else."""
        times = "/".join(moment.isoformat(timespec="minutes") for moment in (shift.start, shift.end))
        self._log.note(who, "rosters", action, f"{number} {shift.account} {shift.duty} {times}")

    def _must_be_right(self, shift: Shift) -> None:
        account = self._people.kept().accounts.get(shift.account)
        if account is None or account.disabled:
            raise Impossible(f"no account {shift.account!r} that can sign in")
        if ROLE_OF[shift.duty] not in account.roles:
            raise Impossible(f"{shift.account} is no {ROLE_OF[shift.duty]}; `people roles` makes one of it")
        if not timedelta(0) < shift.end - shift.start <= LONGEST:
            raise Impossible(f"a shift ends after it starts, and within {LONGEST.days} days")
        for kind, known, needed in (("rooms", self._rooms, "keeper"), ("trucks", self._trucks, "crew")):
            given = getattr(shift, kind)
            if bool(given) != (shift.duty == needed):
                raise Impossible(f"{kind}: a {needed} has them, nobody else")
            strange = sorted(set(given) - known)
            if strange:
                raise Impossible(f"{kind}: the plan knows no {strange[0][:40]!r}")


def shift_version(shift: Shift) -> str:
    """Of what is kept of a shift."""
    return hashlib.sha256(shift.model_dump_json().encode()).hexdigest()[:16]


def shift_of(**fields: object) -> Shift:
    """A shift of these fields; raises Impossible with what to give."""
    try:
        return Shift.model_validate(fields)
    except ValidationError as why:
        first = why.errors()[0]
        raise Impossible(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from why


def _same(one: Shift, other: Shift) -> bool:
    """Whether both are of one person and duty, at once, and somewhere at one place."""
    apart = one.end <= other.start or other.end <= one.start
    place = not one.rooms or bool({*one.rooms} & {*other.rooms})
    truck = not one.trucks or bool({*one.trucks} & {*other.trucks})
    return (one.account, one.duty) == (other.account, other.duty) and not apart and place and truck
