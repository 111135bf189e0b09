"""What can be seen of a bin-room unit by its settings, whoever wrote them: its pins, its lamps, what it says."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from sim.micropython.running import RunningUnit
from tests.support.binroom.broker import wait_for
from tests.support.settings.broker import HERE
from tests.support.settings.table import Seen
from tests.support.settings.unit import WET, UnitDesk


def called(folder: Path, text: str) -> UnitDesk:
    """A unit whose wet-waste truck is due."""
    desk = UnitDesk(folder, text)
    desk.call(WET)
    return desk.run(2)


def pins_that_went_high(folder: Path, text: str) -> list[int]:
    """Which of the lamps' pins are high when the truck is due."""
    desk = called(folder, text)
    return [pin for pin in (16, 17) if desk.levels.get(pin)]


def level_of_a_lit_lamp(folder: Path, text: str) -> Any:
    """The level of the lamp's pin when the truck is due."""
    return called(folder, text).levels[16]


def lamps_told(folder: Path, text: str) -> Any:
    """What the unit calls its lamp when it tells of it."""
    desk = called(folder, text)
    return desk.row("lamp")["waste"]


def lamp_read_back(folder: Path, text: str) -> Any:
    """Whether the lamp is said to be lit when the wire to pin 20 is dead."""
    desk = UnitDesk(folder, text)
    desk.levels[20] = 0
    desk.call(WET)
    return desk.run(5).row("lamp")["lit"]


def lamp_of_wet_waste(folder: Path, text: str) -> Any:
    """What the lamp shows when the truck for wet waste is due."""
    return called(folder, text).row("lamp")["lamp"]


def topic_of_life(level: int) -> Seen:
    """A level of the topic where the unit says that it is there."""

    def seen(folder: Path, text: str) -> str:
        desk = UnitDesk(folder, text).run(1)
        return next(topic for topic, _ in desk.said if topic.endswith("/life")).split("/")[level]

    return seen


def keeper_said(folder: Path, text: str) -> Any:
    """What the unit tells when the contact on pin 0 closes."""
    desk = UnitDesk(folder, text).run(1)
    desk.fall(0)
    body = desk.run(1).last("keeper")
    return body and body["event"]


def sensed(what: str, waste: str = WET) -> Seen:
    """What the unit reports once it weighed, counted two bins in and one out, and listened for an echo."""

    def seen(folder: Path, text: str) -> Any:
        desk = UnitDesk(folder, text).run(1)
        for pin in (8, 8, 9):
            desk.fall(pin)
        return desk.run(20).row("bins", waste)[what]

    return seen


def ranger_asked(folder: Path, text: str) -> list[int]:
    """Which of the pins 12 and 15 asks the ranger for an echo."""
    desk = UnitDesk(folder, text).run(5)
    return [pin for pin in (12, 15) if pin in desk.pulsed]


def reports_of_five_kilograms(folder: Path, text: str) -> int:
    """How many reports are sent when five kilograms are thrown in."""
    desk = UnitDesk(folder, text).run(20)
    before = sum(topic.endswith("/bins") for topic, _ in desk.said)
    desk.wires[204][0] += 5000
    desk.run(20)
    return sum(topic.endswith("/bins") for topic, _ in desk.said) - before


def identified(folder: Path, text: str) -> list[int]:
    """Which of the pins 25 and 26 blinks on `identify`."""
    desk = UnitDesk(folder, text).run(1)
    desk.tell("room/r01/command", {"command": "identify", "id": "c1"})
    seen: set[int] = set()
    for _ in range(20):
        desk.run(0.1)
        seen |= {pin for pin in (25, 26) if desk.levels.get(pin)}
    return sorted(seen)


def starts_of_a_unit_that_hangs(folder: Path, text: str) -> int:
    """How often a unit has started that is frozen for 20 s."""
    with RunningUnit(folder, json.loads(text)["unit"], HERE, 1, monotonic=lambda: time.monotonic() * 10) as unit:
        wait_for(lambda: any(level for _, level in unit.panel.changes(16)), 20, "it flashes: it knows nothing yet")
        pid = unit.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        time.sleep(2)
        if unit.pid == pid:
            os.kill(pid, signal.SIGCONT)
        return unit.starts
