"""A network that fails by a plan: the plan is a function of its seed, and bytes pass whole and in order until a cut."""

import math
import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.live.faults.plan import KINDS, QUIET_FIRST, QUIET_LAST, Fault, breaks, leaves_s, planned, silent, told
from sim.live.faults.proxy import FaultyNetwork
from tests.support.processes import wait_until

SEEDS = st.integers(0, 2**31)
LENGTHS = st.floats(1.0, 3600.0)
PIECES = st.lists(st.tuples(st.floats(0.0, 30.0), st.integers(1, 512)), max_size=60)


@given(SEEDS, LENGTHS)
def test_the_same_seed_is_the_same_plan_and_another_device_has_its_own(seed: int, length_s: float) -> None:
    """Nothing but seed, device and length has a say."""
    assert planned(seed, "t01", length_s) == planned(seed, "t01", length_s)
    if planned(seed, "t01", length_s):
        assert planned(seed, "t01", length_s) != planned(seed, "t02", length_s)


@given(SEEDS, LENGTHS)
def test_a_plan_has_one_fault_at_a_time_and_is_quiet_at_both_ends(seed: int, length_s: float) -> None:
    """What is owed can arrive, and no two faults are one."""
    last_s = QUIET_FIRST * length_s
    for fault in planned(seed, "r01", length_s):
        assert fault.at_s >= last_s - 0.01
        last_s = fault.end_s
    assert last_s <= max(QUIET_FIRST, 1 - QUIET_LAST) * length_s + 0.01


def test_each_kind_of_fault_is_drawn_soon_and_said_with_its_seed() -> None:
    """Ten devices in ten minutes meet all five."""
    plans = {f"t{number:02d}": planned(3, f"t{number:02d}", 600.0) for number in range(10)}
    assert {fault.kind for faults in plans.values() for fault in faults} == set(KINDS)
    lines = list(told(3, plans))
    assert "seed 3" in lines[0] and len(lines) == 11
    assert list(told(3, {"t01": (Fault("rate", 1.0, 2.0, 300.0), Fault("cut", 4.0)), "t02": ()}))[1:] == [
        "  t01: rate 300 B/s at 1.0 s for 2.0 s; cut at 4.0 s", "  t02: none",
    ]  # fmt: skip


@given(SEEDS, PIECES)
def test_pieces_leave_in_their_order_never_before_they_came_and_never_out_of_a_black_hole(
    seed: int, pieces: list[tuple[float, int]]
) -> None:
    """By the arithmetic that the proxy goes by."""
    faults, came_s, before_s = planned(seed, "t01", 120.0), 0.0, -math.inf
    for pause_s, length in pieces:
        came_s += pause_s
        left_s = leaves_s(faults, came_s, before_s, length)
        assert left_s >= max(came_s, before_s)
        assert not any(start_s <= left_s < end_s for start_s, end_s in silent(faults))
        before_s = left_s


@given(SEEDS, st.floats(0.0, 120.0))
def test_a_connection_is_broken_by_the_first_break_after_its_begin(seed: int, began_s: float) -> None:
    """What was before it does not touch it."""
    faults = planned(seed, "t01", 120.0)
    first = breaks(faults, began_s)
    later = [fault.at_s for fault in faults if fault.at_s >= began_s and fault.kind in ("cut", "half_close")]
    assert (first is None and not later) or (first is not None and first.at_s == min(later))


class Echo:
    """A server that says again what it hears, and keeps it."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.heard: list[bytearray] = []
        self.ended = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            self.heard.append(bytearray())
            threading.Thread(target=self._echo, args=(one, self.heard[-1]), daemon=True).start()

    def _echo(self, one: socket.socket, heard: bytearray) -> None:
        try:
            while data := one.recv(65536):
                heard += data
                one.sendall(data)
        except OSError:
            pass
        self.ended += 1
        one.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    """One that is gone afterwards."""
    server = Echo()
    yield server
    server.listener.close()


SAID = bytes(range(256)) * 400


def sent(network: FaultyNetwork, device: str = "t01") -> tuple[bytes, socket.socket]:
    """What comes back of what a device says, until its connection ends or all is there; and that connection."""
    line = socket.create_connection(("127.0.0.1", network.port(device)), timeout=20)
    speaking = threading.Thread(target=_say, args=(line,), daemon=True)
    speaking.start()
    came = bytearray()
    try:
        while len(came) < len(SAID) and (data := line.recv(65536)):
            came += data
    except ConnectionResetError:
        pass
    return bytes(came), line


def _say(line: socket.socket) -> None:
    try:
        line.sendall(SAID)
    except OSError:
        pass  # it was cut: what was said until then is what is asked


@pytest.mark.parametrize("faults", [
    (), (Fault("delay", 0.0, 60.0, 0.05),), (Fault("rate", 0.0, 60.0, 2_000_000.0),), (Fault("black_hole", 0.0, 0.3),),
], ids=["none", "delay", "rate", "black hole"])  # fmt: skip
def test_bytes_pass_whole_and_in_order_where_nothing_is_cut(echo: Echo, faults: tuple[Fault, ...]) -> None:
    """Through the proxy itself, there and back."""
    network = FaultyNetwork("127.0.0.1", echo.port, {"t01": faults})
    try:
        network.go()
        came, line = sent(network)
        assert came == SAID == bytes(echo.heard[0])
        line.close()
        wait_until(lambda: echo.ended == 1, "the other side is told that the device has gone")
    finally:
        network.close()


def test_until_a_cut_what_passes_is_the_beginning_of_what_was_said(echo: Echo) -> None:
    """And the next connection is a whole one again."""
    network = FaultyNetwork("127.0.0.1", echo.port, {"t01": (Fault("rate", 0.0, 9.0, 100_000.0), Fault("cut", 0.2))})
    try:
        network.go()
        came, _ = sent(network)
        assert came != SAID and SAID.startswith(came) and SAID.startswith(bytes(echo.heard[0]))
        assert sent(network)[0] == SAID
    finally:
        network.close()


def test_of_a_half_close_one_side_is_told_and_the_other_is_not_until_it_is_over(echo: Echo) -> None:
    """The device believes in its connection and speaks into nothing."""
    network = FaultyNetwork("127.0.0.1", echo.port, {"t01": (Fault("half_close", 0.3, 1.0, towards="up"),)})
    try:
        line = socket.create_connection(("127.0.0.1", network.port("t01")), timeout=20)
        line.sendall(b"before")
        wait_until(lambda: echo.heard and bytes(echo.heard[0]) == b"before", "what came before has passed")
        network.go()
        wait_until(lambda: echo.ended == 1, "the broker's side is told")
        line.sendall(b"into nothing")  # is taken: nobody said that the other side is gone
        assert line.recv(100) == b"before"
        with pytest.raises(ConnectionResetError):
            line.recv(100)
        assert bytes(echo.heard[0]) == b"before"
    finally:
        network.close()
