"""`python3 -m sim.usb_board`: boards for a tester's hands."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.usb_board.__main__ import main
from tests.support.flashing import interpreter
from tools.flashing.board.board import open_board


@pytest.mark.real
def test_boards_stand_under_stable_names_and_obey(tmp_path: Path) -> None:
    """Two boards open a prompt by name; pull, plug, reset and cut do what they say; at the end no port is left."""
    interpreter()
    ports = tmp_path / "ports"
    seen: list[tuple[str, bool]] = []

    def hands() -> Iterator[str]:
        with open_board(str(ports / "binroom-02")) as board:
            program = "import machine\np=machine.Pin(16,machine.Pin.OUT,value=1)\nprint(6*7)"
            assert board.ask(program, "asking") == 42
        for line in (
            "drive binroom-02 0 0",
            "pin binroom-02 16",
            "pin binroom-02 17",
            "pull binroom-01",
            "plug binroom-01",
            "reset binroom-02",
            "cut binroom-02 5",
            "what",
            "jump binroom-01",
        ):
            yield line
            seen.append((line, (ports / "binroom-01").exists()))

    out = io.StringIO()
    code = main(["--boards", "2", "--ports", str(ports), "--flash", str(tmp_path / "flash")], hands(), out)
    assert code == 0
    assert dict(seen)["pull binroom-01"] is False
    assert dict(seen)["plug binroom-01"] is True
    said = out.getvalue().splitlines()
    assert said[0].startswith("binroom-01: mpremote connect")
    assert said[2:] == [
        "binroom-02: drive, on",
        "binroom-02: pin, level 1",
        "binroom-02: pin, not driven",
        "binroom-01: pull, off",
        "binroom-01: plug, on",
        "binroom-02: reset, on",
        "binroom-02: cut, on",
        "what to do, and one of binroom-01 binroom-02",
        "binroom-01: jump, not understood",
    ]
    assert not list(ports.iterdir())


def test_it_refuses_an_absurd_number(tmp_path: Path) -> None:
    """No thousand interpreters on one desk."""
    assert main(["--boards", "1000", "--ports", str(tmp_path)], [], io.StringIO()) == 2
