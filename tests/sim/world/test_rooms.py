"""The bins of the simulated world: what keepers and crews do with them, and what the sensors see of it."""

import itertools
import random

import pytest

from broker.plan.demo_area import demo_plan
from sim.world.bins import FULL_GRAMS, TARE_GRAMS, Bins
from sim.world.evidence import Evidence
from sim.world.rooms import (
    BRINGS_BACK_LATE_S,
    BRINGS_BACK_S,
    COMES_LATE_S,
    KEEPER_LOOKS_S,
    WALKER_GRAMS,
    WALKS_OVER_S,
    Habits,
    RoomTruth,
)
from sim.world.timeline import Timeline

WET, DRY = "residential_wet", "residential_dry"
EACH_MOST_S = 20.0


class Device:
    """What the unit of a room sees, and which buttons are pressed."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.seen: dict[str, list[tuple[float, int, int]]] = {}
        self.presses: list[str] = []

    def set_bins(self, waste: str, count: int, grams: int) -> None:
        """The sensors now see this."""
        self.seen.setdefault(waste, []).append((self._timeline.now, count, grams))

    def press(self, event: str) -> None:
        """A button."""
        self.presses.append(event)

    def count(self, waste: str) -> int:
        """How many bins it sees."""
        return self.seen[waste][-1][1]


class World:
    """One room with five wet and five dry bins of 50 kg, and a clock."""

    def __init__(self, **habits: float | str) -> None:
        self.timeline = Timeline(0.0)
        self.device = Device(self.timeline)
        bins = {waste: Bins([50_000] * 5) for waste in (WET, DRY)}
        manner = Habits(refill=False, **habits)  # type: ignore[arg-type]
        self.room = RoomTruth(
            demo_plan().rooms["r01"], self.device, self.timeline, Evidence(0, 9), random.Random(3), bins, manner
        )
        self.room.start()

    def lamp(self, shown: str, waste: str = WET) -> None:
        """The lamp shows it from now on."""
        self.room.lamp(waste, shown, self.timeline.now)

    def after(self, seconds: float) -> int:
        """How many wet bins the sensors see so much later."""
        self.timeline.run_until(self.timeline.now + seconds)
        return self.device.count(WET)


def test_the_lamp_sends_the_keeper_who_rolls_out_one_by_one_and_back() -> None:
    """The sensors see 4, 3, 2, 1, 0, and after the truck 1 to 5 with nothing but their tare."""
    world = World()
    world.lamp("due")
    assert world.after(KEEPER_LOOKS_S[1] + 5 * EACH_MOST_S) == 0
    assert [count for _, count, _ in world.device.seen[WET]] == [5, 4, 3, 2, 1, 0]
    assert world.device.presses == ["bins_out"] and world.room.to_take(WET) == 5
    world.room.truck_stands(WET, 185.0)
    assert world.after(185.0) == 0
    assert world.room.collect(WET) == (5, 250_000, 0)
    world.lamp("off")
    assert world.after(BRINGS_BACK_S[1] + 5 * EACH_MOST_S) == 5
    assert world.device.seen[WET][-1][2] == 5 * TARE_GRAMS and world.device.count(DRY) == 5


def test_a_call_that_ends_without_a_truck_sends_the_bins_back_full() -> None:
    """Held leaves them where they are, off does not."""
    world = World()
    world.lamp("due")
    world.after(400)
    world.lamp("held")
    assert world.after(1200) == 0
    world.lamp("off")
    assert world.after(BRINGS_BACK_S[1] + 5 * EACH_MOST_S) == 5
    assert world.device.seen[WET][-1][2] == 5 * (50_000 + TARE_GRAMS)


def test_a_crew_fetches_the_bins_from_the_room() -> None:
    """No keeper moves; each bin is gone for a moment while the truck stands there."""
    world = World(crew_fetches=True)
    world.lamp("due")
    assert world.after(3000) == 5
    world.room.truck_stands(WET, 185.0)
    assert world.after(185.0) == 5
    assert min(count for _, count, _ in world.device.seen[WET]) < 5
    assert world.room.collect(WET) == (5, 250_000, 0) and world.device.seen[WET][-1][2] == 5 * TARE_GRAMS


def test_a_keeper_who_goes_by_the_timetable_sees_no_lamp() -> None:
    """A quarter of an hour before the printed time the bins go out, however late the truck is, and back after it."""
    world = World(goes_by="timetable")
    world.room.truck_is_planned(WET, 3600.0)
    world.lamp("due")
    assert world.after(2690.0) == 5
    assert world.after(10.0 + 5 * EACH_MOST_S) == 0
    world.lamp("off")
    assert world.after(3600.0) == 0
    assert world.room.collect(WET) == (5, 250_000, 0)
    assert world.after(BRINGS_BACK_S[1] + 5 * EACH_MOST_S) == 5


def test_bins_that_always_stand_outside() -> None:
    """They are out from the beginning, and stay there emptied."""
    world = World(goes_by="always")
    assert world.after(5 * EACH_MOST_S) == 0
    world.lamp("off")
    assert world.room.to_take(WET) == 5
    assert world.room.collect(WET) == (5, 250_000, 0)
    assert world.after(7200.0) == 0
    outside = [change.number for change in world.room.evidence.bins_outside if change.waste == WET]
    assert outside == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("habit", "taken", "wet_back", "dry_out"), [("forgets", 4, 5, 5), ("refuses", 4, 5, 5), ("other_kind", 5, 5, 4)]
)
def test_what_people_should_not_do(habit: str, taken: int, wet_back: int, dry_out: int) -> None:
    """A bin is forgotten in the room, refused by the crew, or one of another kind is put out; all come back."""
    world = World(**{habit: 1.0})
    world.lamp("due")
    world.after(400)
    assert world.device.count(DRY) == dry_out
    assert world.room.collect(WET)[0] == taken
    assert world.after(BRINGS_BACK_S[1] + 6 * EACH_MOST_S) == wet_back
    assert world.device.count(DRY) == 5


def test_a_late_keeper() -> None:
    """Comes minutes later, and brings the bins back much later."""
    world = World(late=1.0)
    world.lamp("due")
    assert world.after(KEEPER_LOOKS_S[1]) == 5
    assert world.after(COMES_LATE_S[1]) == 0
    world.room.collect(WET)
    assert world.after(BRINGS_BACK_S[1] + 5 * EACH_MOST_S) == 0
    assert world.after(BRINGS_BACK_LATE_S[1]) == 5


def test_a_crew_that_finds_nothing_outside_calls_the_keeper_and_waits() -> None:
    """Nobody saw the lamp."""
    world = World()
    world.room.truck_stands(WET, 300.0)
    world.after(KEEPER_LOOKS_S[1] / 3 + 1)
    assert world.room.is_rolling(WET)
    assert world.after(5 * EACH_MOST_S) == 0 and not world.room.is_rolling(WET)


def test_waste_is_thrown_into_bins_with_space_only() -> None:
    """The emptiest first; into none where all are full or outside."""
    bins = Bins([FULL_GRAMS[1], 0])
    assert bins.throw_in(4_000) and bins.inside == [FULL_GRAMS[1], 4_000]
    assert not Bins([FULL_GRAMS[1]]).throw_in(4_000) and not Bins([]).throw_in(4_000)


def test_a_keeper_who_does_not_come() -> None:
    """Neither for the lamp nor for the crew, which leaves without bins; the next call finds somebody, perhaps."""
    world = World(absent=1.0)
    world.lamp("due")
    assert world.after(COMES_LATE_S[1]) == 5
    assert world.room.to_take(WET) == 0
    world.room.truck_stands(WET, 210.0)
    assert world.after(210.0) == 5 and world.room.collect(WET) == (0, 0, 0)
    world.lamp("off")
    world.room.habits = Habits(refill=False)
    world.lamp("due")
    assert world.after(KEEPER_LOOKS_S[1] + 5 * EACH_MOST_S) == 0


def test_the_wrong_kind_is_put_out_until_the_crew_says_so() -> None:
    """Dry bins stand outside for the wet truck; then the wet ones come out as well, and all go back."""
    world = World(wrong_kind=1.0)
    world.lamp("due")
    assert world.after(KEEPER_LOOKS_S[1] + 5 * EACH_MOST_S) == 5 and world.device.count(DRY) == 0
    assert world.device.presses == ["bins_out"]
    world.room.truck_stands(WET, 300.0)
    assert world.after(KEEPER_LOOKS_S[1] / 3 + 5 * EACH_MOST_S) == 0
    assert world.room.collect(WET) == (5, 250_000, 0)
    world.lamp("off")
    assert world.after(BRINGS_BACK_S[1] + 6 * EACH_MOST_S) == 5 and world.device.count(DRY) == 5
    assert world.device.seen[DRY][-1][2] == 5 * (50_000 + TARE_GRAMS)


def test_the_wrong_kind_goes_back_when_no_truck_comes() -> None:
    """The lamp went dark before anybody saw the mistake."""
    world = World(wrong_kind=1.0)
    world.lamp("due")
    world.after(400)
    world.lamp("off")
    assert world.after(BRINGS_BACK_S[1] + 6 * EACH_MOST_S) == 5 and world.device.count(DRY) == 5


def test_somebody_walks_over_the_platform() -> None:
    """For some seconds the cell weighs a person more; the bins are as they were."""
    world = World(walks_an_hour=30.0)
    world.after(4 * 3600)
    grams = [each for _, _, each in world.device.seen[WET]]
    steps = [(at, each) for at, _, each in world.device.seen[WET][1:]]
    still = 5 * (50_000 + TARE_GRAMS)
    assert 60 <= sum(each > still for each in grams) <= 200
    assert all(WALKER_GRAMS[0] <= each - still for each in grams if each != still)
    alone = [(a, b) for a, b in itertools.pairwise(steps) if a[1] != still and b[1] == still]
    assert alone and all(then[0] - at[0] <= WALKS_OVER_S[1] for at, then in alone)
