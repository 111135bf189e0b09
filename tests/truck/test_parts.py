"""A pin that cannot be used costs its part, never the positions; and each is named in one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from firmware import wire
from firmware.truck.agent import Agent
from firmware.truck.button.parts import TRY_AGAIN_S, Parts
from firmware.truck.events import LinkUp, Note, PartState, Say, Started

BUTTON, LIGHT, GPS_LIGHT = 17, 27, 22


class LgpioError(Exception):
    """As lgpio's own, which is no error of gpiozero's."""


class Trouble(MockFactory):
    """Pins that raise what real libraries raise, until they are mended."""

    def __init__(self, **broken: Exception) -> None:
        super().__init__()
        self.broken = {int(name[1:]): error for name, error in broken.items()}

    def pin(self, name, pin_class=None, **kwargs):
        number = 0 if name is None else int(str(name).removeprefix("GPIO"))
        if number in self.broken:
            raise self.broken[number]
        return super().pin(name, pin_class, **kwargs)


class NoEdges(MockPin):
    """A pin whose edges RPi.GPIO cannot watch."""

    def _set_when_changed(self, value):
        if value is not None:
            raise RuntimeError("Failed to add edge detection")
        super()._set_when_changed(value)  # gpiozero offers no public way to a pin that refuses


def parts(factory, gps_light: int | None = None, edge=lambda down: None) -> Parts:
    return Parts(BUTTON, LIGHT, gps_light, edge, factory)


RAISED = {
    "lgpio": LgpioError("'GPIO busy'"),
    "gpiozero": gpiozero.GPIOPinInUse("pin GPIO17 is already in use by <gpiozero.Button>"),
    "kernel": PermissionError(13, "Permission denied", "/dev/gpiochip0"),
    "RPi.GPIO": RuntimeError("No access to /dev/mem. Try running as root!"),
    "none": OSError(19, "No such device"),
    "wrapped": ImportError("libgpiod.so.2: cannot open shared object file\nhint"),
}


@pytest.mark.parametrize("error", RAISED.values(), ids=RAISED)
@pytest.mark.parametrize(("pin", "part"), [(BUTTON, "button"), (LIGHT, "light"), (GPS_LIGHT, "gps_light")])
def test_dead_part_is_named_with_its_pin_and_the_others_work(error, pin, part):
    """Whatever a pin's library raises: one line with the pin and the library's words, and the rest does its work."""
    factory = Trouble(**{f"p{pin}": error})
    edges = []
    truck = parts(factory, GPS_LIGHT, edges.append)
    (state,) = truck.changed()
    assert state.part == part
    assert f"(pin {pin})" in state.trouble
    assert str(error).split("\n")[0].strip("'") in state.trouble
    assert "positions go on" in state.trouble
    assert "\n" not in state.trouble
    assert truck.changed() == []
    for light, lit_pin in (("light", LIGHT), ("gps_light", GPS_LIGHT)):
        truck.show(light, "steady", 0.0)
        assert light == part or factory.pin(lit_pin).state
    if part != "button":
        factory.pin(BUTTON).drive_low()
        assert edges == [True]
    truck.close()


def test_button_whose_edges_cannot_be_watched_is_dead():
    """RPi.GPIO's "Failed to add edge detection" comes after the pin was opened; the pin is given back."""
    factory = MockFactory()
    factory.pin(BUTTON, pin_class=NoEdges)
    truck = parts(factory)
    (state,) = truck.changed()
    assert (state.part, "Failed to add edge detection" in state.trouble) == ("button", True)
    assert truck.button_down is False
    truck.close()


def test_what_is_mended_works_again_and_shows_what_it_should():
    """A pin that another program gave back is found within the half minute, with the pattern of this moment."""
    factory = Trouble(p17=LgpioError("GPIO busy"), p27=LgpioError("GPIO busy"))
    edges = []
    truck = parts(factory, edge=edges.append)
    assert {state.part for state in truck.changed()} == {"button", "light"}
    truck.show("light", "steady", 0.0)
    again_s = truck.run(0.0)
    assert 0.0 < again_s <= TRY_AGAIN_S
    factory.broken.clear()
    truck.run(TRY_AGAIN_S)
    assert {state.part: state.trouble for state in truck.changed()} == {"button": None, "light": None}
    assert factory.pin(LIGHT).state
    factory.pin(BUTTON).drive_low()
    assert edges == [True]


def test_light_that_dies_while_it_shines_is_said():
    """A pin that fails later is no end of the program either."""
    truck = parts(MockFactory())
    assert truck.changed() == []

    def dead(_now_s):
        raise LgpioError("bad handle")

    truck._working["light"].run = dead  # a mock pin does not fail by itself
    truck.run(1.0)
    (state,) = truck.changed()
    assert (state.part, "(pin 27)" in state.trouble) == ("light", True)
    assert truck.run(2.0) > 2.0


def test_truck_says_in_its_life_what_is_dead_and_once_in_its_log():
    """`life` lists the parts for as long as they are dead; the same reason is noted once for all of them."""
    agent = Agent("t01", "xh", 7, fw="1")
    agent.handle(Started(), 0.0)
    effects = agent.handle(PartState("button", "no pins"), 1.0) + agent.handle(PartState("light", "no pins"), 1.0)
    effects += agent.handle(PartState("light", "no pins"), 2.0)
    assert [effect.text for effect in effects if isinstance(effect, Note)] == ["no pins"]
    said = [effect.body for effect in agent.handle(LinkUp(), 3.0) if isinstance(effect, Say)]
    assert said == [{"life": "ready", "boot": 7, "fw": "1", "faults": [{"part": "button"}, {"part": "light"}]}]
    wire.pack("zp/v1/xh/truck/t01/life", dict(said[0]))
    agent.handle(PartState("light", None), 4.0)
    (last,) = [e.body for e in agent.handle(PartState("button", None), 5.0) if isinstance(e, Say)]
    assert "faults" not in last


NO_PI = """
import sys, threading
sys.path.insert(0, sys.argv[2])
from firmware.truck.__main__ import main
import firmware.truck.program as program
real = program.run
def short(config, *, stop):
    threading.Timer(1.0, stop.set).start()
    real(config, stop=stop)
program.run = short
sys.exit(main(["--config", sys.argv[1]]))
"""


@pytest.mark.real
def test_off_a_pi_it_runs_with_one_clear_sentence_and_leaves_no_pipe_behind(tmp_path):
    """Where there are no pins the agent goes on; a library that leaves a pipe in the current folder leaves none."""
    here, stand_in = tmp_path / "here", tmp_path / "libraries"
    here.mkdir()
    stand_in.mkdir()
    (stand_in / "lgpio.py").write_text("import os\nos.mkfifo('.lgd-nfy0')\nraise ImportError('no chip')\n")
    (here / "truck.toml").write_text(
        '[truck]\nid="t01"\narea="xh"\n[mqtt]\nhost="127.0.0.1"\nport=1\n[gps]\nport="/dev/none"\n'
        f'[outbox]\npath="{tmp_path}/outbox.db"\n'
    )
    done = subprocess.run(
        [sys.executable, "-c", NO_PI, "truck.toml", str(stand_in)], cwd=here, capture_output=True, text=True,
        timeout=60, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [path.name for path in here.iterdir()] == ["truck.toml"]
    told = [line for line in done.stderr.splitlines() if "pin" in line.lower()]
    assert len(told) == 1
    assert "button (pin 17), light (pin 27) cannot be used: this computer has no pins" in told[0]
    assert "started, boot" in done.stderr
