"""What a dispatcher agrees to is what was shown; nobody else waits while it is worked out."""

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broker import process
from broker.bridge import Bridge
from broker.rules.day.closures import Closure
from broker.rules.dispatch import time_passing
from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.dispatch.visits import offers
from broker.rules.replanning.insertion import OpenTour
from broker.rules.replanning.offers import breakdown
from broker.web.desk import Desk
from broker.web.view.last_picture import Pictures
from firmware import wire
from tests.support.bridge.morning import Morning

pytestmark = pytest.mark.real  # tenths of a second each

PRESS = "t01-1-stuck"


class _InSteps(Morning):
    """A morning whose bridge leaves what takes long to its loop."""

    def open(self) -> None:
        """Start it so."""
        super().open()
        self.bridge = Bridge(self.plan, self.store, self._send, in_steps=True)
        self.bridge.start(self.now)
        self.desk, self.asked = Desk(), list[process.Asked]()

    def click(self, **more: Any) -> "Future[dict[str, Any]]":
        """A dispatcher's decision on its way to the loop."""
        answer: Future[dict[str, Any]] = Future()
        self.desk.box.put((Act("decide", "Li", incident=("t01", PRESS), decision="extra_truck", **more), answer))
        return answer

    def turn(self) -> bool:
        """What the loop does with clicks, and one step of what takes long; whether a click was answered."""
        # The loop itself runs for ever.
        acted = process._take_actions(self.bridge, self.desk, Pictures(self.bridge), lambda: self.now, self.asked)
        self.bridge.work(self.now)
        return acted

    def offered(self, name: str = "extra_truck") -> dict[str, Any]:
        """What is shown."""
        shown = self.bridge.dispatch.day.incidents.offers(("t01", PRESS))[1]
        return dict(next(offer for offer in shown if offer["name"] == name))


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[_InSteps]:
    """The first room is served, the truck is on its way."""
    morning = _InSteps(tmp_path)
    morning.serve(0)
    morning.step(30, 5.0)
    yield morning
    morning.close()


def shown(morning: _InSteps) -> None:
    """A breakdown, and its offers."""
    morning.press("breakdown", incident_id=PRESS)
    morning.step(1)
    while morning.bridge.work(morning.now):
        pass


def test_the_offer_that_was_shown_is_carried_out_without_a_search(
    morning: _InSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes no longer at 200 stops: each room comes to the truck that was shown, at the time that was shown."""
    shown(morning)
    offer = morning.offered()
    monkeypatch.setattr(OpenTour, "cost_at", lambda *_: pytest.fail("a place was searched for"))
    morning.step(20)
    answer = morning.click(offer=offer["id"], truck="t99")
    assert morning.turn()
    assert answer.result(0)["incidents"][0]["decision"] == "extra_truck"
    told = morning.retained[wire.topic("itinerary", "xh", "t99")]["visits"]
    moved = [change["room"] for change in offer["changes"] if change["to_truck"] == "extra"]
    assert [visit["room"] for visit in told] == moved
    assert not morning.bridge.dispatch.day.incidents.offers(("t01", PRESS))[1]


def test_a_click_before_anything_was_shown_waits_for_it_and_nobody_else_does(morning: _InSteps) -> None:
    """It is worked out in steps; a press between them is stored, and the click is answered when they are made."""
    morning.press(incident_id=PRESS)
    morning.step(1)
    answer = morning.click(truck="t99")
    assert not morning.turn() and not answer.done()
    morning.press("breakdown", incident_id="t01-1-other")
    assert morning.stage("t01-1-other") == "stored"
    turns = 1
    while not morning.turn():
        turns += 1
        assert turns < 10_000
    assert turns > 5
    assert answer.result(0)["incidents"]
    assert morning.stage(PRESS) == "decided"


def test_offers_for_one_blocked_room_are_not_shown_for_a_breakdown_of_the_same_truck(morning: _InSteps) -> None:
    """They are about one visit; the breakdown is about all that the truck owes."""
    morning.press(incident_id=PRESS)
    answer = morning.click()  # no truck is named: what was worked out for it stays for the next click
    while not morning.turn():
        pass
    with pytest.raises(ActionError) as why:
        answer.result(0)
    assert "name the contractor's truck" in str(why.value)
    morning.press("breakdown", incident_id="t01-1-other")
    morning.step(1)
    while morning.bridge.work(morning.now):
        pass
    shown_for = morning.bridge.dispatch.day.incidents.offers
    moved = [
        {change["visit"] for change in shown_for(("t01", name))[1][0]["changes"] if change["from_truck"] == "t01"}
        for name in (PRESS, "t01-1-other")
    ]
    assert len(moved[0]) < len(moved[1]) == len(morning.trip.visits) - 1


def test_a_click_comes_before_options_that_only_age(morning: _InSteps) -> None:
    """They are made anew each half minute: with a few breakdowns at once a click would never have its turn."""
    morning.press("breakdown", incident_id="t01-1-other")
    morning.step(1)
    while morning.bridge.work(morning.now):
        pass
    morning.press(incident_id=PRESS)
    morning.step(30)
    working = morning.bridge.dispatch.day.incidents.working
    assert working is not None and working.key == ("t01", "t01-1-other")
    morning.click(truck="t99")
    morning.turn()
    working = morning.bridge.dispatch.day.incidents.working
    assert working is not None and working.key == ("t01", PRESS)


def test_what_is_not_ready_in_time_is_said_and_not_done_later(
    morning: _InSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked is gone by then: an answer that nobody hears would be a decision that nobody knows of."""
    monkeypatch.setattr(process, "ANSWER_S", -1.0)
    morning.press(incident_id=PRESS)
    answer = morning.click(truck="t99")
    assert morning.turn()
    with pytest.raises(ActionError, match="still being worked out: look again"):
        answer.result(0)
    for _ in range(200):
        morning.turn()
    assert morning.stage(PRESS) == "stored"


def test_what_nobody_looks_at_is_seldom_worked_out_anew(morning: _InSteps) -> None:
    """A breakdown that is on for a night costs one offer in five minutes; who acknowledges it has new ones at once."""
    shown(morning)
    day, key = morning.bridge.dispatch.day, ("t01", PRESS)

    def made_anew(now: int) -> bool:
        """Whether they are, at this second; then they are shown at once."""
        time_passing.offer(day, key, now)
        is_begun = day.incidents.working is not None
        while day.incidents.working is not None:
            time_passing.work_on(day, now)
        return is_begun

    began_at = day.incidents[key].raised_at
    assert made_anew(began_at + 60) and not made_anew(began_at + 89) and made_anew(began_at + 90)
    night = began_at + 3600
    times = [second for second in range(0, 3600, 10) if made_anew(night + second)]
    assert times == list(range(0, 3600, 300))
    day.incidents.place(replace(day.incidents[key], workflow="acknowledged"))
    assert made_anew(night + 3600 - 269)


def test_nothing_is_searched_for_again_while_nothing_is_otherwise(
    morning: _InSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All night one deal is written at other minutes; a room that was settled, or a closed road, is searched for."""
    searches: list[int] = []
    monkeypatch.setattr(offers, "breakdown", lambda *of: searches.append(1) or breakdown(*of))
    shown(morning)
    day, key = morning.bridge.dispatch.day, ("t01", PRESS)
    day.incidents.place(replace(day.incidents[key], workflow="acknowledged"))
    first, began_at = morning.offered(), day.incidents.offers(key)[0]

    def half_minute(now: int) -> int:
        """How many searches that took."""
        before = len(searches)
        time_passing.offer(day, key, now)
        while day.incidents.working is not None:
            time_passing.work_on(day, now)
        assert day.incidents.offers(key)[0] == now
        return len(searches) - before

    assert len(searches) == 1
    assert half_minute(began_at + 30) == 0
    assert morning.offered()["deal"] == first["deal"]
    assert morning.offered()["extra"]["comes_at"] - first["extra"]["comes_at"] == 30
    night = began_at + 8 * 3600  # the shift is over: no truck may take anything
    assert half_minute(night) == 1
    then = day.incidents.offers(key)[1][0]["unplaced"]
    assert sum(half_minute(night + second) for second in range(30, 7200, 30)) == 0
    assert then and day.incidents.offers(key)[1][0]["unplaced"] == then

    last = morning.trip.visits[-1].room_id
    morning.bridge.act(Act("serve", "Li", visit=(morning.run_id, last, 1)), morning.now)
    assert half_minute(night + 7200) == 1 and half_minute(night + 7230) == 0
    day.closures.keep(Closure("c1", morning.trip.visits[-2].room_id, None, night, night + 90_000, "Li"))
    assert half_minute(night + 7260) == 1 and half_minute(night + 7290) == 0


@pytest.mark.parametrize("how", ["settled", "late"])
def test_an_offer_that_the_world_has_overtaken_is_refused_and_made_anew(morning: _InSteps, how: str) -> None:
    """A room was served by hand, or the other trucks' times are not what was shown: look again."""
    shown(morning)
    name = "extra_truck"
    day = morning.bridge.dispatch.day
    if how == "settled":
        last = morning.trip.visits[-1].room_id
        morning.bridge.act(Act("serve", "Li", visit=(morning.run_id, last, 1)), morning.now)
    else:
        made_at, offers = day.incidents.offers(("t01", PRESS))
        aged = [{**one, "extra": one["extra"] and {**one["extra"], "comes_at": one["extra"]["comes_at"] - 61}}
                for one in offers]  # fmt: skip
        day.incidents.show_offers(("t01", PRESS), made_at - 61, aged)  # as if it were that old
    seen, owed = morning.offered(name), morning.itinerary()
    answer = morning.click(offer=seen["id"], truck="t99")
    assert morning.turn()
    with pytest.raises(ActionError, match="not what it was when it was shown: look again"):
        answer.result(0)
    assert morning.itinerary() == owed and morning.stage(PRESS) == "stored"
    assert not day.incidents.offers(("t01", PRESS))[1]  # what is not so any more is not shown
    while morning.bridge.work(morning.now):
        pass
    answer = morning.click(offer=morning.offered(name)["id"], truck="t99")
    assert morning.turn() and answer.result(0)
    assert morning.stage(PRESS) == "decided"
