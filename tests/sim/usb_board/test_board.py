"""The virtual board under the real mpremote, as a tester uses it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sim.usb_board.board import VirtualBoard
from tests.support.flashing import Workshop, interpreter, make_mirror

pytestmark = pytest.mark.real

CALL_S = 20
FORGETFUL = "import time\nprint('main runs')\nn = 0\nwhile True:\n    n += 1\n    time.sleep_ms(20)\n"


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """A workshop whose boards are unplugged at the end."""
    workshop = Workshop(tmp_path)
    yield workshop
    workshop.close()


def mpremote(board: VirtualBoard, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One call of the real mpremote with a deadline."""
    command = [sys.executable, "-m", "mpremote", "connect", str(board.port), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=CALL_S)


def written(path: str, text: str) -> str:
    """The program that writes a file; a file that is not closed is not in the flash."""
    return f"with open({path!r}, 'w') as f: f.write({text!r})"


def until(true: Callable[[], bool], what: str, wait_s: float = 8) -> None:
    """Waits for something a board does by itself."""
    end = time.monotonic() + wait_s
    while not true():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.02)


def test_mpremote_runs_a_program(workshop: Workshop) -> None:
    """`mpremote exec` opens the prompt of the board by its stable name and prints what the program prints."""
    with workshop.board() as board:
        assert mpremote(board, "exec", "print(6 * 7)").stdout.strip() == "42"
        assert board.port.is_symlink()


def test_a_copied_file_has_its_true_size_and_hash(workshop: Workshop) -> None:
    """`mpremote cp` by raw paste, `ls` and `sha256sum` agree with the file on this computer."""
    data = os.urandom(9000)
    source = workshop.folder / "data.bin"
    source.write_bytes(data)
    with workshop.board() as board:
        assert mpremote(board, "fs", "cp", str(source), ":data.bin").returncode == 0
        assert "9000 data.bin" in mpremote(board, "fs", "ls").stdout
        assert hashlib.sha256(data).hexdigest() in mpremote(board, "fs", "sha256sum", "data.bin").stdout


def test_files_and_free_space_outlive_a_power_cut(workshop: Workshop) -> None:
    """What was written is there after pulling and plugging, and `df` counts blocks of littlefs."""
    with workshop.board(blocks=64) as board:
        assert mpremote(board, "exec", written("kept", "yes")).returncode == 0
        board.pull()
        board.plug()
        assert mpremote(board, "exec", "print(open('kept').read())").stdout.strip() == "yes"
        assert "262144" in mpremote(board, "df").stdout


def test_main_runs_at_power_on_and_ctrl_c_stops_it(workshop: Workshop) -> None:
    """main.py starts by itself; connecting interrupts it and its variables can be asked for."""
    with workshop.board() as board:
        script = workshop.folder / "main.py"
        script.write_text(FORGETFUL)
        assert mpremote(board, "fs", "cp", str(script), ":main.py").returncode == 0
        board.reset()
        until(lambda: b"main runs" in board.printed, "main runs")
        assert int(mpremote(board, "resume", "exec", "print(n)").stdout) >= 0


def test_a_soft_reset_in_raw_mode_runs_no_main_and_empties_memory(workshop: Workshop) -> None:
    """As on a board: Ctrl-D in raw mode forgets all variables, says so, and stays raw without main.py."""
    with workshop.board() as board:
        assert mpremote(board, "exec", written("main.py", "print('main runs')")).returncode == 0
        assert mpremote(board, "exec", "kept = 1").returncode == 0
        board.printed.clear()
        answer = mpremote(board, "exec", "print('kept' in globals())")
        assert answer.stdout.strip() == "False"
        assert b"MPY: soft reboot" in board.printed
        assert b"main runs" not in board.printed


def test_machine_reset_boots_anew(workshop: Workshop) -> None:
    """`machine.reset()` ends the program and main.py runs again."""
    with workshop.board() as board:
        assert mpremote(board, "exec", written("main.py", "print('main runs')")).returncode == 0
        boots = board.boots
        board.printed.clear()
        mpremote(board, "resume", "exec", "--no-follow", "import machine; machine.reset()")
        until(lambda: board.boots > boots and b"main runs" in board.printed, "a new boot")


def test_the_port_is_busy_while_another_has_it(workshop: Workshop) -> None:
    """A second program cannot open the port."""
    import serial

    with workshop.board() as board, serial.Serial(str(board.port), exclusive=True):
        answer = mpremote(board, "exec", "print(1)")
        assert answer.returncode != 0
        assert "in use" in answer.stderr + answer.stdout


def test_a_pulled_cable_ends_a_copy_and_the_next_one_is_whole(workshop: Workshop) -> None:
    """With the cable pulled in the middle mpremote fails; plugged in again under the same name everything works."""
    data = os.urandom(40000)
    source = workshop.folder / "data.bin"
    source.write_bytes(data)
    with workshop.board() as board:
        pulled = threading.Timer(0.8, board.pull)
        pulled.start()
        broken = mpremote(board, "fs", "cp", str(source), ":data.bin")
        pulled.join()
        assert broken.returncode != 0
        assert not board.port.exists()
        board.plug()
        assert mpremote(board, "exec", "print(1)").stdout.strip() == "1"


def test_a_cut_in_a_block_write_leaves_a_whole_file_system(workshop: Workshop) -> None:
    """Power that fails inside the third block write takes the port away; afterwards old files are whole."""
    with workshop.board() as board:
        assert mpremote(board, "exec", written("old", "old")).returncode == 0
        board.cut_after(3)
        mpremote(board, "exec", "f = open('new', 'w')\nfor _ in range(20): f.write('x' * 1000); f.flush()")
        until(lambda: not board.powered, "the cut")
        assert not board.port.exists()
        board.plug()
        assert mpremote(board, "exec", "print(open('old').read())").stdout.strip() == "old"
        assert b"damaged" not in board.printed


def test_mip_installs_from_a_folder_served_as_an_index(workshop: Workshop) -> None:
    """The mirror that tools/flash.py reads is an index for the real `mpremote mip install` too."""
    import functools
    import http.server

    mirror = make_mirror(workshop.folder / "served")
    handler = functools.partial(_QuietFiles, directory=str(mirror))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, workshop.board() as board:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            index = f"http://127.0.0.1:{server.server_address[1]}"
            assert mpremote(board, "mip", "install", "--index", index, "--target", "/lib", "logging").returncode == 0
            assert (
                mpremote(board, "exec", "import logging; print(logging.__file__)").stdout.strip() == "/lib/logging.py"
            )
        finally:
            server.shutdown()


def test_pins_are_seen_and_driven_and_the_watchdog_bites(workshop: Workshop) -> None:
    """The panel sees an output, drives an input, and a watchdog that is not fed resets the board."""
    with workshop.board(with_panel=True) as board:
        panel = workshop.panels[0]
        assert mpremote(board, "exec", "import machine; machine.Pin(16, machine.Pin.OUT, value=1)").returncode == 0
        until(lambda: panel.level(16) == 1, "pin 16 high")
        panel.drive(0, 0)
        program = "import machine, time; p = machine.Pin(0, machine.Pin.IN); time.sleep_ms(50); print(p.value())"
        assert mpremote(board, "exec", program).stdout.strip() == "0"
        boots = board.boots
        mpremote(board, "resume", "exec", "import machine; w = machine.WDT(timeout=300)")
        until(lambda: board.boots > boots, "a watchdog reset")


def test_a_board_may_claim_to_be_another(workshop: Workshop) -> None:
    """`claims` make it an old interpreter or another chip, for tools that must refuse one."""
    claims = {"machine": "ESP32 module", "version": (1, 19, 1, ""), "mpy": 6, "platform": "esp32"}
    with workshop.board(claims=claims) as board:
        program = "import sys; i = sys.implementation; print(i[1][:3], i._machine, i._mpy, sys.platform)"
        assert mpremote(board, "exec", program).stdout.strip() == "(1, 19, 1) ESP32 module 6 esp32"


class _QuietFiles(__import__("http.server").server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing on the test's screen."""


def test_the_interpreter_is_the_real_one() -> None:
    """What runs behind the port is MicroPython with the compiled-file version our releases are made for."""
    program = "import sys; print(sys.implementation.name, sys.implementation._mpy & 255)"
    shown = subprocess.run([interpreter(), "-c", program], capture_output=True, text=True, timeout=CALL_S)
    assert shown.stdout.split() == ["micropython", "6"]
