"""One number in one place: what several parties go by is written down once, and everybody else takes it from there."""

import re
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
ROOMS = ("firmware", "broker", "sim", "tools")
CODE = {
    path.relative_to(REPO).as_posix(): path.read_text()
    for room in ROOMS
    for path in (REPO / room).rglob("*")
    if path.suffix in (".py", ".js") and "__pycache__" not in path.parts
}
WIRE, SETTINGS, GESTURE = "firmware/wire.py", "broker/rules/settings.py", "firmware/truck/button/gesture.py"
# What is it, how it would look as code wherever somebody wrote it again, and where it stands.
NUMBERS = (
    ("how old knowledge may be", r"(?i)(?<!m)_s(: \w+)? = (const\()?90\b|= const\(90_?000\)", WIRE),
    ("how far ahead a clock may be", r"(?i)(future|ahead)\w*_s(: int)? = \d+", "broker/rules/tracking/types.py"),
    ("the last moment there is", r"4_?102_?444_?800", WIRE),
    ("the broker's usual port", r"\b1883\b(?!`)", WIRE),
    ("seconds of keepalive", r"(?i)keepalive_s(: \w+)? = \d", WIRE),
    ("seconds of identify", r"(?i)identify_m?s(: \w+)? = (const\()?\d", WIRE),
    ("metres of street", r"\b1\.35\b", SETTINGS),
    ("speed of a street", r"speed_mps(: float)? = [1-9]", SETTINGS),
    ("when a lamp is called", r"\b960\b", SETTINGS),
    ("what a blocked lane takes", r"lane_clear\w*(: \w+)? = \d", SETTINGS),
    ("what breaks a promise", r"(?i)\b(slip|promise_slack)_s(: int)? = \d", SETTINGS),
    ("how long a lamp is held", r"back_within\w*(: int)? = \d", SETTINGS),
    ("the hold that raises", r"\bHOLD_S = \d|hold_s >= \d", GESTURE),
    ("metres of the earth", r"\b6_?371_?\d+|\b111_?195|\b111\.\d", "firmware/truck/gps/fix.py"),
    ("where a board's ticks wrap", r"(?i)0x3fffffff|1 << 30", "firmware/binroom/constant.py"),
    ("seconds between acks", r"ACK_EVERY_S = ", "broker/ingest/delivery/acks.py"),
    ("how much a broker keeps for us", r"MAX_QUEUED\w* = \d", "broker/mqtt/own_broker/mosquitto_conf.py"),
)  # fmt: skip


def said(text: str) -> str:
    """The code without what is said about it: comments, docstrings and other texts."""
    text = re.sub(r'"""[\s\S]*?"""', '""', text)
    text = re.sub(r"(?m)(#|//).*$", "", text)
    return "\n".join(line.rstrip() for line in re.sub(r'"[^"\n]*"', '""', text).splitlines())


@pytest.mark.parametrize(("looks_like", "place"), [row[1:] for row in NUMBERS], ids=[row[0] for row in NUMBERS])
def test_a_number_stands_once(looks_like: str, place: str) -> None:
    """It is found in its own file and in no other."""
    found = {path: re.findall(rf"(?m){looks_like}", said(text)) for path, text in CODE.items()}
    assert [path for path, hits in found.items() if hits] == [place]
