"""The bench of bins outside and of waiting trucks measures right: by hand, and where it is known who must be worse."""

from dataclasses import replace

import pytest

from sim.judging.street import Street, street
from sim.scenario.format_page import whole
from sim.scenario.scenario import parse
from sim.virtual.run import play
from sim.world.evidence import BinsOutside, Evidence, TrueVisit
from tests.support.sim.outside import WAYS, shift, table

WET, DRY = "residential_wet", "residential_dry"


def test_minutes_are_those_of_each_room_and_kind_from_the_first_bin_out_to_the_last_one_back() -> None:
    """However many bins; what never comes back counts until the end, what no truck came for not at all."""
    evidence = Evidence(0, 1000)
    evidence.bins_outside = [
        BinsOutside(100, "r01", WET, 1), BinsOutside(110, "r01", WET, 2), BinsOutside(150, "r01", DRY, 1),
        BinsOutside(300, "r01", WET, 1), BinsOutside(340, "r01", WET, 0), BinsOutside(400, "r01", WET, 1),
        BinsOutside(430, "r01", WET, 0), BinsOutside(100, "r09", WET, 1),
    ]  # fmt: skip
    evidence.visits = [
        TrueVisit("t01", "r01", WET, 1, 200, waited_s=70.0), TrueVisit("t01", "r01", DRY, 1, 300),
        TrueVisit("t97", "p01", "renovation", 1, 300, waited_s=99.0, booked=True),
    ]  # fmt: skip
    assert street(evidence) == Street(visits=2, outside_s=240 + 30 + 850, waited_s=70.0, waited=1)


def test_each_way_has_the_same_dice_and_a_line_of_its_own() -> None:
    """Nothing differs between the shifts but what sends the keepers."""
    words = {"keepers_go_by", "rolls_out_before_min"}
    worlds = [{word: value for word, value in shift(way, 2).world.items() if word not in words} for way in WAYS]
    assert all(world == worlds[0] for world in worlds) and worlds[0]["slowness"] != shift("with the lamp", 1).world[
        "slowness"
    ]
    lines = list(table({"with the lamp": Street(10, 6000.0, 90.0, 2)}))
    assert lines[1].split() == ["with", "the", "lamp", "10", "10.0", "1.5", "9.0", "20.0%"]


@pytest.mark.real
def test_keepers_who_go_by_the_printed_minute_let_a_quick_truck_wait() -> None:
    """Those who go by the lamp do not, or less."""
    found = {}
    for way in ("lamp", "timetable"):
        morning = parse(whole(""), "morning", "morning")
        world = {**morning.world, "refill": False, "slowness": 0.3, "keepers_go_by": way, "rolls_out_before_min": 0.0}
        found[way] = street(play(replace(morning, world=world, demands=())).evidence)
    assert [one.visits for one in found.values()] == [3, 3]
    assert found["lamp"].waited_s < found["timetable"].waited_s
