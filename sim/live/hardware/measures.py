"""What broker and record cannot know of hardware: the technician's form of what is measured by hand, with its limits.

    python3 -m sim.live.hardware.measures      prints the table of docs/technician.md
"""

from firmware import environment

if __name__ == "__main__":
    environment.enter()

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from firmware.binroom.lamp import _GRACE_MS, NO_DATA, PATTERNS  # private, for MicroPython folds only such constants
from firmware.binroom.link import _SILENT_MS
from firmware.truck.button.gesture import AWAY_S, DEBOUNCE_S, HOLD_LONG_S, HOLD_S
from firmware.wire import HEARTBEAT_S, NO_DATA_S

_PERSON_S = 0.2  # how well a person with a stopwatch tells a moment
_SEEN_S = 2  # from a word on the broker to a light that a person sees
_GRACE_S, _SILENT_S = _GRACE_MS // 1000, _SILENT_MS // 1000
_FLASH_MS, _FLASH_EVERY_MS = PATTERNS[NO_DATA]


class Measure(NamedTuple):
    """One line of the form: of a truck or a room, what, by which means, and what is allowed."""

    family: str
    what: str
    means: str
    limit: str


MEASURES = (
    Measure("truck", "hold until the light blinks fast", "stopwatch, five times", f"{HOLD_S:g} s, ± {_PERSON_S:g} s"),
    Measure("truck", "hold until the screen says breakdown", "stopwatch, five times",
            f"{HOLD_LONG_S:g} s and at most {_SEEN_S} s more"),
    Measure("truck", "fast to slow: the press is stored", "stopwatch, on the area's own network",
            f"at most {_SEEN_S} s"),
    Measure("truck", "click on “seen” until the light is steady", "stopwatch", f"at most {_SEEN_S} s"),
    Measure("truck", "bounce of the button's contact", "oscilloscope at the pin, ten presses",
            f"settled in {DEBOUNCE_S * 1000:g} ms; no gap of {AWAY_S * 1000:g} ms in a hold"),
    Measure("truck", "plug pulled a second after a press, pushed again", "screen and light",
            "the same incident, once; fast or slow blinking again in 60 s"),
    Measure("truck", "supply at the computer in a press", "meter; `vcgencmd get_throttled`", "4.75 V or more; 0x0"),
    Measure("truck", "light in the sun", "eyes, from the driver's seat", "its five patterns are told apart"),
    Measure("room", "call until the lamp is lit", "stopwatch, from the screen's word", f"at most {_SEEN_S} s"),
    Measure("room", "held and truck at the stop", "stopwatch, ten periods",
            f"{PATTERNS['held'][1] / 100:g} s and {PATTERNS['at_stop'][1] / 100:g} s, ± 5 %"),
    Measure("room", "network cable pulled until the first flash", "stopwatch",
            f"dark lamp: {_GRACE_S} to {_GRACE_S + _SILENT_S} s; "
            f"lit lamp: {NO_DATA_S} to {NO_DATA_S + _SILENT_S + HEARTBEAT_S} s"),
    Measure("room", "the flash of a lamp that does not know", "stopwatch, eyes from the doorway",
            f"{_FLASH_MS} ms each {_FLASH_EVERY_MS // 1000} s, seen at noon"),
    Measure("room", "lamp unscrewed", "`sense`, screen", "“no light” in the lamp's report within 10 s"),
    Measure("room", "known mass on the load cell", "20 kg, then 200 kg, three times each", "± 1 %"),
    Measure("room", "the cell overnight, nothing touched", "record of its weight", "± 0.5 kg"),
    Measure("room", "ten bins through the beams, out and in", "by hand", "ten each way"),
    Measure("room", "Wi-Fi where the unit hangs", "`tools/flash.py selftest`, door shut", "-70 dBm or better"),
    Measure("room", "plug pushed until `ready`", "stopwatch, screen", "at most 30 s"),
)  # fmt: skip


def form(families: Iterable[str]) -> Iterator[str]:
    """The lines for these families as a table in Markdown, with room for what was found."""
    yield "| of | what | by | limit | found |"
    yield "| --- | --- | --- | --- | --- |"
    wanted = set(families)
    yield from (f"| {' | '.join(one)} | |" for one in MEASURES if one.family in wanted)


if __name__ == "__main__":
    print("\n".join(form(("truck", "room"))))
