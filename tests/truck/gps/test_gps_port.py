"""The serial port's shell: on a real pty with real pyserial, and on played ports for unplugging and wrong speeds."""

import itertools
import os
import termios
import time
import tty
from functools import reduce

import pytest

from firmware.truck.events import FixSeen, GpsState
from firmware.truck.gps.port import GpsPort
from firmware.truck.program import open_serial


def checked(body: str) -> bytes:
    """A sentence with its checksum and line end."""
    return f"${body}*{reduce(lambda x, c: x ^ ord(c), body, 0):02X}\r\n".encode()


def sentences(second: int) -> bytes:
    """RMC and GGA of one second."""
    clock, place = f"1200{second:02d}.00", "3112.0000,N,12124.0000,E"
    rmc = checked(f"GPRMC,{clock},A,{place},10.0,90.0,221126,,,A")
    return rmc + checked(f"GPGGA,{clock},{place},1,08,1.0,5,M,8,M,,")


class PlayedPorts:
    """A clock, and ports that say what they are told; each read takes half a second."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.opened: list[tuple[str, int]] = []
        self.says = lambda baud: b""
        self.broken = False

    def open(self, path: str, baud: int) -> "PlayedPorts.Port":
        self.opened.append((path, baud))
        if self.broken:
            raise OSError("no such device")
        return PlayedPorts.Port(self, baud)

    def pause(self, seconds: float) -> None:
        self.now_s += seconds

    class Port:
        def __init__(self, played: "PlayedPorts", baud: int) -> None:
            self.played, self.baud = played, baud

        in_waiting = 0

        def read(self, _size: int = 1) -> bytes:
            self.played.now_s += 0.5
            if self.played.broken:
                raise OSError("device reports readiness to read but returned no data")
            return self.played.says(self.baud)

        def close(self) -> None:
            pass


@pytest.fixture
def played():
    return PlayedPorts()


def make(played: PlayedPorts, pattern: str = "/dev/null", baud: int = 9600) -> GpsPort:
    return GpsPort(pattern, baud, played.open, lambda: played.now_s, played.pause, gather_s=0.0)


def words(port: GpsPort, played: PlayedPorts, seconds: float) -> list[str]:
    """The states told within so many seconds; `fix` for a FixSeen."""
    out, end_s = [], played.now_s + seconds
    while played.now_s < end_s:
        for event, _ in port.step():
            word = event.word if isinstance(event, GpsState) else "fix"
            if out[-1:] != [word]:
                out.append(word)
    return out


def test_real_pty_with_real_pyserial():
    """Bytes written to a real pty come out as a fix, and a closed pty is no_port and found again."""
    master, slave = os.openpty()
    tty.setraw(slave, termios.TCSANOW)
    pattern = os.ttyname(slave)
    port = GpsPort(pattern, 9600, open_serial, time.monotonic, time.sleep)
    try:
        assert port.step() == []
        os.write(master, sentences(1)[:50])
        port.step()
        os.write(master, sentences(1)[50:])
        events, end_s = [], time.monotonic() + 5
        while not events and time.monotonic() < end_s:
            events = port.step()
        ((event, _),) = events
        assert isinstance(event, FixSeen)
        assert event.fix.lat == 31.2
    finally:
        os.close(slave)
        os.close(master)
    states, end_s = [], time.monotonic() + 5
    while not states and time.monotonic() < end_s:
        states = port.step()
    assert states[0][0] == GpsState("no_port")
    port.close()


def test_vanished_port_is_tried_after_1_2_4_to_30_seconds(played):
    """An absent port is tried with growing pauses of at most 30 s and told once."""
    played.broken = True
    port = make(played)
    times = []
    told = []
    for _ in range(1200):
        before = len(played.opened)
        told += port.step()
        if len(played.opened) > before:
            times.append(played.now_s)
    gaps = [round(b - a) for a, b in itertools.pairwise(times)]
    assert gaps[:6] == [1, 2, 4, 8, 16, 30]
    assert set(gaps[5:]) == {30}
    assert [event for event, _ in told] == [GpsState("no_port")]
    assert "check cable" in port.trouble


def test_pattern_without_a_match_is_no_port(played, tmp_path):
    """A pattern nothing matches is no_port, and the port is opened under its new number when it appears."""
    port = make(played, str(tmp_path / "ttyACM*"))
    assert words(port, played, 3) == ["no_port"]
    (tmp_path / "ttyACM7").touch()
    played.says = lambda baud: sentences(int(played.now_s) % 60)
    assert words(port, played, 10) == ["fix"]
    assert played.opened == [(str(tmp_path / "ttyACM7"), 9600)]


def test_receiver_is_found_beside_a_modem(played, tmp_path):
    """Of several matching ports the silent and the busy one are left, and the receiver's is found and kept."""
    for name in ("a-modem", "b-modem-control", "c-receiver"):
        (tmp_path / name).touch()

    def says(baud: int) -> bytes:
        path = played.opened[-1][0]
        if path.endswith("b-modem-control"):
            return b"\r\n+CREG: 1\r\n"
        return sentences(int(played.now_s) % 60) if path.endswith("c-receiver") and baud == 9600 else b""

    played.says = says
    port = make(played, str(tmp_path / "*"))
    assert words(port, played, 120)[-1] == "fix"
    assert played.opened[-1] == (str(tmp_path / "c-receiver"), 9600)
    before = len(played.opened)
    words(port, played, 120)
    assert len(played.opened) == before


def test_unplugged_while_reading_comes_back(played):
    """A read that fails closes the port; it is opened again and the fixes go on."""
    played.says = lambda baud: sentences(int(played.now_s) % 60)
    port = make(played)
    assert words(port, played, 5) == ["fix"]
    played.broken = True
    assert words(port, played, 5) == ["no_port"]
    played.broken = False
    assert words(port, played, 10) == ["fix"]


def test_no_bytes_then_no_fix_then_fix(played):
    """The words follow what the receiver does."""
    port = make(played)
    assert words(port, played, 8) == ["no_bytes"]
    played.says = lambda baud: checked("GPRMC,120000.00,V,,,,,,,221126,,,N")
    assert words(port, played, 15) == ["no_fix"]
    assert len(played.opened) == 1
    played.says = lambda baud: sentences(int(played.now_s) % 60)
    assert words(port, played, 4) == ["fix"]


def test_rubbish_for_ever_is_no_fix(played):
    """A receiver that never says a sentence at any speed is no_fix, told once, while the speeds go round."""
    played.says = lambda baud: b"\xf8\x80\x00\x1c"
    port = make(played)
    assert words(port, played, 120) == ["no_fix"]
    assert len({baud for _, baud in played.opened}) == 4


def test_wrong_speed_is_found(played):
    """Bytes without sentences for 5 s: the other speeds are tried until sentences come."""
    played.says = lambda baud: sentences(int(played.now_s) % 60) if baud == 4800 else b"\xf8\x80\x00\x1c"
    port = make(played)
    assert "fix" in words(port, played, 30)
    assert [baud for _, baud in played.opened] == [9600, 115200, 38400, 4800]
    assert words(port, played, 30) == ["fix"]


def test_silent_port_is_opened_afresh(played):
    """A port that gives no byte for 30 s is closed and opened again."""
    port = make(played)
    words(port, played, 100)
    assert 3 <= len(played.opened) <= 4


def test_lone_rmc_comes_without_its_gga(played):
    """A receiver that sends one sentence every 10 s is not held back to its next one."""
    rmc = sentences(5).split(b"\r\n")[0] + b"\r\n"
    played.says = lambda baud: rmc if played.now_s == 1000.5 else b""
    port = make(played)
    seen = []
    while played.now_s < 1004:
        seen += port.step()
    assert [type(event) for event, _ in seen] == [FixSeen]
    assert seen[0][1] <= 1002.5
