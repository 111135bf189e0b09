"""Power and cable fail in the middle of an installation; running it again ends well. Real littlefs, real prompt.

Every file is cut here and a spread of block writes; `python3 -m bench flash_cuts` cuts at every single block.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.usb_board.board import VirtualBoard
from tests.support.flashing import Workshop
from tools.flashing.board.board import open_board
from tools.flashing.board.changes import Action, Installation, make_installation
from tools.flashing.board.install import carry_out, clean_up
from tools.flashing.board.inventory import Contents, read_contents, read_manifest, whole_release
from tools.flashing.board.release.release import Release, pack_release
from tools.flashing.board.rollback import roll_back
from tools.flashing.errors import FlashError

pytestmark = pytest.mark.real

CONFIG = {"/config/keys/mqtt": b"secret", "/config/unit.json": b'{"area": "xh", "device": "r01"}'}
LOADER = b"print('boot loader')\n"


def release(number: int) -> Release:
    """A small release; its second file spans several blocks."""
    files = {
        "firmware/wire.mpy": b"wire %d" % number,
        "firmware/binroom/unit.mpy": (b"unit %d " % number) * 1200,
        "firmware/binroom/lamp.mpy": b"lamp %d" % number,
    }
    return pack_release(files, LOADER)


OLD, NEW = release(1), release(2)


def install(board: VirtualBoard, wanted: Release) -> Installation:
    """One installation as the tool does it, without the hello."""
    with open_board(str(board.port)) as prompt:
        installation = make_installation(read_contents(prompt), wanted, CONFIG, {})
        carry_out(prompt, installation)
        clean_up(prompt, installation)
    return installation


def look(board: VirtualBoard) -> tuple[Contents, list[str]]:
    """What is on the board, and what is wrong with the release it would run."""
    with open_board(str(board.port)) as prompt:
        contents = read_contents(prompt)
        current = contents.current
        wrong = [] if current is None else whole_release(contents, current, read_manifest(prompt, current))
    return contents, wrong


@pytest.fixture
def board(tmp_path: Path) -> Iterator[VirtualBoard]:
    """A board that runs the old release."""
    workshop = Workshop(tmp_path)
    board = workshop.board(blocks=96)
    board.plug()
    install(board, OLD)
    yield board
    workshop.close()


def ends_well(board: VirtualBoard) -> None:
    """After a cut: a whole release is named, the file system is whole, and one more run puts all right."""
    board.plug()
    contents, wrong = look(board)
    assert contents.current in (OLD.name, NEW.name)
    assert wrong == []
    assert b"damaged" not in board.printed
    install(board, NEW)
    contents, wrong = look(board)
    assert (contents.current, contents.former, wrong) == (NEW.name, OLD.name, [])
    assert not [path for path in contents.files if path.endswith(".tmp")]


@pytest.mark.parametrize("blocks", [0, 1, 2, 5, 9, 14, 20, 27])
def test_power_fails_in_a_block_write(board: VirtualBoard, blocks: int) -> None:
    """The power goes in the middle of the n-th block write or erase."""
    board.cut_after(blocks)
    with pytest.raises(FlashError) as caught:
        install(board, NEW)
    assert caught.value.problem in ("cable_pulled", "timeout", "no_such_port")
    ends_well(board)


def test_the_cable_is_pulled_at_every_file(board: VirtualBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    """One board, pulled at the first byte of each file in turn; each run goes on where the last one stopped."""
    from tools.flashing.board.board import Board

    plain = Board.write
    pulled: list[str] = []

    def pull_once(self: Board, path: str, data: bytes, progress: object = None) -> None:
        if path not in pulled:
            pulled.append(path)
            board.pull()
        plain(self, path, data)

    monkeypatch.setattr(Board, "write", pull_once)
    for _ in range(20):
        try:
            install(board, NEW)
            break
        except FlashError as error:
            assert error.problem == "cable_pulled"
            assert pulled[-1] in error.sentence
            board.plug()
            contents, wrong = look(board)
            assert (contents.current in (OLD.name, NEW.name), wrong) == (True, [])
    assert set(pulled) >= {f"{NEW.folder}/{path}" for path in NEW.files} | {"/current", "/former"}
    ends_well(board)


def test_a_cable_pulled_while_the_board_keeps_its_power(board: VirtualBoard) -> None:
    """Data lines only: the board sits at its prompt, and the next run takes it from there."""
    timer = threading.Timer(0.4, lambda: board.pull(power=False))
    timer.start()
    with pytest.raises(FlashError) as caught:
        for _ in range(20):
            install(board, NEW)
            install(board, OLD)
    timer.join()
    assert caught.value.problem in ("cable_pulled", "no_such_port", "silent", "timeout")
    board.plug()
    assert look(board)[1] == []
    install(board, OLD)
    ends_well(board)


def test_rollback_switches_between_two_whole_releases(board: VirtualBoard) -> None:
    """After an upgrade a rollback leads to the old release, and a second one back; a damaged one is refused."""
    install(board, NEW)
    with open_board(str(board.port)) as prompt:
        assert roll_back(prompt, read_contents(prompt)).now == OLD.name
        assert roll_back(prompt, read_contents(prompt)).now == NEW.name
        prompt.write(f"{OLD.folder}/firmware/wire.mpy", b"damaged")
        with pytest.raises(FlashError) as caught:
            roll_back(prompt, read_contents(prompt))
    assert caught.value.problem == "no_former"


def test_a_damaged_file_is_written_again_and_nothing_else(board: VirtualBoard) -> None:
    """What differs by its hash is written; the rest is kept."""
    with open_board(str(board.port)) as prompt:
        prompt.write(f"{OLD.folder}/firmware/wire.mpy", b"damaged")
    installation = install(board, OLD)
    written = [step.path for step in installation.steps if step.action is Action.WRITE]
    assert written == [f"{OLD.folder}/firmware/wire.mpy"]
