"""Two properties, two trucks and the clock in any order, over the pure rules of bookings; looked at after every step.

What is checked is reckoned here anew, not with the rules' own arithmetic: no place is given twice, no hold outlives its
end, no booking is lost, and what is on record is what is known.
"""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from broker.plan.model import Estate, Pile, Plan, Service, Vehicle
from broker.rules.bookings.asked import Asked, BookingDeed
from broker.rules.bookings.book import Bookings, Changes, Round
from broker.rules.bookings.deeds import carry_out
from broker.rules.bookings.fetching import FAILURES, REFUSALS, left_with, weighed
from broker.rules.bookings.passing_time import time_passes
from broker.rules.bookings.places import PER_M3_S, SETUP_S, Ground, windows
from broker.rules.settings import BookingSettings
from broker.rules.states.booking import COMING, EXITS, PLACED, Booking, BookingError

DAWN = 1_795_996_800  # 2026-11-30 00:00 in Shanghai is 1795968000; this is 08:00
TRUCKS = ("t1", "t2")
PEOPLE = ("Zhang of e1", "Li of e2")
CREW = ("crew of t1", "crew of t2")
OF_PROPERTY = (*["book"] * 4, "change", "cancel", "dispute")
OF_CREW = (*["accept"] * 4, "decline", "loaded", "fail")
_AT = {"p1": 0, "p2": 900, "p3": 2500, "@t1": 300, "@t2": 2000}


def travel_s(origin: str, to: str) -> int:
    """Along one street."""
    return abs(_AT[origin] - _AT[to]) // 5


def plan() -> Plan:
    """Two estates, three piles, two small trucks that are on call from 8 to 14."""
    piles = [Pile("p1", "1", 31.2, 121.4, "e1", 4_000), Pile("p2", "2", 31.21, 121.4, "e2", 3_000),
             Pile("p3", "3", 31.22, 121.4, "e2", 6_000)]  # fmt: skip
    on_call = {name: Vehicle(name, ("renovation",), None, None, 5_000, 8 * 3600, 14 * 3600) for name in TRUCKS}
    always = Service("daily", (True,) * 7, "20200101", "20991231")
    return Plan(
        "xh", "area", "Asia/Shanghai", {name: Estate(name, name) for name in ("e1", "e2")}, {}, {}, {"daily": always},
        vehicles=on_call, piles={pile.pile_id: pile for pile in piles},
    )  # fmt: skip


PLAN = plan()


class Town:
    """What is booked, who believes what of it, and what is on record."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.now = DAWN - self.dice.randrange(0, 7200)
        self.book = Bookings()
        self.kept: list[tuple[str, str, int, str]] = []  # kind, id, version, body
        self.seen: dict[str, dict[str, tuple[Booking, int]]] = {who: {} for who in (*PEOPLE, *CREW)}
        self.ground = Ground(PLAN, BookingSettings(days_ahead=1), travel_s)
        self.made = 0
        self.done: dict[str, int] = {}
        self.late: set[str] = set()  # bookings that their truck cannot come to in time any more, for want of time

    # --- the steps ------------------------------------------------------------------------------------------

    def step(self) -> str:
        """Something happens; what."""
        name, make = self.dice.choice(STEPS)
        before = dict(self.book), dict(self.book.rounds)
        try:
            changes = make(self)
        except BookingError:
            assert (dict(self.book), dict(self.book.rounds)) == before, f"a refused {name} changed something"
            name = f"{name} refused"
        else:
            self.keep(changes)
        self.done[name] = self.done.get(name, 0) + 1
        return name

    def keep(self, changes: Changes) -> None:
        """What changed is on record, and known."""
        for one in changes:
            kind, key = ("round", one.round_id) if isinstance(one, Round) else ("booking", one.booking_id)
            before = self.book.rounds.get(key) if kind == "round" else self.book.get(key)
            assert one.version == (before.version + 1 if before is not None else 1), f"{key}: a version is left out"
            self.kept.append((kind, key, one.version, json.dumps(one.body())))
            self.book.place(one)

    def ask(self, deed: BookingDeed, who: str) -> Changes:
        """What somebody does."""
        return carry_out(Asked(self.book, self.ground, deed, who, self.now))

    def hold(self) -> Changes:
        """One of two looks at the windows, and takes one that may be another's by now."""
        who, pile = self.dice.choice([(PEOPLE[0], "p1"), (PEOPLE[1], "p2"), (PEOPLE[1], "p3")])
        litres = self.dice.choice([500, 1_000, 2_500])
        shown = windows(self.book, self.ground, pile, litres, self.now)
        if not shown:
            return []
        window = self.dice.choice(shown[:6])
        version = window.run_version + self.dice.choice([0, 0, 0, -1])
        self.made += 1
        asked = BookingDeed("hold", f"b{self.made}", pile=pile, truck=window.truck, from_at=window.from_at,
                            litres=litres, run_version=version)  # fmt: skip
        return self.ask(asked, who)

    def hold_blindly(self) -> Changes:
        """Whatever window, as a program might ask for."""
        from_at = DAWN + self.dice.randrange(0, 6) * 3600
        self.made += 1
        truck, pile = self.dice.choice(TRUCKS), self.dice.choice(["p1", "p2", "p3"])
        litres = self.dice.choice([300, 2_000, 5_000, 60_000])
        return self.ask(BookingDeed("hold", f"b{self.made}", pile=pile, truck=truck, from_at=from_at, litres=litres),
                        self.dice.choice(PEOPLE))  # fmt: skip

    def usual(self) -> Changes:
        """One tap."""
        self.made += 1
        estate = self.dice.choice(["e1", "e2"])
        return self.ask(BookingDeed("usual", f"b{self.made}", estate=estate), PEOPLE[estate == "e2"])

    def look(self) -> Changes:
        """Somebody looks at the screen, and acts on it later."""
        who = self.dice.choice([*PEOPLE, *CREW])
        self.seen[who] = self._as_shown()
        return []

    def _as_shown(self) -> dict[str, tuple[Booking, int]]:
        return {key: (one, self.book.rounds[one.round_id].version) for key, one in self.book.items()}

    def act(self) -> Changes:
        """Somebody does something about a booking as they saw it."""
        who = self.dice.choice([*PEOPLE, *CREW])
        if self.dice.random() < 0.6:  # else they act by what they saw some time ago
            self.seen[who] = self._as_shown()
        known = [row for row in self.seen[who].values() if not row[0].over or self.dice.random() < 0.1]
        if not known:
            return []
        booking, run_version = self.dice.choice(known)
        deed = self.dice.choice(OF_PROPERTY if who in PEOPLE else OF_CREW)
        asked = BookingDeed(deed, booking.booking_id, booking.version)
        if deed == "accept":
            asked = replace(asked, run_version=run_version)
        elif deed == "decline":
            asked = replace(asked, reason=self.dice.choice(REFUSALS))
        elif deed == "fail":
            asked = replace(asked, reason=self.dice.choice(FAILURES))
        elif deed in ("book", "loaded"):
            asked = replace(asked, litres=self.dice.choice([400, 1_000, 3_000]))
        elif deed == "change":
            asked = replace(asked, from_at=DAWN + self.dice.randrange(6) * 3600, litres=self.dice.choice([None, 700]))
        elif deed == "dispute":
            asked = replace(asked, note="it lies there yet")
        return self.ask(asked, who)

    def drive(self) -> Changes:
        """A truck does the next thing of its round."""
        truck = self.dice.choice(TRUCKS)
        mine = [one for round_ in self.book.rounds.values() if round_.truck == truck
                for one in self.book.in_round(round_) if one.state in COMING]  # fmt: skip
        if not mine:
            return []
        one, now = mine[0], self.now
        if one.state == "accepted":
            return [one.departed(now, now)] if now >= one.from_at - 3600 else []
        if one.state == "en_route":
            return [self.dice.choice([one.arrived(now, now), one.put_off(now)])]
        return left_with(self.book, one, now, now) if self.dice.random() < 0.7 else [one.drove_on(now)]

    def weigh(self) -> Changes:
        """The transfer station."""
        truck, grams = self.dice.choice(TRUCKS), self.dice.randrange(0, 5_000_000)
        changes = weighed(self.book, truck, grams, self.now)
        shares = [one.grams or 0 for one in changes if isinstance(one, Booking)]
        assert not changes or sum(shares) == grams, "the shares are not what was weighed"
        return changes

    def wait(self) -> Changes:
        """Time passes; each second is a decision, and here those at which something is due."""
        self.now += self.dice.choice([20, 60, 60, 120, 301, 900, 2400])
        changes: Changes = []
        for booking in self.book.open():
            passed = time_passes(self.book, booking, self.now)
            self.keep(passed)
            assert not any(one.placed for one in passed if isinstance(one, Booking)), "time gives nobody a place"
        return changes

    def restart(self) -> Changes:
        """kill -9: what is known afterwards is what was on record."""
        again = Bookings()
        newest: dict[tuple[str, str], tuple[int, str]] = {}
        for kind, key, version, body in self.kept:
            newest[kind, key] = version, body
        for (kind, _), (_, body) in newest.items():
            again.place(Round.from_body(json.loads(body)) if kind == "round" else Booking.from_body(json.loads(body)))
        assert dict(again) == dict(self.book) and dict(again.rounds) == dict(self.book.rounds), "a restart forgets"
        self.book = again
        return []

    # --- what must be so after every step -------------------------------------------------------------------

    def check(self) -> None:
        """No place twice, none for nobody, nobody without one, all as small as pile and truck."""
        ordered = [name for round_ in self.book.rounds.values() for name in round_.order]
        placed = [one for one in self.book.values() if one.state in PLACED]
        assert len(ordered) == len(set(ordered)), "a booking has two places"
        assert set(ordered) == {one.booking_id for one in placed}, "a place of nobody, or a booking without one"
        for one in placed:
            round_ = self.book.rounds[one.round_id]
            assert one.booking_id in round_.order and round_.truck == one.truck, "its place is another truck's"
        for one in self.book.values():
            if one.state == "held":
                assert self.now < one.held_until_at, "a hold outlives its end"
            if one.state in EXITS:
                assert one.by and one.reason and one.ended_at is not None, "an exit without by and reason"
        self._check_piles(placed)
        for round_ in self.book.rounds.values():
            self._check_round(round_)

    def _check_piles(self, placed: list[Booking]) -> None:
        for pile in PLAN.piles.values():
            here = sorted((one for one in placed if one.pile == pile.pile_id), key=lambda one: one.from_at)
            assert sum(one.litres for one in here) <= pile.capacity_litres, "more is booked than the pile holds"
            for before, after in pairwise(here):
                assert before.until_at <= after.from_at, "one window of one pile is booked twice"

    def _check_round(self, round_: Round) -> None:
        """The truck can do what it promised, driven in thought from where it stands."""
        stops = [self.book[name] for name in round_.order]
        assert sum(one.litres for one in stops) <= 5_000, "more is promised than the truck holds"
        at, place = max(self.now, round_.from_at), f"@{round_.truck}"
        for one in stops:
            at = max(at + travel_s(place, one.pile), one.from_at)
            if at > one.until_at:
                self.late.add(one.booking_id)
                assert self.now > one.from_at - 1800, f"{one.booking_id} is promised and cannot be kept"
            at += SETUP_S + PER_M3_S * one.litres // 1000
            place = one.pile


STEPS: list[tuple[str, Callable[[Town], Changes]]] = [
    ("hold", Town.hold), ("hold", Town.hold), ("hold blindly", Town.hold_blindly), ("usual", Town.usual),
    ("look", Town.look), ("look", Town.look), ("look", Town.look), ("act", Town.act), ("act", Town.act),
    ("act", Town.act), ("act", Town.act), ("act", Town.act), ("act", Town.act), ("act", Town.act), ("act", Town.act),
    ("drive", Town.drive), ("drive", Town.drive), ("drive", Town.drive),
    ("wait", Town.wait), ("wait", Town.wait), ("weigh", Town.weigh), ("restart", Town.restart),
]  # fmt: skip


def interleaving(seed: int, steps: int = 40) -> Town:
    """One order of events, looked at after each; AssertionError names what is not so."""
    town = Town(seed)
    happened = []
    for _ in range(steps):
        happened.append(town.step())
        try:
            town.check()
        except AssertionError as why:
            raise AssertionError(f"seed {seed}, after {', '.join(happened)}: {why}") from why
    return town
