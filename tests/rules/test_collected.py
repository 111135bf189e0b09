"""What was collected, by readings alone: stories, and random roll-outs against a plain model of the bins."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.rules.collecting.collected import Collected, collected, collected_and_settled
from broker.rules.collecting.moves import Span
from broker.rules.collecting.readings import KEPT_S, MOST, Reading, Readings

CALL, ARRIVED, LEFT = 10_000, 11_000, 11_300
UNTIL = LEFT + 2700
SPAN = Span(CALL - 3600, ARRIVED, LEFT, UNTIL)
TARE = 12_000


def readings(*rows: tuple[int, int | None, int | None] | tuple[int, int | None, int | None, int]) -> Readings:
    """At these seconds the sensors saw so many bins and grams, of this quality (0)."""
    memory = Readings()
    for number, (at, bins, grams, *quality) in enumerate(rows):
        memory.add(Reading(at, 1, number, bins, grams, *(quality or [0])))
    return memory


def amounts(memory: Readings, span: Span = SPAN, tare_grams: int | None = None) -> Collected:
    """What these readings say was collected in a span."""
    return collected(memory.between(span.from_at, span.until_at), span, tare_grams)


def taken(memory: Readings, span: Span = SPAN, tare_grams: int | None = None) -> tuple[int | None, int | None]:
    """(bins, grams) of `amounts`."""
    found = amounts(memory, span, tare_grams)
    grams = None if None in (found.grams_before, found.grams_after) else found.grams_before - found.grams_after
    return found.bins, grams


def seen_again(memory: Readings, tare_grams: int | None = None) -> tuple[int | None, int | None]:
    """`taken`, two hours after the truck."""
    found = collected(memory.between(SPAN.from_at, LEFT + 7200), SPAN, tare_grams)
    grams = None if None in (found.grams_before, found.grams_after) else found.grams_before - found.grams_after
    return found.bins, grams


OUT = ((0, 5, 300_000), (CALL + 60, 4, 240_000), (CALL + 80, 2, 120_000), (CALL + 100, 0, 0))


def test_bins_are_rolled_out_emptied_and_rolled_back() -> None:
    """Nothing stood in the room when the truck came; all five were emptied of 240 kg."""
    memory = readings(*OUT, (LEFT + 100, 1, 12_000), (LEFT + 115, 3, 36_000), (LEFT + 130, 5, 60_000))
    assert amounts(memory) == Collected(5, 0, 300_000, 60_000, TARE, 0)


@pytest.mark.parametrize(
    "walks",
    [
        ((-900, 5, 372_000), (-890, 5, 300_000)),  # before any bin moved
        ((200, 0, 72_000), (206, 0, 0)),  # while they are outside
        ((200, 0, 72_000), (204, 0, 141_000), (230, 0, 69_500), (236, 0, 0)),  # and another one beside him
        ((1120, 0, 72_000), (1150, 0, 0)),  # the truck stands there
        ((1350, 0, 72_000), (1360, 0, 0)),  # it has just left
        ((1390, 0, 72_000), (1400, 1, 84_000), (1404, 1, 12_000)),  # the keeper, with the first bin that comes back
        ((1450, 5, 130_000), (1460, 5, 60_000)),  # afterwards
    ],
)
def test_who_stands_on_the_scale_for_a_moment_is_no_waste(walks: tuple[tuple[int, int, int], ...]) -> None:
    """Five bins of 240 kg were emptied, whoever walks over the platform meanwhile."""
    back = ((LEFT + 100, 1, 12_000), (LEFT + 115, 3, 36_000), (LEFT + 130, 5, 60_000))
    rows = sorted([*OUT, *back, *((CALL + at, bins, grams) for at, bins, grams in walks)])
    assert taken(readings(*rows)) == (5, 240_000)


def test_who_stands_on_the_scale_is_no_bin_where_the_weight_counts() -> None:
    """The count rises and falls with him."""
    back = ((LEFT + 100, 1, 12_000), (LEFT + 115, 3, 36_000), (LEFT + 130, 5, 60_000))
    walks = ((CALL - 900, 6, 372_000), (CALL - 895, 5, 300_000), (CALL + 300, 1, 72_000), (CALL + 308, 0, 0))
    assert taken(readings(*sorted([*OUT, *back, *walks]))) == (5, 240_000)


def test_what_stays_on_the_scale_for_longer_is_waste() -> None:
    """It came before the bins were rolled out, and was emptied with them."""
    rows = ((0, 5, 300_000), (CALL - 900, 5, 330_000), (CALL + 60, 0, 0))
    assert taken(readings(*rows, (LEFT + 100, 5, 60_000))) == (5, 270_000)


def test_a_roll_out_before_the_call_is_the_visits() -> None:
    """The keeper knew the timetable."""
    memory = readings((0, 5, 300_000), (CALL - 1500, 0, 0), (LEFT + 100, 5, 60_000))
    assert taken(memory) == (5, 240_000)


def test_a_change_hours_before_the_call_is_nobodys() -> None:
    """Two bins were taken away for good."""
    memory = readings((0, 7, 420_000), (CALL - 4000, 5, 300_000), (CALL + 60, 0, 0), (LEFT + 100, 5, 60_000))
    assert taken(memory) == (5, 240_000)


def test_a_crew_fetches_one_bin_after_the_other() -> None:
    """The count is never below four and five were emptied."""
    rows = [(ARRIVED - 500, 5, 300_000)]
    for number in range(5):
        rows.append((ARRIVED + 50 * number + 10, 4, 240_000 - 48_000 * number))
        rows.append((ARRIVED + 50 * number + 30, 5, 252_000 - 48_000 * number))
    assert taken(readings(*rows)) == (5, 240_000)


def test_a_container_that_is_emptied_where_it_stands() -> None:
    """Its level falls and nothing comes back; there is no tare."""
    assert taken(readings((0, 6, 300_000), (LEFT - 60, 0, 0))) == (6, 300_000)
    assert taken(readings((0, 6, None), (LEFT + 8, 0, None))) == (6, None)


@pytest.mark.parametrize("at_once", [False, True])
def test_one_bin_comes_back_full(at_once: bool) -> None:
    """The crew refused it: four were emptied. Where all come at once the tare must be known from before."""
    back = [(LEFT + 60, 1, 12_000), (LEFT + 75, 2, 72_000), (LEFT + 90, 3, 84_000), (LEFT + 110, 5, 108_000)]
    memory = readings(*OUT, *(back[-1:] if at_once else back))
    assert taken(memory, tare_grams=TARE if at_once else None) == (4, 192_000)


def test_what_comes_back_before_the_truck_came_was_not_emptied() -> None:
    """The keeper rolled one in again."""
    memory = readings(*OUT, (ARRIVED - 300, 1, 60_000), (LEFT + 60, 5, 108_000))
    assert taken(memory, tare_grams=TARE) == (4, 192_000)
    assert taken(readings((0, 5, None), (CALL, 0, None), (ARRIVED - 300, 1, None), (LEFT, 5, None))) == (4, None)


def test_an_arrival_that_was_noticed_too_late() -> None:
    """The truck was not heard when it came: bins that weigh their tare were emptied before the arrival on record."""
    memory = readings(*OUT, (ARRIVED - 300, 1, 12_000), (ARRIVED - 90, 2, 24_000), (LEFT + 60, 5, 60_000))
    assert taken(memory, tare_grams=TARE) == (5, 240_000)
    assert taken(readings((0, 5, None), (CALL, 0, None), (ARRIVED - 90, 1, None), (LEFT, 5, None))) == (5, None)


def test_all_of_them_come_back_as_heavy_as_they_left() -> None:
    """Nobody emptied anything, though nobody knows the tare."""
    assert taken(readings(*OUT, (LEFT + 60, 5, 300_000))) == (0, 0)


def test_bins_that_leave_after_the_truck_are_not_its_own() -> None:
    """A late keeper; they come back full."""
    memory = readings(
        (0, 5, 300_000), (CALL + 60, 2, 120_000), (LEFT + 40, 0, 0),
        (LEFT + 100, 1, 12_000), (LEFT + 115, 2, 24_000), (LEFT + 130, 3, 36_000), (LEFT + 200, 5, 156_000),
    )  # fmt: skip
    assert taken(memory) == (3, 144_000)


@pytest.mark.parametrize(("tare", "grams"), [(None, None), (TARE, 240_000)])
def test_bins_that_are_not_back_in_time_weigh_their_tare(tare: int | None, grams: int | None) -> None:
    """45 minutes after the departure all are still outside; what they weigh is not known before one came back."""
    assert taken(readings(*OUT), tare_grams=tare) == (5, grams)


BACK_LATE = [(UNTIL + 100 + 10 * number, number, TARE * number) for number in range(1, 6)]


def test_bins_that_come_back_too_late_still_say_what_they_weigh() -> None:
    """The first day of a room whose keeper is late: kilograms are known from then on."""
    assert seen_again(readings(*OUT, *BACK_LATE[:1])) == (5, 240_000)
    found = collected(readings(*OUT, *BACK_LATE).between(0, UNTIL + 9000), SPAN)
    assert (found.bins, found.grams_before, found.grams_after, found.tare_grams) == (5, 300_000, 60_000, TARE)


@pytest.mark.parametrize("tare", [None, TARE])
def test_a_refused_bin_that_comes_back_too_late_was_not_emptied(tare: int | None) -> None:
    """It weighs what it did when it left, an hour after the truck had gone; the others are back in time or not."""
    in_time = readings(*OUT, *((LEFT + 10 * n, n, TARE * n) for n in range(1, 5)), (UNTIL + 300, 5, 108_000))
    assert seen_again(in_time, tare) == (4, 192_000)
    late = readings(*OUT, (UNTIL + 300, 1, 60_000), *((UNTIL + 400 + n, n, 48_000 + TARE * n) for n in range(2, 6)))
    assert seen_again(late, tare) == (4, 192_000)


def test_what_comes_back_too_late_half_full_is_not_known() -> None:
    """It was emptied and filled again in the street, or left half full: nobody knows."""
    in_time = [(LEFT + 10 * number, number, TARE * number) for number in range(1, 5)]
    assert seen_again(readings(*OUT, *in_time, (UNTIL + 300, 5, 80_000))) == (None, None)
    assert seen_again(readings(*OUT, *in_time, (UNTIL + 300, 5, 62_000))) == (5, 240_000)


def test_the_next_roll_out_is_not_bins_that_come_back_too_late() -> None:
    """What moves after the first bin that leaves again is of another truck."""
    next_out = [(UNTIL + 200, 4, 50_000), (UNTIL + 300, 5, 110_000)]
    in_time = [(LEFT + 10 * number, number, TARE * number) for number in range(1, 5)]
    assert seen_again(readings(*OUT, *in_time, (UNTIL + 50, 4, 60_000), *next_out), TARE) == (5, 240_000)


def test_beams_cannot_tell_a_full_bin_that_comes_back_too_late() -> None:
    """They count it as emptied, as the technician's page says."""
    assert seen_again(readings(*((at, bins, None) for at, bins, _ in OUT), (UNTIL + 300, 1, None))) == (5, None)


def test_some_are_back_in_time() -> None:
    """The tare of the others is that of those."""
    assert taken(readings(*OUT, (LEFT + 60, 1, 12_000), (LEFT + 80, 2, 24_000))) == (5, 240_000)


def test_waste_that_is_thrown_in_meanwhile_is_not_less_collected() -> None:
    """One bin was forgotten in the room and filled; a bin that was brought went out as well."""
    memory = readings(
        (0, 5, 300_000), (CALL + 60, 1, 60_000), (CALL + 200, 1, 66_000), (ARRIVED + 30, 1, 69_000),
        (LEFT + 60, 3, 93_000), (LEFT + 80, 5, 117_000), (LEFT + 400, 5, 140_000),
    )  # fmt: skip
    assert taken(memory) == (4, 192_000)
    brought = readings((0, 2, 100_000), (CALL + 10, 3, 150_000), (CALL + 60, 0, 0), (LEFT + 60, 3, 36_000))
    assert taken(brought) == (3, 114_000)


def test_the_scale_may_see_a_bin_before_the_beam_does_or_after() -> None:
    """Count and weight come one after the other, both ways."""
    memory = readings(
        (0, 2, 120_000), (CALL + 10, 2, 60_000), (CALL + 14, 1, 60_000), (CALL + 20, 0, 60_000), (CALL + 25, 0, 0),
        (LEFT + 60, 1, 0), (LEFT + 64, 1, 12_000), (LEFT + 70, 2, 12_000), (LEFT + 90, 2, 24_000),
    )  # fmt: skip
    assert taken(memory) == (2, 96_000)


def test_bins_counted_by_weight_that_come_back_at_once() -> None:
    """Three emptied ones are counted as one and weigh no full one. Five may be five or one that was refused."""
    three = ((0, 3, 180_000), (CALL + 60, 2, 120_000), (CALL + 80, 1, 60_000), (CALL + 100, 0, 0))
    assert taken(readings(*three, (LEFT + 60, 1, 36_000)), tare_grams=TARE) == (3, 144_000)
    assert taken(readings(*OUT, (LEFT + 60, 1, 60_000))) == (None, None)
    assert taken(readings(*OUT, (LEFT + 60, 1, 60_000)), tare_grams=TARE) == (None, None)
    others = ((LEFT + 60 + number, number, 48_000 + number * TARE) for number in range(2, 6))
    assert taken(readings(*OUT, (LEFT + 60, 1, 60_000), *others)) == (4, 192_000)


def test_the_scale_may_see_a_bin_come_back_before_the_ranger_does() -> None:
    """A ranger believes it ten seconds later; what was weighed meanwhile is the bin, and no waste."""
    memory = readings((0, 1, 60_000), (CALL, 1, 0), (CALL + 8, 0, 0), (LEFT + 60, 0, 12_000), (LEFT + 68, 1, 12_000))
    assert taken(memory) == (1, 48_000)


def test_a_bag_that_is_thrown_in_just_after_a_bin_came_back_is_waste() -> None:
    """It is no part of the bin, and no second one: two light bins were fetched and emptied."""
    memory = readings(
        (0, 2, 32_000), (ARRIVED + 10, 1, 16_000), (ARRIVED + 28, 2, 28_000), (ARRIVED + 37, 1, 12_000),
        (ARRIVED + 55, 2, 24_000), (ARRIVED + 62, 2, 28_000),
    )  # fmt: skip
    assert taken(memory, tare_grams=TARE) == (2, 8_000)


def test_a_container_on_a_cell_falls_at_once() -> None:
    """Nothing of it is outside; of bins that left one after the other something is."""
    assert taken(readings((0, 6, 300_000), (LEFT - 60, 0, 0))) == (6, 300_000)
    assert taken(readings((0, 2, 120_000), (LEFT - 60, 1, 60_000), (LEFT - 40, 0, 0))) == (2, None)


def test_weight_alone_and_count_alone() -> None:
    """Kilograms without bins, bins without kilograms."""
    assert taken(readings(*((at, None, grams) for at, _, grams in OUT), (LEFT + 60, None, 60_000))) == (None, 240_000)
    assert taken(readings(*((at, bins, None) for at, bins, _ in OUT), (LEFT + 60, 5, None))) == (5, None)


def test_nothing_moved() -> None:
    """The unit is there and says what it said: nothing was collected, and that is known."""
    assert taken(readings((0, 5, 300_000))) == (0, 0)


@pytest.mark.parametrize(
    "rows",
    [
        [], [(0, None, None)], [(0, 5, 300_000, 4)], [(ARRIVED + 100, 0, 0)],
        [*OUT[:2], (CALL + 70, None, None, 4), (LEFT + 100, 0, 0)],
        [(0, 5, 300_000), (CALL, 5, 300_000, 3), (LEFT + 100, 5, 60_000)],
    ],
)  # fmt: skip
def test_what_nobody_saw_is_not_known(rows: list[Any]) -> None:
    """No reading, none that says anything, none before the truck came, none while it left."""
    bins, grams = taken(readings(*rows))
    assert bins is None
    assert grams is None or rows[-1][1] == 5


def test_a_bad_reading_between_good_ones_does_no_harm() -> None:
    """The amplifier hung for a moment of the roll-out; the worst quality is named."""
    memory = readings(*OUT[:2], (CALL + 70, 4, None, 4), *OUT[2:], (LEFT + 60, 5, 60_000, 1))
    assert taken(memory) == (5, 240_000) and amounts(memory).quality == 4


@pytest.mark.parametrize("dies_at", [0, CALL + 60, CALL + 80, CALL + 100, LEFT + 100, LEFT + 115, LEFT + 130])
def test_bins_are_counted_on_when_the_cell_dies(dies_at: int) -> None:
    """Beams count all the way; kilograms of which a part was not weighed are unknown, never a wrong sum."""
    rows = [*OUT, (LEFT + 100, 1, 12_000), (LEFT + 115, 3, 36_000), (LEFT + 130, 5, 60_000)]
    seen = [(at, bins, None, 2) if at >= dies_at else (at, bins, grams) for at, bins, grams in rows]
    assert taken(readings(*seen)) == (5, None)


def test_a_cell_that_is_away_while_no_bin_moves_costs_nothing() -> None:
    """It answers again before the first bin leaves, and between truck and way back."""
    rows = (OUT[0], (100, 5, None, 2), (200, 5, 301_000), *OUT[1:], (LEFT + 10, 0, None, 2), (LEFT + 90, 0, 0))
    memory = readings(*rows, (LEFT + 100, 1, 12_000), (LEFT + 115, 3, 36_000), (LEFT + 130, 5, 60_000))
    assert taken(memory) == (5, 241_000)


def test_a_unit_that_fell_silent() -> None:
    """Nobody knows what was taken until its backlog comes, in whatever order."""
    memory = readings(OUT[0])
    memory.add(Reading.silence(CALL))
    assert taken(memory) == (None, None)
    memory.add(Reading(LEFT + 400, 1, 90, 5, 60_000, 0))
    for number, (at, bins, grams) in sorted(enumerate(OUT[1:], 10), reverse=True):
        memory.add(Reading(at, 1, number, bins, grams, 0))
    assert taken(memory) == (5, 240_000)


def without_power(*rows: tuple[int, int | None, int | None], boots: Sequence[int]) -> tuple[int | None, int | None]:
    """What was taken by a unit that was restarted between these readings; the first of a boot has not weighed yet."""
    memory = Readings()
    for number, ((at, bins, grams), boot) in enumerate(zip(rows, boots, strict=True)):
        if number and boot != boots[number - 1]:
            memory.add(Reading(at - 4, boot, number, bins, None, 2 if bins is not None else 4))
        memory.add(Reading(at, boot, number + 1, bins, grams, 0))
    return taken(memory)


@pytest.mark.parametrize("weighs", [True, False])
@pytest.mark.parametrize("began", range(2, 5))
def test_what_passes_a_unit_without_power_is_not_seen(weighs: bool, began: int) -> None:
    """Its count is what it was; that nothing moved meanwhile the weight alone knows."""
    rows = [*OUT, (LEFT - 100, 0, 0), (LEFT + 100, 5, 60_000)]
    rows.insert(began, (rows[began - 1][0] + 5, *rows[began - 1][1:]))
    said = [(at, bins, grams if weighs else None) for at, bins, grams in rows]
    boots = [1] * began + [2] * (len(rows) - began)
    assert without_power(*said, boots=boots) == ((5, 240_000) if weighs else (None, None))


def test_a_roll_out_past_a_unit_without_power_is_no_small_one() -> None:
    """Three of five left unseen: the count goes on from five, the weight has fallen."""
    rows = [(0, 5, 300_000), (CALL + 60, 5, 120_000), (CALL + 100, 3, 0), (LEFT + 100, 8, 60_000)]
    assert without_power(*rows, boots=[1, 2, 2, 2]) == (None, None)
    assert without_power(*((at, n, None) for at, n, _ in rows), boots=[1, 2, 2, 2]) == (None, None)


def test_all_were_outside_when_the_unit_lost_its_power() -> None:
    """Nothing could leave any more, and what came back weighs what emptied bins weigh; beams alone do not know that."""
    assert without_power(*OUT, (LEFT + 200, 5, 60_000), boots=[1, 1, 1, 1, 2]) == (5, 240_000)
    assert without_power(*OUT, (LEFT + 200, 4, 48_000), boots=[1, 1, 1, 1, 2]) == (5, 240_000)
    assert without_power(*OUT, (LEFT + 200, 5, 300_000), boots=[1, 1, 1, 1, 2]) == (0, 0)
    counted = ((at, n, None) for at, n, _ in OUT)
    assert without_power(*counted, (LEFT + 200, 0, None), boots=[1, 1, 1, 1, 2]) == (None, None)


def test_what_waits_is_what_stood_there_before_the_roll_out() -> None:
    """Before, while and after the bins roll out, one of them back again."""
    memory = readings(*OUT, (CALL + 300, 1, 60_000))
    for now in (CALL, CALL + 70, CALL + 200, CALL + 400):
        waits = collected(memory.between(CALL - 3600, now), Span(CALL - 3600, None, None, now))
        assert (waits.bins_before, waits.bins_after, waits.grams_before) == (5, None, 300_000)


@pytest.mark.parametrize("backwards", [False, True])
def test_what_a_unit_tells_of_the_hours_it_was_away_is_not_too_old(backwards: bool) -> None:
    """It was lost before the roll-out and comes back ten hours later: first the newest, then its backlog."""
    memory = readings(OUT[0])
    memory.add(Reading.silence(CALL - 100))
    memory.add(Reading(CALL + 36_000, 1, 90, 5, 60_000, 0))
    backlog = [*OUT[1:], *((LEFT + 100 + n, n, TARE * n) for n in range(1, 6))]
    for number, (at, bins, grams) in sorted(enumerate(backlog, 10), reverse=backwards):
        memory.add(Reading(at, 1, number, bins, grams, 0))
    assert memory.whole_since <= SPAN.from_at and taken(memory) == (5, 240_000)
    for at in range(CALL + 36_000, CALL + 60_000, 600):
        memory.add(Reading(at, 1, 100 + at, 5, 60_000, 0))
    assert memory.whole_since > UNTIL


def test_the_memory_is_bounded_and_keeps_what_stood_before_it() -> None:
    """Hours of readings are left behind, but the last that says something; a unit that talks on costs no more."""
    memory = readings((0, 5, 1), (KEPT_S + 50, None, None, 4), (2 * KEPT_S, 4, 1))
    assert [one.bins for one in memory.between(2 * KEPT_S - 10, 3 * KEPT_S)] == [5, None, 4]
    for at in range(2 * MOST):
        memory.add(Reading(3 * KEPT_S + at, 1, at, 3, 1, 0))
    assert len(memory.between(0, 9 * KEPT_S)) == MOST


# --- against a plain model ------------------------------------------------------------------------------


@dataclass
class Room:
    """Bins with their waste; every move is reported, some only with the next."""

    dice: random.Random
    inside: list[int]
    outside: list[int] = field(default_factory=list)
    reports: list[Reading] = field(default_factory=list)

    def report(self, at: int) -> None:
        """What the sensors see."""
        grams = sum(self.inside) + TARE * len(self.inside)
        self.reports.append(Reading(at, 1, len(self.reports) + 1, len(self.inside), grams, 0))

    def out(self, at: int) -> None:
        """A bin with waste leaves the room."""
        full = [waste for waste in self.inside if waste]
        if full:
            self.inside.remove(one := self.dice.choice(full))
            self.outside.append(one)
            self.report(at)

    def back(self, at: int) -> None:
        """Any bin comes back."""
        if self.outside:
            self.inside.append(self.outside.pop(self.dice.randrange(len(self.outside))))
            self.report(at)

    def thrown_in(self, at: int) -> None:
        """Somebody brings a bag."""
        if self.inside:
            self.inside[self.inside.index(min(self.inside))] += self.dice.randint(1_000, 4_000)
            self.report(at)

    def emptied(self, but: int) -> tuple[int, int]:
        """The crew empties what stands outside, but so many."""
        full = [number for number, waste in enumerate(self.outside) if waste][: len(self.outside) - but]
        grams = sum(self.outside[number] for number in full)
        for number in full:
            self.outside[number] = 0
        return len(full), grams


@settings(max_examples=300, deadline=None, database=None)
@given(
    dice=st.randoms(use_true_random=False), bins=st.integers(1, 14), out=st.integers(0, 14), again=st.integers(0, 2),
    fetched=st.integers(0, 6), refused=st.integers(0, 1), late=st.integers(0, 3), bags=st.integers(0, 3),
)  # fmt: skip
def test_collected_is_what_a_plain_model_of_the_bins_says(
    dice: random.Random, bins: int, out: int, again: int, fetched: int, refused: int, late: int, bags: int
) -> None:
    """Rolled out, some back again before the truck, fetched, refused, put out too late, and all back: bins are exact,
    kilograms to what scales waver; whatever the order in which the reports come, and said twice.
    """
    room = Room(dice, [dice.randint(35_000, 60_000) for _ in range(bins)])
    room.report(CALL - 3000)
    moves = [room.out] * out + [room.back] * again + [room.out] * again + [room.thrown_in] * bags
    for number, move in enumerate(moves):
        move(CALL + 20 * number)
    count = grams = 0
    for number in range(fetched):
        if any(room.inside):
            room.out(ARRIVED + 45 * number)
            full, room.outside = room.outside, room.outside[-1:]
            more = room.emptied(0)
            count, grams = count + more[0], grams + more[1]
            room.outside = full[:-1] + room.outside
            room.inside.append(room.outside.pop())
            room.report(ARRIVED + 45 * number + 20)
    more = room.emptied(refused)
    count, grams = count + more[0], grams + more[1]
    for number in range(late):
        room.out(LEFT + 15 + 10 * number)
    at = LEFT + 100
    while room.outside:
        room.back(at)
        at += dice.randint(8, 40)
    told = room.reports[:1] + dice.sample(room.reports[1:], len(room.reports) - 1) + dice.choices(room.reports, k=3)
    memory = Readings()
    for reading in told:
        memory.add(reading)
    found_bins, found_grams = taken(memory, tare_grams=TARE)
    assert found_bins == count
    assert found_grams is not None and abs(found_grams - grams) <= 500


@settings(max_examples=200, deadline=None, database=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(CALL - 4000, UNTIL + 2000), st.none() | st.integers(0, 40), st.none() | st.integers(-9, 10**6),
            st.integers(0, 4),
        ),
        max_size=30,
    ),
    tare=st.none() | st.integers(0, 100_000),
    left=st.none() | st.integers(ARRIVED, ARRIVED + 900),
    silent=st.lists(st.integers(CALL - 4000, UNTIL), max_size=2),
)  # fmt: skip
def test_whatever_sensors_say_the_amounts_are_amounts(
    rows: Sequence[tuple[int, int | None, int | None, int]], tare: int | None, left: int | None, silent: list[int]
) -> None:
    """Never more bins than there were, never fewer than none; and the order of the reports changes nothing."""
    memory, backwards = readings(*rows), Readings()
    for number, (at, bins, grams, quality) in reversed(list(enumerate(rows))):
        backwards.add(Reading(at, 1, number, bins, grams, quality))
    for at in silent:
        memory.add(Reading.silence(at))
        backwards.add(Reading.silence(at))
    span = SPAN._replace(left_at=left)
    found = amounts(memory, span, tare)
    assert found == amounts(backwards, span, tare)
    if found.bins is not None:
        assert 0 <= found.bins <= (found.bins_before or 0)


@settings(max_examples=200, deadline=None, database=None)
@given(st.integers(min_value=0, max_value=2**32))
def test_what_is_settled_no_later_reading_changes(seed: int) -> None:
    """All bins are back: whoever steps on the scale, and whatever is brought or rolled out after that, is of others."""
    dice = random.Random(seed)
    rows = [*OUT, (LEFT + 100, 5, dice.choice([None, 60_000, 75_000])), (LEFT + 200, 5, 61_000)]
    memory = readings(*rows)
    found, settled_at = collected_and_settled(memory.between(0, LEFT + 7200), SPAN, TARE)
    assert settled_at is not None
    at = settled_at
    for number in range(len(rows), len(rows) + 12):
        at += dice.randint(1, 400)
        bins, grams = dice.choice([None, *range(7)]), dice.choice([None, 0, 61_000, 140_000])
        memory.add(Reading(at, dice.randint(1, 2), number, bins, grams, dice.randint(0, 4)))
        assert collected(memory.between(0, LEFT + 7200), SPAN, TARE) == found


def test_a_late_reading_unsettles() -> None:
    """What a unit tells of before is counted, though all was settled; a newer one is known to change nothing."""
    memory = readings(*OUT)
    memory.settle("visit", 1, CALL + 200)
    assert memory.is_settled("visit", 1, CALL + 300) and not memory.is_settled("visit", 2, CALL + 300)
    assert not memory.is_settled("visit", 1, CALL + 200)
    memory.add(Reading(CALL + 90, 1, 99, 1, 60_000, 0))
    assert not memory.is_settled("visit", 1, CALL + 300)
