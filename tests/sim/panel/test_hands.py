"""What a tester does reaches the device's own pins, once and in order, and is written down as events of a scenario."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from sim.panel.faults import FAULTS
from sim.panel.hands import Refused
from sim.scenario.scenario import ScenarioError, parse
from sim.scenario.scenes.scene import Recording
from sim.scenario.schema import HAPPENINGS
from sim.scenario.writing import as_text
from tests.support.sim.bench import Bench


@pytest.fixture
def bench() -> Bench:
    """Two trucks and their rooms at six in the morning."""
    return Bench()


def done(bench: Bench, deed: Callable[[], Any]) -> None:
    """Do what the run's own loop does beside whoever asks; raises what it was refused with."""
    why: list[BaseException] = []

    def ask() -> None:
        try:
            deed()
        except BaseException as error:
            why.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while thread.is_alive():
        bench.hands.work()
        thread.join(0.001)
    if why:
        raise why[0]


def saved(bench: Bench) -> list[tuple[str, float, dict[str, Any]]]:
    """The events of the saved file: kind, seconds after the scenario's begin, values."""
    played = parse(as_text(bench.hands.played()), "played", "played.toml")
    return [(each.kind, each.at_s - played.from_s, dict(each.values)) for each in played.happenings]


def test_a_press_closes_the_contact_at_lifes_own_speed_and_is_saved_with_its_length(bench: Bench) -> None:
    """The speed goes down before the contact closes, so that a hold is as long as the finger's."""
    bench.pass_s(60)
    bench.hands.button("t01", True, "page")
    bench.pass_s(2.25)
    bench.hands.button("t01", False, "page")
    assert bench.noted == ["x1", "t01 down", "t01 up"]
    assert saved(bench) == [("press", 60.0, {"truck": "t01", "hold_s": 2.25, "chatters": False})]
    (press,) = bench.evidence.presses
    assert (press.truck, press.held_s, press.meant) == ("t01", 2.25, "lane_blocked")


def test_a_wire_that_chatters_is_saved_as_one(bench: Bench) -> None:
    """The option holds for the press that began with it."""
    bench.hands.button("t01", True, "page", chatters=True)
    bench.pass_s(4.5)
    bench.hands.button("t01", False, "page")
    assert "t01 down chatters" in bench.noted
    assert saved(bench)[0][2] == {"truck": "t01", "hold_s": 4.5, "chatters": True}
    assert bench.evidence.presses[0].meant == "breakdown"


def test_two_fingers_on_one_button_are_one(bench: Bench) -> None:
    """Who comes second changes nothing, nor who goes after the first went."""
    bench.hands.button("t01", True, "one")
    bench.hands.button("t01", True, "two")
    bench.pass_s(1)
    bench.hands.button("t01", False, "two")
    bench.hands.button("t01", False, "one")
    assert bench.noted == ["x1", "t01 down", "t01 up"]
    assert len(saved(bench)) == 1


def test_a_page_that_is_gone_lets_go_of_its_buttons_and_of_no_others(bench: Bench) -> None:
    """A browser that crashes in a hold does not leave a button stuck."""
    bench.hands.button("t01", True, "gone")
    bench.hands.keeper("r03", "bins_out", True, "gone")
    bench.hands.button("t03", True, "there")
    bench.pass_s(1)
    bench.hands.left("gone")
    assert bench.noted[-2:] == ["t01 up", "r03 bins_out up"]
    assert "t03 up" not in bench.noted


def test_a_button_without_power_is_refused_and_a_hold_ends_with_the_power(bench: Bench) -> None:
    """What was held until then was a press."""
    bench.hands.button("t01", True, "page")
    bench.pass_s(2)
    done(bench, lambda: bench.hands.switch("power_cut", "t01", True))
    with pytest.raises(Refused, match="no_power"):
        bench.hands.button("t01", True, "page")
    bench.hands.button("t01", False, "page")
    bench.pass_s(30)
    done(bench, lambda: bench.hands.switch("power_cut", "t01", False))
    assert bench.noted[1:] == ["t01 down", "t01 up", "t01 power off", "t01 power on"]
    assert [(kind, values.get("hold_s"), values.get("for_min")) for kind, _, values in saved(bench)] == [
        ("press", 2.0, None), ("power_cut", None, 0.5),
    ]  # fmt: skip


def test_a_button_that_is_stuck_takes_no_finger(bench: Bench) -> None:
    """It is an alarm and a breakdown by itself, and does not slow the run."""
    bench.hands.button("t01", True, "page")
    bench.pass_s(1)
    done(bench, lambda: bench.hands.switch("button_stuck", "t01", True))
    with pytest.raises(Refused, match="is_stuck"):
        bench.hands.button("t01", True, "page")
    bench.hands.button("t01", False, "page")
    assert bench.noted == ["x1", "t01 down", "t01 up", "t01 down"]
    assert [press.meant for press in bench.evidence.presses] == ["withdraw", "breakdown"]


def test_the_keepers_buttons_are_the_pins(bench: Bench) -> None:
    """And a free lane is known to the judges as if the keeper had pressed."""
    bench.hands.keeper("r01", "lane_clear", True, "page")
    bench.hands.keeper("r01", "lane_clear", False, "page")
    assert bench.noted == ["x1", "r01 lane_clear down", "r01 lane_clear up"]
    assert bench.evidence.lane_clear == [(bench.now(), "r01")]
    assert saved(bench) == [("keeper_press", 0.0, {"room": "r01", "button": "lane_clear"})]


def test_bins_and_kilograms_are_what_the_sensors_see(bench: Bench) -> None:
    """In, out, and not more out than there are."""
    waste = "residential_wet"
    count, grams = bench.rooms["r01"].bins[waste]
    done(bench, lambda: bench.hands.happen("bins_moved", {"room": "r01", "waste": waste, "number": 1}))
    assert bench.rooms["r01"].bins[waste] == (count + 1, grams + 12_000)
    done(bench, lambda: bench.hands.happen("waste_thrown", {"room": "r01", "waste": waste, "kg": -30.0}))
    assert bench.rooms["r01"].bins[waste] == (count + 1, grams - 18_000)
    done(bench, lambda: bench.hands.happen("bins_moved", {"room": "r01", "waste": waste, "number": -50}))
    assert bench.rooms["r01"].bins[waste] == (0, 0)
    assert [kind for kind, *_ in saved(bench)] == ["bins_moved", "waste_thrown", "bins_moved"]


ON_OFF = [
    ("button_stuck", "t01", ["t01 down", "t01 up"]),
    ("power_cut", "t01", ["t01 power off", "t01 power on"]),
    ("power_cut", "r01", ["r01 power off", "r01 power on"]),
    ("link_cut", "bridge", ["bridge link down", "bridge link up"]),
    ("link_slow", "r03", ["r03 slow 5", "r03 slow 0"]),
    ("broker_freeze", "office", ["broker freeze down", "broker freeze up"]),
    ("broker_kill", "office", ["broker kill down", "broker kill up"]),
    ("bridge_freeze", "office", ["bridge freeze down", "bridge freeze up"]),
    ("bridge_kill", "office", ["bridge kill down", "bridge kill up"]),
    ("clock_jump", "office", ["bridge clock +3600", "bridge clock +0"]),
    ("disk_full", "office", ["disk full", "disk free"]),
]


@pytest.mark.parametrize(("fault", "whom", "does"), ON_OFF)
def test_a_switch_begins_and_ends_its_fault_once(bench: Bench, fault: str, whom: str, does: list[str]) -> None:
    """Twice on is on, twice off is off; saved as one event of its length."""
    for on in (True, True, False, False):
        done(bench, lambda on=on: bench.hands.switch(fault, whom, on))  # type: ignore[misc]
        bench.pass_s(45)
    assert bench.noted == does
    ((kind, at_s, values),) = saved(bench)
    assert (kind, at_s, values["for_min"]) == (FAULTS[fault].kind, 0.0, 1.5)


@pytest.mark.parametrize("fault", ["gps_gap", "old_place", "default_date"])
def test_a_receivers_fault_is_in_what_it_says(bench: Bench, fault: str) -> None:
    """While it is on its sentences are others than before, and afterwards they are right again."""
    truck = bench.director.trucks["t01"]

    def says() -> bytes:
        return truck.receiver.says(bench.now(), (*truck.place, 0.0), 5.0)

    before = says()
    done(bench, lambda: bench.hands.switch(fault, "t01", True))
    during = [says(), says()]
    done(bench, lambda: bench.hands.switch(fault, "t01", False))
    after = says()
    told = {"gps_gap": b",V,", "old_place": before[20:40], "default_date": b"060180"}[fault]
    assert all(told in each for each in during)
    assert b",A," in after and b"241126" in after and (fault == "gps_gap" or during[0] != after)


def test_places_that_stray_are_off_while_it_is_on(bench: Bench) -> None:
    """By more than a good receiver is, and not a moment longer."""
    receiver, place = bench.director.trucks["t01"].receiver, (*bench.director.trucks["t01"].place, 0.0)

    def off_m() -> float:
        """On average over ten minutes, to the north."""
        told = [receiver.says(bench.now() + second, place, 0.0).split(b",")[3] for second in range(600)]
        return sum(abs(float(north[2:]) - place[0] % 1 * 60) * 1852 for north in told) / len(told)

    before_m = off_m()
    done(bench, lambda: bench.hands.switch("place_drift", "t01", True))
    during_m, steady = off_m(), receiver.is_steady
    done(bench, lambda: bench.hands.switch("place_drift", "t01", False))
    assert before_m < 5 and off_m() < 5
    assert 15 < during_m < 40 and not steady


def test_every_fault_on_the_page_is_a_word_of_scenarios(bench: Bench) -> None:
    """With keys that it takes, whoever it hits."""
    for fault in FAULTS.values():
        for whom in bench.hands.hit[fault.hits][:1]:
            assert {*fault.values_for(whom), "for_min"} == set(HAPPENINGS[fault.kind])
    assert {fault.hits for fault in FAULTS.values()} == set(bench.hands.hit)


def strange() -> list[tuple[str, str]]:
    """Faults and whom they cannot hit."""
    return [("no_such", "t01"), ("gps_gap", "r01"), ("gps_gap", "t99"), ("broker_kill", "t01"),
            ("lane_blocked", "t01"), ("power_cut", "bridge"), ("cell_drift", "r03"), ("gps_gap", "")]


@pytest.mark.parametrize(("fault", "whom"), strange())
def test_a_fault_hits_nobody_that_it_cannot(bench: Bench, fault: str, whom: str) -> None:
    """Refused, and nothing is saved."""
    with pytest.raises(Refused, match="nobody_here"):
        done(bench, lambda: bench.hands.switch(fault, whom, True))
    assert (bench.noted, saved(bench)) == ([], [])


def test_what_is_not_in_the_run_is_refused(bench: Bench) -> None:
    """A truck, a room, a button, a waste kind."""
    for deed in (
        lambda: bench.hands.button("t99", True, "page"), lambda: bench.hands.button("r01", True, "page"),
        lambda: bench.hands.keeper("t01", "bins_out", True, "page"), lambda: bench.hands.keeper("r01", "x", True, "p"),
    ):  # fmt: skip
        with pytest.raises(Refused, match="nobody_here"):
            deed()
    for values in ({"room": "r99", "waste": "unit_wet"}, {"room": "r01", "waste": "renovation"}):
        with pytest.raises(ScenarioError):
            done(bench, lambda values=values: bench.hands.happen("bins_moved", {**values, "number": 1}))  # type: ignore[misc]
    assert (bench.noted, saved(bench)) == ([], [])


def test_a_server_that_is_frozen_is_not_killed_as_well(bench: Bench) -> None:
    """The second switch is refused with a sentence until the first is off; the other server is another matter."""
    done(bench, lambda: bench.hands.switch("broker_freeze", "office", True))
    with pytest.raises(Refused, match="already_down"):
        done(bench, lambda: bench.hands.switch("broker_kill", "office", True))
    done(bench, lambda: bench.hands.switch("bridge_kill", "office", True))
    done(bench, lambda: bench.hands.switch("broker_freeze", "office", False))
    done(bench, lambda: bench.hands.switch("broker_kill", "office", True))
    assert bench.noted[-2:] == ["broker freeze up", "broker kill down"]


def test_what_is_still_on_when_it_is_saved_lasts_until_the_end(bench: Bench) -> None:
    """As far as anybody can say."""
    bench.pass_s(600)
    done(bench, lambda: bench.hands.switch("link_cut", "t01", True))
    assert saved(bench) == [("link_cut", 600.0, {"device": "t01", "for_min": 50.0})]


def test_what_people_do_on_the_screen_is_saved_or_refused_by_name(bench: Bench) -> None:
    """Seen, decided, an extra truck and resolved have words; a lane said to be clear has none."""
    bench.pass_s(100)
    at = int(bench.now()) - 1
    bench.hands.screen_deed({"at": at, "truck": "t01", "action": "acknowledge"})
    bench.hands.screen_deed({"at": at, "truck": "t01", "action": "decide", "decision": "wait"})
    assert bench.hands.unknown() == []
    assert saved(bench)[0] == ("on_screen", 99.0, {
        "truck": "t01", "action": "acknowledge", "decision": "return_later", "other": "",
    })  # fmt: skip
    assert bench.evidence.acknowledged == [(at, "t01")]
    bench.hands.screen_deed({"at": at, "truck": "t01", "action": "decide", "decision": "extra_truck"})
    assert saved(bench)[-1] == ("on_screen", 99.0, {
        "truck": "t01", "action": "decide", "decision": "extra_truck", "other": "",
    })  # fmt: skip
    bench.hands.screen_deed({"at": at, "truck": "t01", "action": "clear"})
    assert bench.hands.unknown() == [("unknown_on_screen", {"action": "clear"})]


def test_what_people_say_of_a_visit_on_the_screen_is_saved(bench: Bench) -> None:
    """Served after all, or skipped and why; a weighing has no word."""
    at, visit = bench.now(), {"run": "wet-north-1.20261125", "room": "r05", "visit_number": 1}
    bench.hands.screen_deed({"at": at, "action": "skip", **visit, "reason": "not_out"})
    assert bench.hands.unknown() == []
    assert saved(bench) == [("on_screen_visit", 0.0, {**visit, "action": "skip", "reason": "not_out"})]
    bench.hands.screen_deed({"at": at, "action": "weigh"})
    assert bench.hands.unknown() == [("unknown_on_screen", {"action": "weigh"})]


def test_an_alarm_that_is_shelved_on_the_screen_is_saved(bench: Bench) -> None:
    """By its word and subject, as the scenario's own event names it."""
    deed = {"action": "shelve", "alarm": "truck_silent silent/t01", "shelf_min": 30.0}
    bench.hands.screen_deed({"at": bench.now(), **deed})
    assert bench.hands.unknown() == []
    assert saved(bench) == [("on_screen_alarm", 0.0, deed)]


def test_a_visit_of_a_run_that_is_not_here_is_refused_by_name(bench: Bench) -> None:
    """That of another day too; a run of a truck that takes over has a name that only the bridge knows."""
    visit = {"room": "r01", "visit_number": 1, "action": "skip", "reason": "not_out"}
    with pytest.raises(ScenarioError, match=r"no run .*\.20261118' here; there are .*wet-north-1\.20261125"):
        bench.director.happen("on_screen_visit", {**visit, "run": "wet-north-1.20261118"})


def test_a_truck_with_a_recorded_receiver_has_a_button_and_no_driver() -> None:
    """It is on the page where the recording has it, is pressed and stuck like any other; its receiver is as it was."""
    bench = Bench()
    at = bench.now()
    bench = Bench(recording=Recording("t01", ((0.0, b"$"),), ((at, 31.0, 121.0), (at + 60, 31.1, 121.1))))
    bench.pass_s(90)
    bench.hands.button("t01", True, "page")
    bench.pass_s(2)
    bench.hands.button("t01", False, "page")
    done(bench, lambda: bench.hands.switch("button_stuck", "t01", True))
    assert bench.noted == ["x1", "t01 down", "t01 up", "t01 down"]
    assert [(kind, values["truck"]) for kind, _, values in saved(bench)] == [("press", "t01"), ("button_stuck", "t01")]
    assert [press.meant for press in bench.evidence.presses] == ["lane_blocked", "breakdown"]
    truck = bench.director.all_trucks["t01"]
    assert (truck.place, truck.state) == ((31.1, 121.1), "recorded")
    assert bench.hands.hit["truck"] == ["t03"] and bench.hands.hit["button"] == ["t03", "t01"]
    bench.director.happen("press", {"truck": "t01", "hold_s": 2.0, "chatters": False})
    assert len(bench.evidence.presses) == 2  # no finger moves a button that is stuck in
    with pytest.raises(ScenarioError, match="no truck 't01' here"):
        bench.director.happen("gps_gap", {"truck": "t01", "for_min": 1.0})


def test_a_wrong_clock_of_the_bridge_dates_no_deed(bench: Bench) -> None:
    """What it says to be an hour ahead, or an hour ago, was done now."""
    for wrong_s in (3600, -3600):
        bench.hands.screen_deed({"at": bench.now() + wrong_s, "truck": "t01", "action": "resolve"})
    assert [at_s for _, at_s, _ in saved(bench)] == [0.0, 0.0]


def test_what_was_done_after_the_scenarios_end_is_refused_by_name(bench: Bench) -> None:
    """It would never happen when the file is played."""
    bench.pass_s(3600 + 5)
    bench.hands.keeper("r01", "bins_out", True, "page")
    assert bench.hands.unknown() == [("unknown_after_end", {"what": "keeper_press"})]
