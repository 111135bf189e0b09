"""The bin rooms of the world: bins that fill, a keeper who looks at the lamp, rolls out and back, and presses buttons.

    lamp due, at stop     the keeper comes and rolls the bins out, one after the other: the sensors see them no more
    lamp off, truck gone  the keeper comes and rolls them back in
    no lamp               the keeper goes by the printed timetable, or the bins always stand outside
    crew fetches          it takes each bin out of the room, empties it and puts it back while the truck stands there
    container             nothing moves: the crew empties it where it stands, just before the truck goes

Keepers may be early, late, forget a bin, put out one of another kind, roll one back in too soon; a crew may leave a bin
as it is. Truth only: what the unit's sensors see is handed to the device, and nothing comes back but its lamps.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from broker.plan.model import Room
from sim.world.bins import FULL_GRAMS, Bins
from sim.world.evidence import BinsOutside, Evidence, LampChange
from sim.world.timeline import Timeline

KEEPER_LOOKS_S = (20.0, 150.0)  # from the lamp's change to the first bin that moves
COMES_LATE_S = (240.0, 900.0)
COMES_EARLY_S = (1200.0, 2700.0)  # before the timetable's arrival
TAKES_IN_AGAIN_S = (30.0, 200.0)  # from the roll-out, where a keeper thinks a bin is in the way
BRINGS_BACK_S = (60.0, 420.0)  # from the truck's departure
BRINGS_BACK_LATE_S = (1200.0, 2400.0)  # a bin that is refused is known as such within 45 minutes only
EACH_BIN_S = (6.0, 14.0)
FETCHED_FOR_S = 18.0  # a bin that the crew fetches is out of the room for so long
REFILL_S = 2400.0  # on average the waste of one more full bin of a kind in that time
PORTION_GRAMS = 4_000
LANE_PRESS_S = (30.0, 90.0)  # from a free lane to the keeper's press
WALKER_GRAMS = (50_000, 90_000)
WALKS_OVER_S = (2.0, 12.0)


class RoomDevice(Protocol):
    """What the world can do to a bin-room unit, virtual or real."""

    def set_bins(self, waste: str, count: int, grams: int) -> None:
        """The sensors now see this."""
        ...

    def press(self, event: str) -> None:
        """The keeper presses `bins_out` or `lane_clear` for a moment."""
        ...


@dataclass(frozen=True, slots=True)
class Habits:
    """How often people do what they should not, as shares of all roll-outs or visits; and whether the crew fetches."""

    refill: bool = True
    late: float = 0.0
    forgets: float = 0.0
    other_kind: float = 0.0
    refuses: float = 0.0
    crew_fetches: bool = False
    container: bool = False
    early: float = 0.0
    takes_in: float = 0.0
    absent: float = 0.0
    wrong_kind: float = 0.0
    walks_an_hour: float = 0.0
    goes_by: str = "lamp"  # or "timetable", "always": the bins stand outside all day
    before_s: float = 900.0  # the printed time of who goes by that

    @property
    def rolled(self) -> bool:
        """Whether the keeper rolls the bins out."""
        return not self.crew_fetches and not self.container


@dataclass(slots=True)
class RoomTruth:
    """One room as it really is."""

    room: Room
    device: RoomDevice
    timeline: Timeline
    evidence: Evidence
    dice: random.Random
    bins: dict[str, Bins]
    habits: Habits = Habits()
    rolled_out: dict[str, bool] = field(default_factory=dict)
    _shown: dict[str, str] = field(default_factory=dict)
    _wanted: dict[str, bool] = field(default_factory=dict)  # whether the keeper wants the bins of a kind outside
    _walks: dict[str, int] = field(default_factory=dict)  # a later walk of the keeper's takes an earlier one's place
    _rolling: set[str] = field(default_factory=set)
    _forgotten: dict[str, int] = field(default_factory=dict)
    _strays: dict[str, tuple[str, int]] = field(default_factory=dict)  # kind: so many of another are out by mistake
    _mistaken: set[str] = field(default_factory=set)  # kinds in whose place those stand outside
    _alone: set[str] = field(default_factory=set)  # kinds for which no keeper comes this time
    _walkers: dict[str, int] = field(default_factory=dict)  # kind: what the people on its platform weigh
    _standing: set[str] = field(default_factory=set)  # kinds of the trucks that stand here
    _fetched: dict[str, tuple[int, int]] = field(default_factory=dict)
    _outside: dict[str, int] = field(default_factory=dict)
    _wandered_grams: int = 0  # how much more the cells say than lies on them

    def start(self) -> None:
        """Show the sensors the morning's bins and let more waste come."""
        for waste in self.bins:
            self._report(waste)
            if self.habits.goes_by == "always":
                self._send_keeper(waste, True, 0.0)
            if self.habits.refill:
                self._expect_more(waste)
            if self.habits.walks_an_hour:
                self._expect_walker(waste, random.Random(f"{self.room.room_id} {waste} {self.dice.random()}"))

    def lamp(self, waste: str, shown: str, since: float) -> None:
        """The pins of a lamp show this since then; `waste` may be `any`. A lit lamp sends the keeper for the bins."""
        if self._shown.get(waste) == shown:
            return
        self._shown[waste] = shown
        self.evidence.lamps.append(LampChange(since, self.room.room_id, waste, shown))
        if self.habits.goes_by != "lamp":
            return
        for kind in self.bins if waste == "any" else (waste,):
            if shown in ("due", "at_stop") and not self.rolled_out.get(kind):
                if shown == "due" and self.habits.absent and self.dice.random() < self.habits.absent:
                    self._alone.add(kind)
                    continue
                late = self.dice.random() < self.habits.late
                self._send_keeper(kind, True, self.dice.uniform(*(COMES_LATE_S if late else KEEPER_LOOKS_S)))
            elif shown == "off":
                self._alone.discard(kind)
                if self._wanted.get(kind):
                    self._bring_back(kind)

    def waits(self, waste: str) -> int:
        """How many bins there are, in the room and before it; of a container how many of its bins' worth are full."""
        bins = self.bins.get(waste)
        return 0 if bins is None else bins.worth if self.habits.container else bins.all

    def to_take(self, waste: str) -> int:
        """How many bins a crew that arrives now will have to empty."""
        bins = self.bins.get(waste)
        if bins is None:
            return 0
        comes = not self.habits.rolled or waste in self._rolling or not self.rolled_out.get(waste)
        comes = comes and waste not in self._alone
        return len(bins.outside) + (max(0, bins.worth - self._forgotten.get(waste, 0)) if comes else 0)

    def truck_stands(self, waste: str, for_s: float) -> None:
        """A truck stopped here for so long: its crew fetches the bins, or asks for a keeper who did not come."""
        if waste not in self.bins:
            return
        self._standing.add(waste)
        if self.habits.crew_fetches:
            number = self.bins[waste].worth
            for place in range(number):
                self.timeline.after(5.0 + (for_s - FETCHED_FOR_S - 10.0) * place / max(1, number), self._fetch(waste))
        elif not self.rolled_out.get(waste):
            if waste in self._mistaken:
                self._wanted[waste] = False
            self._send_keeper(waste, True, self.dice.uniform(*KEEPER_LOOKS_S) / 3)

    def truck_is_planned(self, waste: str, at: float) -> None:
        """The timetable has a truck at this time: who knows it does not wait for the lamp."""
        if waste in self.bins and self.habits.goes_by == "timetable":
            self.timeline.at(at - self.habits.before_s, lambda: self._send_keeper(waste, True, 0.0))
            return
        if waste in self.bins and self.dice.random() < self.habits.early:
            rolls_at = at - self.dice.uniform(*COMES_EARLY_S)
            self.timeline.at(rolls_at, lambda: self._send_keeper(waste, True, 0.0))

    def is_rolling(self, waste: str) -> bool:
        """Whether bins of this kind are on their way out: a crew waits for them."""
        return waste in self._rolling

    def collect(self, waste: str) -> tuple[int, int, int]:
        """A truck is done with a kind: how many bins it emptied, how many grams that was, how many it refused."""
        bins = self.bins.get(waste)
        if bins is None:
            return 0, 0, 0
        self._standing.discard(waste)
        if self.habits.container:
            taken = bins.empty_inside()
            self._report(waste)
            return (*taken, 0)
        refused = int(bool(bins.outside) and self.dice.random() < self.habits.refuses)
        count, grams = bins.empty(refused)
        fetched_count, fetched_grams = self._fetched.pop(waste, (0, 0))
        if self._wanted.get(waste) and self.habits.goes_by != "always":
            self._bring_back(waste)
        return count + fetched_count, grams + fetched_grams, refused

    def lane_cleared(self) -> None:
        """The lane is free; the keeper sees it and presses."""
        self.timeline.after(self.dice.uniform(*LANE_PRESS_S), lambda: self.press("lane_clear"))

    def move_by_hand(self, waste: str, number: int) -> None:
        """Somebody rolls so many bins in or, below 0, out."""
        self.bins[waste].move_by_hand(number)
        self._report(waste)

    def load_by_hand(self, waste: str, grams: int) -> None:
        """Somebody throws so much waste in or, below 0, takes it out."""
        self.bins[waste].load_by_hand(grams)
        self._report(waste)

    def weighs_more(self, grams: int) -> None:
        """The zero of the load cells has wandered by so much."""
        self._wandered_grams = grams
        for waste in self.bins:
            self._report(waste)

    def press(self, event: str) -> None:
        """The keeper presses a button."""
        if event == "lane_clear":
            self.evidence.lane_clear.append((self.timeline.now, self.room.room_id))
        self.device.press(event)

    def _bring_back(self, waste: str) -> None:
        late = self.dice.random() < self.habits.late
        self._send_keeper(waste, False, self.dice.uniform(*(BRINGS_BACK_LATE_S if late else BRINGS_BACK_S)))

    def _send_keeper(self, waste: str, outside: bool, in_s: float) -> None:
        """The keeper comes for the bins of a kind, unless the crew fetches them."""
        if self._wanted.get(waste, False) == outside or not self.habits.rolled or (outside and waste in self._alone):
            return
        self._wanted[waste] = outside
        walk = self._walks[waste] = self._walks.get(waste, 0) + 1
        self.timeline.after(in_s, lambda: self._begin(waste, walk))

    def _begin(self, waste: str, walk: int) -> None:
        if self._walks[waste] != walk:
            return
        others = [kind for kind, bins in self.bins.items() if kind != waste and bins.worth > 1]
        if self._wanted[waste] and others and waste not in self._strays and self.habits.wrong_kind and (
                self.dice.random() < self.habits.wrong_kind):  # fmt: skip
            self._strays[waste] = (self.dice.choice(others), 0)
            self._mistaken.add(waste)
            self._mistake(waste, walk)
            return
        if self._wanted[waste]:
            self._mistaken.discard(waste)
            self.rolled_out[waste] = True
            self._rolling.add(waste)
            forgets = self.bins[waste].worth > 1 and self.dice.random() < self.habits.forgets
            self._forgotten[waste] = int(forgets)
            if others and not self.habits.wrong_kind and self.dice.random() < self.habits.other_kind:
                other = self.dice.choice(others)
                self._strays[waste] = (other, 1)
                self.bins[other].roll_out()
                self._report(other)
        self._move(waste, walk)

    def _move(self, waste: str, walk: int) -> None:
        """One bin after the other."""
        if self._walks[waste] != walk:
            self._rolling.discard(waste)
            return
        bins, outside = self.bins[waste], self._wanted[waste]
        if bins.roll_out(self._forgotten.get(waste, 0)) if outside else bins.roll_in():
            self._report(waste)
            self.timeline.after(self.dice.uniform(*EACH_BIN_S), lambda: self._move(waste, walk))
            return
        self._rolling.discard(waste)
        if outside:
            self.device.press("bins_out")
            if bins.outside and self.dice.random() < self.habits.takes_in:
                self.timeline.after(self.dice.uniform(*TAKES_IN_AGAIN_S), lambda: self._take_in(waste, walk))
            return
        self.rolled_out[waste] = False
        self._mistaken.discard(waste)
        stray, number = self._strays.pop(waste, ("", 0))
        for _ in range(number):
            if not self._wanted.get(stray) and self.bins[stray].roll_in():
                self._report(stray)

    def _mistake(self, waste: str, walk: int) -> None:
        """All bins of another kind are put out, one after the other, in place of these."""
        if self._walks[waste] != walk or waste not in self._strays:
            return
        other, number = self._strays[waste]
        if self.bins[other].roll_out():
            self._strays[waste] = (other, number + 1)
            self._report(other)
            self.timeline.after(self.dice.uniform(*EACH_BIN_S), lambda: self._mistake(waste, walk))
        else:
            self.device.press("bins_out")

    def _take_in(self, waste: str, walk: int) -> None:
        """One that stands in the way goes back as it is, if the truck has not come for it meanwhile."""
        if self._walks[waste] == walk and waste not in self._standing and self.bins[waste].roll_in():
            self._report(waste)

    def _fetch(self, waste: str) -> Callable[[], None]:
        def back() -> None:
            bins = self.bins[waste]
            count, grams = bins.empty()
            had = self._fetched.get(waste, (0, 0))
            self._fetched[waste] = (had[0] + count, had[1] + grams)
            bins.roll_in()
            self._report(waste)

        def out() -> None:
            if self.bins[waste].roll_out():
                self._report(waste)
                self.timeline.after(FETCHED_FOR_S, back)

        return out

    def _expect_more(self, waste: str) -> None:
        def act() -> None:
            if self.bins[waste].throw_in(PORTION_GRAMS):  # who finds no bin or no space takes it home again
                self._report(waste)
            self._expect_more(waste)

        mean_s = REFILL_S * PORTION_GRAMS * 2 / sum(FULL_GRAMS)
        self.timeline.after(self.dice.expovariate(1 / mean_s), act)

    def _expect_walker(self, waste: str, dice: random.Random) -> None:
        """Somebody walks over the platform of the cell, now and then."""

        def steps(grams: int) -> None:
            self._walkers[waste] = self._walkers.get(waste, 0) + grams
            self._report(waste)

        def act() -> None:
            grams = dice.randint(*WALKER_GRAMS)
            steps(grams)
            self.timeline.after(dice.uniform(*WALKS_OVER_S), lambda: steps(-grams))
            self._expect_walker(waste, dice)

        self.timeline.after(dice.expovariate(self.habits.walks_an_hour / 3600), act)

    def _report(self, waste: str) -> None:
        bins = self.bins[waste]
        outside = BinsOutside(self.timeline.now, self.room.room_id, waste, len(bins.outside))
        if self._outside.get(waste, 0) != outside.number:
            self._outside[waste] = outside.number
            self.evidence.bins_outside.append(outside)
        count, grams = bins.seen
        count = bins.worth if self.habits.container else count
        self.device.set_bins(waste, count, grams + self._wandered_grams + self._walkers.get(waste, 0))
