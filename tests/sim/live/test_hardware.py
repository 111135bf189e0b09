"""Hardware beside a run: what may be named, what a person is asked to do, and what is judged of it."""

import os
import socket
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from broker.mqtt.own_broker.child import free_port
from sim.__main__ import main
from sim.live.clock import SpedClock
from sim.live.hardware.bench import Bench, bench_of
from sim.live.hardware.by_hand import ByHand, Settled
from sim.live.hardware.measures import MEASURES, form
from sim.live.hardware.receiver_line import ReceiverLine
from sim.live.hardware.room import HardwareRoom
from sim.live.hardware.truck import HardwareTruck
from sim.live.witnesses.record_counts import count_records
from sim.panel.hands import Refused
from sim.scenario.scenario import ScenarioError, parse
from sim.world.evidence import Evidence, StoredRecord
from tests.support.processes import wait_until
from tests.support.sim.bench import Bench as Desk

AT = "192.0.2.10:1884"
SCENARIO = """
[scenario]
about = "hardware and what nobody can do with it"
from = "06:00"
to = "07:00"
[area]
runs = ["wet-north-1"]
[[event]]
at = "06:10"
kind = "press"
truck = "t01"
hold_s = 2.0
chatters = true
[[event]]
at = "06:20"
kind = "cell_drift"
room = "r03"
for_min = 5
[[event]]
at = "06:30"
kind = "power_cut"
device = "r03"
for_min = 5
[[expect]]
kind = "light_stages"
truck = "t01"
stages = ["slow"]
[[expect]]
kind = "never_dark_while_unknown"
[[expect]]
kind = "records_stored_once"
"""


def bench(trucks: tuple[str, ...] = (), rooms: tuple[str, ...] = (), at: str = AT, keys: str = "keys") -> Bench:
    """What a command line names."""
    found = bench_of(trucks, rooms, at, Path(keys))
    assert found is not None
    return found


def test_without_hardware_there_is_no_bench() -> None:
    """And nothing of a live run is another than it was."""
    assert bench_of((), (), "nonsense", Path("keys")) is None


def test_each_device_has_a_door_of_its_own() -> None:
    """Trucks first, one port after the other, so that each link can be cut."""
    found = bench(("t01=/dev/ttyUSB0", "t02=192.0.2.21"), ("r03=the bench by the window",))
    assert [found.port(name) for name in found.devices] == [1884, 1885, 1886]
    assert found.trucks["t02"] == "192.0.2.21:2948" and found.rooms["r03"] == "the bench by the window"


@pytest.mark.parametrize(
    ("trucks", "rooms", "at", "said"),
    [
        (("t01",), (), AT, "--truck t01: write it as --truck ID=ADDRESS"),
        (("=x:1",), (), AT, "write it as"),
        (("t01=pi:",), (), AT, "HOST:PORT or a serial line"),
        (("t01=pi:70000",), (), AT, "HOST:PORT or a serial line"),
        (("t01=a:1", "t01=b:1"), (), AT, "named twice"),
        ((), ("r03=",), AT, "--room r03=: write it as --room ID=ADDRESS"),
        ((), ("r03=x",), "here", "--bench here: write HOST:PORT"),
    ],
)
def test_hardware_that_is_named_wrongly_is_refused(
    trucks: tuple[str, ...], rooms: tuple[str, ...], at: str, said: str
) -> None:
    """With the option, and how it is written."""
    with pytest.raises(ScenarioError, match=said.replace("(", "[(]")):
        bench(trucks, rooms, at)


def test_hardware_that_has_no_place_in_the_scenario_is_refused() -> None:
    """By name, with those that are there."""
    with pytest.raises(ScenarioError, match="--truck t02: no such truck in this scenario; there are t01"):
        bench(("t02=/dev/ttyUSB0",)).must_fit(Desk(SCENARIO).director, ["r01"])
    with pytest.raises(ScenarioError, match="--room r99"):
        bench((), ("r99=desk",)).must_fit(Desk(SCENARIO).director, ["r01"])


def test_what_cannot_be_driven_or_judged_is_said_by_name() -> None:
    """And nothing of what can: a plug is a person's, and is asked for."""
    said = "\n".join(bench(("t01=/dev/ttyUSB0",), ("r03=desk",)).undriven(parse(SCENARIO, "here", "here.toml")))
    for part in ("t01: its light is not seen", "r03: its lamps are taken from its own word", "a wire that chatters",
                 "r03: cell_drift", "light_stages is not judged", "never_dark_while_unknown is not"):  # fmt: skip
        assert part in said
    assert "power_cut" not in said and "records_stored_once" not in said
    assert "light_stages" not in "\n".join(bench((), ("r03=desk",)).undriven(parse(SCENARIO, "here", "here.toml")))


def test_a_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    """The device was set up with it: the next run must know it again."""
    found = bench((), ("r03=desk",), keys=str(tmp_path / "keys"))
    path = found.key("r03")
    secret = path.read_text(encoding="utf-8")
    assert len(secret.strip()) >= 20 and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert found.key("r03").read_text(encoding="utf-8") == secret


def test_a_key_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """An empty one would let anybody in; a folder that is a file has none."""
    (tmp_path / "r03").write_text("\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match="r03 is empty"):
        bench((), ("r03=desk",), keys=str(tmp_path)).key("r03")
    with pytest.raises(ScenarioError, match="cannot be used"):
        bench((), ("r03=desk",), keys=str(tmp_path / "r03")).key("r03")


def test_an_address_that_is_not_this_machines_is_refused() -> None:
    """With what to name instead; so is a port that somebody has."""
    with pytest.raises(ScenarioError, match=r"r03 cannot be met at 192\.0\.2\.10:1884"):
        bench((), ("r03=desk",)).door("r03", 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ScenarioError, match="a port that is free"):
            bench((), ("r03=desk",), at).door("r03", 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--speed", "20"), "hardware runs at life's own speed"),
        (("--seconds", "60"), "hardware runs at life's own speed"),
        (("--room", "r77=desk"), "no such room in this scenario"),
    ],
)  # fmt: skip
def test_what_hardware_cannot_do_is_refused_before_anything_starts(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """In one line, with the code of a scenario that cannot be played."""
    named = ("blocked_lane", "--live", "--http-port", "0", "--truck", "t01=/dev/null", "--keys", str(tmp_path / "k"))
    assert main([*named, *words]) == 2
    assert said in capsys.readouterr().err


def test_hardware_without_a_live_run_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Virtual time has none."""
    with pytest.raises(SystemExit):
        main(["blocked_lane", "--truck", "t01=/dev/ttyUSB0"])
    assert "which needs --live" in capsys.readouterr().err


def asked(by_hand: ByHand) -> list[str]:
    """The sentences' keys."""
    return [one.word for one in by_hand.asked]


def test_bins_are_asked_for_when_they_have_come_to_rest() -> None:
    """Five bins that go one after the other are one request; what is so already is none."""
    settled = Settled()
    for count in range(5, -1, -1):
        settled.set("residential_wet", count, 12 * count)
    now = time.monotonic()
    assert settled.ready(now) == []
    assert settled.ready(now + Settled.STILL_S + 1) == [("residential_wet", (0, 0))]
    settled.set("residential_wet", 0, 0)
    assert settled.ready(now + 2 * Settled.STILL_S + 2) == []


def test_what_happens_to_hardware_is_asked_of_a_person() -> None:
    """Each in its words, filled."""
    said: list[str] = []
    by_hand = ByHand(lambda: 7.0, said.append)
    shown: list[tuple[str, str]] = []
    room = HardwareRoom(
        "r03", ("residential_wet", "unit_wet"), by_hand, lambda waste, pattern, _: shown.append((waste, pattern)),
        SpedClock(0.0, 1, Path("/nonexistent")),
    )  # fmt: skip
    truck = HardwareTruck("t01", "/nonexistent", by_hand)
    truck.press(2.0)
    truck.power(False)
    room.press("lane_clear")
    room.set_bins("unit_wet", 3, 120_000)
    room.look(time.monotonic() + Settled.STILL_S + 1)
    room.power(False)
    truck.stop()
    assert asked(by_hand) == ["hand_press", "hand_pull", "hand_lane_clear", "hand_bins", "hand_pull"]
    assert said[0] == "t01: hold the button for 2 s now" and said[3].endswith("3 bins of unit_wet, 120 kg")
    assert shown == [("residential_wet", "dead"), ("unit_wet", "dead")]


def test_a_units_own_word_for_its_lamps_is_taken_once() -> None:
    """A single lamp stands for all its kinds."""
    told: list[tuple[str, str]] = []
    room = HardwareRoom(
        "r03", ("residential_wet", "unit_wet"), ByHand(lambda: 0.0, lambda _: None),
        lambda waste, pattern, _: told.append((waste, pattern)), SpedClock(0.0, 1, Path("/nonexistent")),
    )  # fmt: skip
    for _ in range(2):
        room.reported([{"waste": "any", "lamp": "due"}], 1.0)
    room.reported([{"waste": "unit_wet", "lamp": "off"}, {"waste": "hazardous", "lamp": "due"}], 2.0)
    assert told == [("residential_wet", "due"), ("unit_wet", "due"), ("unit_wet", "off")]
    assert room.shown == ["due", "off"]


def test_a_finger_on_the_page_is_none_on_hardware() -> None:
    """It is refused and says to press the real button; nothing is written down."""
    desk = Desk()
    desk.trucks["t01"].is_hardware = desk.rooms["r01"].is_hardware = True
    with pytest.raises(Refused, match="real_button"):
        desk.hands.button("t01", True, "page")
    with pytest.raises(Refused, match="real_button"):
        desk.hands.keeper("r01", "bins_out", True, "page")
    assert desk.hands.deeds == [] and desk.noted == []


def test_the_receivers_line_is_found_again() -> None:
    """Who listens later, or anew, hears what is said from then on; nobody waits for it."""
    port = free_port()  # no port that a call of ours could be given as its own: it would answer itself
    with socket.create_server(("127.0.0.1", port)) as first:
        line = ReceiverLine(f"127.0.0.1:{port}")
        line.say(b"$GPRMC")
        heard, _ = first.accept()
        with heard:
            assert heard.recv(6) == b"$GPRMC"
    wait_until(lambda: line.say(b"lost") or line.trouble, "that nobody listens is known", 20)
    with socket.create_server(("127.0.0.1", port)) as second:
        second.settimeout(20)
        wait_until(lambda: line.say(b"again") or line.trouble is None, "the line is open again", 20)
        heard, _ = second.accept()
        with heard:
            assert heard.recv(5) == b"again"
    line.close()


def test_the_receivers_line_may_be_a_serial_port() -> None:
    """A port of this machine, wired to the truck's; the bytes come as they were said."""
    far, near = os.openpty()
    line = ReceiverLine(os.ttyname(near))
    line.say(b"$GPRMC,\r\n")
    heard = b""
    while len(heard) < 9:
        heard += os.read(far, 64)
    line.close()
    assert heard == b"$GPRMC,\r\n" and line.trouble is None
    for end in (far, near):
        os.close(end)


def records(*names: str) -> list[StoredRecord]:
    """Stored positions of these ids."""
    return [StoredRecord(name, "fix", name.split(":")[0], 0, {}) for name in names]


def counted(began_before: Any) -> set[str]:
    """What a device is taken to have recorded of which 4 and 6 are stored."""
    evidence = Evidence(0.0, 1.0, 0.0)
    evidence.stored = records("t01:9:4", "t01:9:6")
    count_records(evidence, {}, began_before)
    return set(evidence.recorded)


def test_a_device_that_ran_before_owes_what_it_said_since() -> None:
    """Another bridge has the first three; the fifth is missing all the same."""
    assert counted({"t01"}) == {"t01:9:4", "t01:9:5", "t01:9:6"}
    assert counted(()) == {f"t01:9:{number}" for number in range(1, 7)}


def test_the_technicians_form_is_the_one_that_is_printed() -> None:
    """Docs and the end of a run have the same lines; each has a limit with a figure, or words for eyes."""
    page = (Path(__file__).parents[3] / "docs" / "technician.md").read_text(encoding="utf-8")
    assert "\n".join(form(("truck", "room"))) in page
    assert len(list(form(("room",)))) == 2 + sum(one.family == "room" for one in MEASURES)
