"""Bookings on the bridge: a property books, a truck comes; whatever is said is on record, over kill -9 too."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.rules.bookings.disputing import dispute_until_at
from broker.rules.day.attention.asked import Topic
from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.states.visit import Visit
from tests.support.bridge.afternoon import Afternoon

pytestmark = pytest.mark.real  # tenths of a second each


@pytest.fixture
def noon(tmp_path: Path) -> Iterator[Afternoon]:
    """Noon of a Thursday: two trucks on call stand in the west."""
    afternoon = Afternoon(tmp_path)
    afternoon.step(20)
    yield afternoon
    afternoon.close()


def test_a_truck_comes_that_was_booked(noon: Afternoon) -> None:
    """From the hold to the weigh-in: its states are those of the truck, and each is on record."""
    booking = noon.accepted(hour=13, litres=1_000)
    noon.step(2)
    assert noon.itinerary() == [("p01", "pending")]
    noon.until(12.9)
    noon.drive("t97", "p01")
    assert noon.known(booking).state == "en_route"
    noon.until(13)
    noon.step(200)
    assert noon.known(booking).state == "at_site"
    noon.do("loaded", booking, "crew of t97", litres=1_400)
    assert noon.known(booking).overfilled
    noon.drive("t97", "p08")
    noon.step(60)
    assert noon.itinerary() == [("p01", "served")]
    noon.bridge.act(Act("weigh", "station", truck="t97", waste="renovation", grams=1_250_000), noon.now)
    assert noon.states(booking) == [
        "held", "requested", "accepted", "en_route", "at_site", "loaded", "completed"
    ]  # fmt: skip
    done = noon.known(booking)
    assert (done.measured_litres, done.grams, done.loaded_by) == (1_400, 1_250_000, "crew of t97")
    assert done.en_route_at is not None
    assert done.at_site_at is not None
    assert done.en_route_at < done.at_site_at < (done.loaded_at or 0)


def test_a_truck_that_leaves_has_loaded_though_its_crew_says_nothing(noon: Afternoon) -> None:
    """By whom it was measured is not known then; nobody is made up."""
    booking = noon.accepted(hour=13)
    noon.until(12.9)
    noon.drive("t97", "p01")
    noon.until(13)
    noon.step(240)
    noon.drive("t97", "p08")
    noon.step(60)
    assert noon.known(booking).state == "loaded"
    assert (noon.known(booking).loaded_by, noon.known(booking).measured_litres) == (None, None)


def test_a_hold_ends_by_itself_after_five_minutes_and_not_before(noon: Afternoon) -> None:
    """To the second; what was held can be had again then."""
    booking = noon.hold()
    noon.step(299)
    assert noon.known(booking).state == "held"
    noon.step(1)
    assert (noon.known(booking).state, noon.known(booking).by, noon.known(booking).reason) == (
        "expired", "time", "hold_ran_out"
    )  # fmt: skip
    noon.hold()


def test_a_hold_that_has_run_out_books_nothing_though_no_second_has_passed_on_the_bridge(noon: Afternoon) -> None:
    """Whoever taps in the very second in which it ends."""
    booking = noon.hold()
    noon.now += 300
    with pytest.raises(ActionError, match="the hold of this window has run out") as refused:
        noon.do("book", booking)
    assert refused.value.stale
    assert noon.known(booking).state == "held"


def test_an_estate_holds_three_windows_and_no_more(noon: Afternoon) -> None:
    """A fourth can be held once one of them is booked."""
    first, *_ = [noon.hold(hour=hour, litres=100) for hour in (13, 14, 15)]
    with pytest.raises(ActionError, match="this estate holds 3 windows already"):
        noon.hold(hour=16, litres=100)
    noon.do("book", first, litres=100)
    noon.hold(hour=16, litres=100)


def test_a_crew_that_cannot_be_there_in_time_any_more_cannot_say_yes(noon: Afternoon) -> None:
    """It could when it was booked; the truck has three minutes' way, and two minutes are left of the window."""
    noon.until(13.94)
    booking = noon.book(hour=13)
    noon.step(150)
    with pytest.raises(ActionError, match="t97 cannot keep this window any more"):
        noon.do("accept", booking, "crew of t97")
    assert noon.known(booking).state == "requested"


def test_two_can_never_have_one_place(noon: Afternoon) -> None:
    """Of one pile and window, by whatever truck; also while the first is only held."""
    noon.hold()
    with pytest.raises(ActionError, match="booked for that window already"):
        noon.hold(truck="t98")
    with pytest.raises(ActionError, match="the truck's round is another one meanwhile") as refused:
        noon.hold("p03", run_version=0)
    assert refused.value.stale


def test_who_says_yes_to_an_older_round_is_refused(noon: Afternoon) -> None:
    """Compare and swap: the round is another one than the one that was looked at."""
    first, second = noon.book(), noon.book("p03")
    looked_at = noon.bridge.dispatch.day.bookings.rounds[noon.known(first).round_id].version
    noon.do("accept", first, "crew of t97", version=noon.known(first).version, run_version=looked_at)
    with pytest.raises(ActionError, match="another one meanwhile"):
        noon.do("accept", second, "crew of t97", run_version=looked_at)
    with pytest.raises(ActionError, match="somebody changed this booking meanwhile"):
        noon.do("cancel", first, version=1)
    assert noon.known(second).state == "requested"


def test_it_can_be_cancelled_until_the_truck_has_left_the_stop_before(noon: Afternoon) -> None:
    """And not after: the truck is on its way for it."""
    first, second = noon.accepted(hour=13), noon.accepted("p03", hour=13)
    noon.until(12.9)
    noon.drive("t97", "p01")
    noon.until(13)
    noon.step(240)
    assert [noon.known(one).state for one in (first, second)] == ["at_site", "accepted"]
    with pytest.raises(ActionError, match="too late to cancel"):
        noon.do("cancel", first)
    noon.do("loaded", first, "crew of t97", litres=900)
    noon.drive("t97", "p03")
    assert noon.known(second).state == "en_route"
    assert noon.itinerary() == [("p01", "served"), ("p03", "pending")]
    with pytest.raises(ActionError, match="too late to cancel"):
        noon.do("cancel", second)


def test_a_cancelled_booking_is_no_visit_any_more(noon: Afternoon) -> None:
    """The truck is told at once, and a run that owes nothing ends; booked again the same day it begins another."""
    booking = noon.accepted(hour=13)
    noon.step(2)
    assert noon.itinerary() == [("p01", "pending")]
    noon.do("cancel", booking, reason="not_wanted")
    noon.step(2)
    assert noon.itinerary() == [("p01", "cancelled")]
    again = noon.accepted(hour=13)
    noon.step(2)
    assert noon.itinerary() == [("p01", "pending")]
    assert noon.known(again).visit != noon.known(booking).visit


def test_a_truck_that_says_no_passes_it_on_to_the_next(noon: Afternoon) -> None:
    """And the last one that says no declines it, with by and reason."""
    booking = noon.book()
    noon.do("decline", booking, "crew of t97", reason="full_truck")
    passed_on = noon.known(booking)
    assert (passed_on.state, passed_on.truck, passed_on.declined_by) == ("requested", "t98", ("t97",))
    noon.do("decline", booking, "crew of t98", reason="breakdown")
    assert (noon.known(booking).state, noon.known(booking).by, noon.known(booking).reason) == (
        "declined", "crew of t98", "breakdown"
    )  # fmt: skip
    assert not any(one.order for one in noon.bridge.dispatch.day.bookings.rounds.values())


def test_a_change_gives_up_the_old_place_only_for_the_new_one(noon: Afternoon) -> None:
    """One step: refused, nothing is otherwise; else it is asked anew."""
    noon.accepted(hour=15)
    booking = noon.accepted(hour=14)
    before = noon.known(booking)
    with pytest.raises(ActionError, match="booked for that window already"):
        noon.do("change", booking, from_at=noon.at(15))
    with pytest.raises(ActionError, match="the pile has room for"):
        noon.do("change", booking, litres=6_000)
    assert noon.known(booking) == before
    noon.do("change", booking, from_at=noon.at(17), litres=2_000)
    changed = noon.known(booking)
    assert (changed.state, changed.from_at, changed.litres) == ("requested", noon.at(17), 2_000)
    assert changed.accepted_by is None


def test_what_nobody_answers_expires(noon: Afternoon) -> None:
    """At the beginning of its window; who booked can see that it was so."""
    booking = noon.book(hour=13)
    noon.until(12.98, 30)
    assert noon.known(booking).state == "requested"
    noon.until(13.1, 30)
    assert (noon.known(booking).state, noon.known(booking).reason) == ("expired", "nobody_answered")


def test_a_truck_that_never_comes_has_failed_and_its_run_ends(noon: Afternoon) -> None:
    """An hour after its day: by nobody, with the reason; nothing is owed for ever."""
    booking = noon.accepted(hour=13)
    noon.until(13.4, 60)  # its truck is heard and stands where it stood
    assert {one.word for one in noon.bridge.dispatch.day.alarms.values() if one.active} >= {"run_not_begun"}
    noon.speaks["t97"] = False
    noon.until(21.1, 600)
    assert (noon.known(booking).state, noon.known(booking).by, noon.known(booking).reason) == (
        "failed", "time", "not_reached"
    )  # fmt: skip
    assert all(run.state == "finished" for run in noon.bridge.dispatch.day.runs.values())


@pytest.mark.parametrize("deeds", [[], ["accept"], ["accept", "loaded"]], ids=["requested", "accepted", "loaded"])
def test_a_clock_that_is_ahead_ends_no_booking_that_somebody_relies_on(noon: Afternoon, deeds: list[str]) -> None:
    """Two days ahead for three seconds: it is asked, promised or loaded still."""
    booking, now = noon.book(hour=13), noon.now
    for deed in deeds:
        noon.do(deed, booking, "crew of t97", litres=1_000)
    before = noon.known(booking).state
    noon.now = now + 2 * 86400
    noon.step(3)
    noon.now = now + 4
    noon.step(3)
    assert noon.known(booking).state == before
    noon.until(13.1, 30)
    assert noon.known(booking).state == (before if deeds else "expired")


def test_nobody_there_is_a_failure_with_its_reason(noon: Afternoon) -> None:
    """By the crew, at the pile: the visit is cancelled and the run goes on."""
    booking = noon.accepted(hour=13)
    noon.until(12.9)
    noon.drive("t97", "p01")
    noon.until(13)
    noon.step(60)
    noon.do("fail", booking, "crew of t97", reason="no_show")
    noon.step(2)
    assert (noon.known(booking).state, noon.known(booking).reason) == ("failed", "no_show")
    assert noon.itinerary() == [("p01", "cancelled")]


def test_a_blocked_lane_puts_a_booking_off_and_the_truck_comes_back(noon: Afternoon) -> None:
    """The press skips its visit; the second visit is the booking's from then on."""
    booking = noon.accepted(hour=13)
    noon.until(12.9)
    noon.drive("t97", "p01")
    before = noon.known(booking).visit
    noon.press("t97", "lane_blocked")
    noon.step(2)
    again = noon.known(booking)
    assert again.visit is not None
    assert before is not None
    assert again.visit == (before[0], "p01", before[2] + 1)
    assert again.state in ("accepted", "en_route")
    assert "accepted" in noon.states(booking)[3:]


def test_a_breakdown_gives_its_bookings_to_the_other_truck(noon: Afternoon) -> None:
    """As the dispatcher agreed: the visit is in the other's run, and the booking says which truck comes."""
    booking = noon.accepted(hour=13)
    noon.accepted("p10", hour=13, truck="t98")
    noon.until(12.9)
    noon.press("t97", "breakdown")
    noon.step(5)
    offers = noon.bridge.dispatch.day.incidents.offers(("t97", "t97-1-1"))[1]
    others = next(offer for offer in offers if offer["name"] == "others")
    act = Act("decide", "Wang", incident=("t97", "t97-1-1"), decision="extra_truck", offer=others["id"])
    noon.bridge.act(act, noon.now)
    noon.step(2)
    taken = noon.known(booking)
    assert (taken.truck, taken.state) == ("t98", "accepted")
    assert booking in noon.bridge.dispatch.day.bookings.rounds[taken.round_id].order
    assert ("p01", "pending") in noon.itinerary("t98")


def test_what_is_in_the_way_moves_no_window_to_an_earlier_time(noon: Afternoon) -> None:
    """A press, the word that the lane is free, a crew's skip, a road that is open again: it is booked for two."""
    booking = noon.accepted(hour=14)
    noon.until(13.2)
    noon.press("t97", "lane_blocked")
    noon.step(2)
    assert _owed(noon, booking).visit_number == 2
    assert _owed(noon, booking).not_before_at == noon.at(14)
    noon.bridge.act(Act("clear", "Li", incident=("t97", "t97-1-1")), noon.now)
    assert _owed(noon, booking).not_before_at == noon.at(14)
    noon.bridge.act(Act("skip", "crew", visit=noon.known(booking).visit, reason="not_out"), noon.now)
    assert _owed(noon, booking).visit_number == 3
    assert _owed(noon, booking).not_before_at == noon.at(14)
    noon.bridge.act(Act("close_road", "Li", room="p01", until_at=noon.at(14.5)), noon.now)
    assert _owed(noon, booking).not_before_at == noon.at(14.5)
    closure = next(iter(noon.bridge.dispatch.day.closures))
    noon.bridge.act(Act("open_road", "Li", closure=closure), noon.now)
    assert _owed(noon, booking).not_before_at == noon.at(14)


def test_a_visit_that_is_put_off_keeps_its_new_place_and_the_round_knows_it(noon: Afternoon) -> None:
    """The others are not made to wait before a closed road; over a restart too."""
    first, second = noon.accepted("p01", hour=14), noon.accepted("p03", hour=14)
    noon.until(13.5)
    noon.bridge.act(Act("close_road", "Li", room="p01", until_at=noon.at(14.7)), noon.now)
    for restarts in (False, True):
        if restarts:
            noon.kill()
        noon.step(5)
        assert noon.itinerary() == [("p03", "pending"), ("p01", "pending")]
        (round_,) = noon.bridge.dispatch.day.bookings.rounds.values()
        assert round_.order == (second, first)
        assert (noon.known(first).state, noon.known(second).state) == ("accepted", "accepted")


def test_what_is_cancelled_at_once_after_it_was_given_to_another_truck_is_owed_by_nobody(noon: Afternoon) -> None:
    """No second passes between the dispatcher's word and the property's."""
    booking, other = noon.accepted(hour=13), noon.accepted("p03", hour=14)
    noon.until(12.9)
    noon.press("t97", "breakdown")
    noon.step(5)
    incident = ("t97", "t97-1-1")
    offer = noon.bridge.dispatch.day.incidents.offers(incident)[1][0]["id"]
    noon.bridge.act(
        Act("decide", "Wang", incident=incident, decision="extra_truck", offer=offer, truck="t98"), noon.now
    )
    noon.do("cancel", booking)
    noon.step(2)
    owed = [visit.room for visit in noon.bridge.dispatch.day.visits.values() if visit.owed]
    assert (owed, noon.known(other).truck) == (["p03"], "t98")


def test_a_truck_that_stands_between_two_piles_is_an_alarm_where_it_does_not_wait(noon: Afternoon) -> None:
    """Until its window opens it may stand anywhere; then the alarm names the pile."""
    booking = noon.accepted("p01", hour=13)
    noon.accepted("p10", hour=14)
    noon.until(12.9)
    noon.drive("t97", "p01")
    noon.until(13)
    noon.step(200)
    noon.do("loaded", booking, "crew of t97", litres=1_000)
    noon.drive("t97", "p08")
    standing = noon.bridge.dispatch.day.attention.of(Topic.ROAD)
    while noon.now < noon.at(14) - 20:
        noon.step(60)
        assert not standing
    noon.step(900)
    assert [entry.fields()["room"] for entry in standing.values()] == [noon.plan.places["p10"].name]
    assert noon.bridge.counts["rule_faults"] == 0


def _owed(noon: Afternoon, booking: str) -> Visit:
    """The visit that is owed for a booking."""
    visit = noon.known(booking).visit
    assert visit is not None and noon.bridge.dispatch.day.visits[visit].owed
    return noon.bridge.dispatch.day.visits[visit]


@pytest.mark.parametrize("state", ["held", "requested", "accepted", "en_route"])
def test_kill_9_forgets_no_booking(noon: Afternoon, state: str) -> None:
    """Nor a hold, nor the place it has, nor its end."""
    steps = {"held": noon.hold, "requested": noon.book, "accepted": noon.accepted, "en_route": noon.accepted}
    booking = steps[state](hour=13)
    if state == "en_route":
        noon.until(12.9)
        noon.drive("t97", "p01")
    noon.step(1)
    before, rounds = noon.known(booking), dict(noon.bridge.dispatch.day.bookings.rounds)
    assert before.state == state
    noon.kill()
    assert noon.known(booking) == before
    assert dict(noon.bridge.dispatch.day.bookings.rounds) == rounds
    noon.step(301)
    assert noon.known(booking).state == ("expired" if state == "held" else state if state != "en_route" else "at_site")


def test_windows_say_what_they_cost_the_truck(noon: Afternoon) -> None:
    """Where it comes by anyway that is next to nothing, and said so; another window is a way of its own."""
    noon.accepted("p03", hour=14)
    here = {window.from_at: window for window in noon.windows("p01")}
    by_the_way, apart = here[noon.at(14)], here[noon.at(18)]
    assert (by_the_way.truck, by_the_way.on_the_way, apart.on_the_way) == ("t97", True, False)
    assert by_the_way.detour_s < 120 < apart.detour_s
    assert all(window.from_at <= window.arrive_at <= window.until_at for window in here.values())
    assert {window.from_at for window in here.values()} >= {noon.at(14, days) for days in range(7)}


def test_one_tap_books_what_the_estate_booked_last(noon: Afternoon) -> None:
    """The same pile and amount, in the first window of the day that costs little; held and booked in one step."""
    noon.do("cancel", noon.book(litres=2_500))
    noon.do("usual", "tap", estate="e01")
    tapped = noon.known("tap")
    assert (tapped.pile, tapped.litres, tapped.state) == ("p01", 2_500, "requested")
    assert noon.at(12) <= tapped.from_at < noon.at(20)
    with pytest.raises(ActionError, match="no pile for estate 'e02'"):
        noon.do("usual", "tap2", estate="e02")


def test_what_is_weighed_is_shared_and_sums_up(noon: Afternoon) -> None:
    """By what was measured of each; the rest of the division is nobody's loss."""
    loads = [noon.accepted(pile, hour=14) for pile in ("p01", "p03", "p08")]
    for booking, litres in zip(loads, (1_000, 1_000, 1_300), strict=True):
        noon.do("loaded", booking, "crew of t97", litres=litres)
    noon.bridge.act(Act("weigh", "station", truck="t97", waste="renovation", grams=1_000_000), noon.now)
    grams = [noon.known(booking).grams for booking in loads]
    assert sum(one or 0 for one in grams) == 1_000_000
    assert grams[0] == grams[1] == 303_030
    with pytest.raises(ActionError, match="completed: it cannot load"):
        noon.do("loaded", loads[0], "crew of t97", litres=5)


def test_what_is_over_can_be_disputed_for_two_working_days(noon: Afternoon) -> None:
    """From a Friday until Tuesday's end; answered once, by the dispatcher, with all of it on record."""
    friday = noon.at(15, days=1)
    assert dispute_until_at("Asia/Shanghai", friday) == noon.at(24, days=5)
    booking = noon.accepted(hour=13)
    with pytest.raises(ActionError, match="only what is over"):
        noon.do("dispute", booking, note="it lies there yet")
    noon.do("loaded", booking, "crew of t97", litres=1_000)
    noon.bridge.act(Act("weigh", "station", truck="t97", waste="renovation", grams=900_000), noon.now)
    noon.do("dispute", booking, note="half of it lies there yet")
    noon.do("answer", booking, "dispatcher", note="it was two bookings")
    with pytest.raises(ActionError, match="disputed already"):
        noon.do("dispute", booking, note="again")
    noon.kill()
    assert (noon.known(booking).dispute, noon.known(booking).answer) == (
        "half of it lies there yet", "it was two bookings"
    )  # fmt: skip


def test_a_pile_takes_no_more_than_it_holds(noon: Afternoon) -> None:
    """What is booked there lies there until it is fetched."""
    noon.accepted(hour=14, litres=5_000)
    with pytest.raises(ActionError, match=r"room for 1 m³ more, not for 2 m³"):
        noon.book(hour=16, litres=2_000)
    noon.book(hour=16, litres=1_000)
    with pytest.raises(ActionError, match="give the amount"):
        noon.hold(hour=18, litres=0)
