"""`python3 -m sim.usb_board`: boards for a tester's hands."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.usb_board.__main__ import main
from tests.support.flashing import REPO, interpreter
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
            while line.endswith(" 16") and "pin, level 1" not in out.getvalue() and time.monotonic() < give_up_s:
                yield line  # the board's word for its pin may still be under way
            seen.append((line, (ports / "binroom-01").exists()))

    out, give_up_s = io.StringIO(), time.monotonic() + 30
    code = main(["--boards", "2", "--ports", str(ports), "--flash", str(tmp_path / "flash")], hands(), out)
    assert code == 0
    assert dict(seen)["pull binroom-01"] is False
    assert dict(seen)["plug binroom-01"] is True
    said = out.getvalue().splitlines()
    assert said[0].startswith("binroom-01: mpremote connect")
    assert said[2] == "binroom-02: drive, on"
    assert said[said.index("binroom-02: pin, level 1"):] == [
        "binroom-02: pin, level 1",
        "binroom-02: pin, not driven",
        "binroom-01: pull, off",
        "binroom-01: plug, on",
        "binroom-02: reset, on",
        "binroom-02: cut, on",
        "what to do (see --help), and one of binroom-01 binroom-02",
        "binroom-01: jump, not understood",
    ]
    assert not list(ports.iterdir())


@pytest.mark.real
@pytest.mark.parametrize("how", ["closed", "empty", "one line"])
def test_a_board_stays_when_its_input_ends(tmp_path: Path, how: str) -> None:
    """In the background, with a closed input or after the last line of a file, it stays until it is told to go."""
    interpreter()
    ports, given = tmp_path / "ports", tmp_path / "given"
    given.write_text("reset binroom-01\n" if how == "one line" else "")
    command = [sys.executable, "-m", "sim.usb_board", "--ports", str(ports), "--flash", str(tmp_path / "flash")]
    with given.open() as lines:
        process = subprocess.Popen(
            ["sh", "-c", 'exec "$@" <&-', "sh", *command] if how == "closed" else command,
            stdin=lines, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPO,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        assert "binroom-01: mpremote connect" in process.stdout.readline()
        with open_board(str(ports / "binroom-01")) as board:
            assert board.ask("print(6*7)", "asking") == 42
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert not list(ports.glob("binroom-*"))
    finally:
        process.kill()
        process.communicate()


def test_help_lists_what_a_board_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Each command that is obeyed stands in --help."""
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    source = (REPO / "sim/usb_board/__main__.py").read_text()
    obeyed = set(re.findall(r'\("(\w+)", \d\)', source))
    assert obeyed == {"pull", "plug", "reset", "boot", "cut", "pin", "drive"}
    assert all(f"\n  {verb} NAME" in said for verb in obeyed)


def test_it_refuses_an_absurd_number(tmp_path: Path) -> None:
    """No thousand interpreters on one desk."""
    assert main(["--boards", "1000", "--ports", str(tmp_path)], [], io.StringIO()) == 2
