"""A board keeps the certificate it was written with beside a newer one: whatever the power cuts, one is shown."""

import base64
import os
from pathlib import Path

import pytest

from firmware.binroom.identity import Identity
from tools.flashing.authority import make_authority
from tools.flashing.identity.identities import Identities


class Board:
    """The files of one, which starts again as often as one likes."""

    def __init__(self, folder: Path) -> None:
        make_authority(folder / "keys", "xh", ["localhost"])
        area = Identities(folder / "keys", "xh")
        self.first = area.issue("room", "r01")[0].der
        self.newer = area.renew("r01").der
        self.root = folder / "flash"
        (self.root / "state").mkdir(parents=True)
        (self.root / "device.der").write_bytes(self.first)
        self.file = self.root / "state" / "certificate.der"

    def starts(self) -> Identity:
        """What it knows of itself after a start."""
        network = {"ca_path": "", "device_key_path": "", "cert_path": str(self.root / "device.der")}
        return Identity(str(self.root), network)

    def shows(self, der: bytes) -> bool:
        """Whether this counts after a start."""
        return bool(self.starts().shows(base64.b64encode(der).decode()))


@pytest.fixture
def board(tmp_path: Path) -> Board:
    """One that has not heard of the newer one yet."""
    return Board(tmp_path)


def test_what_was_offered_and_not_let_in_yet_is_gone_with_the_power(board: Board) -> None:
    """Nothing is written before the broker has let it in; then the newer one counts from start to start."""
    unit = board.starts()
    assert unit.offer(base64.b64encode(board.newer).decode()) is None
    assert not board.file.exists() and board.shows(board.first)
    unit.prove()
    assert board.shows(board.newer) and (board.root / "device.der").read_bytes() == board.first


def test_a_power_cut_while_it_is_written_leaves_the_former_one(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the rename the new file counts for nothing, however much of it is there."""

    def power_goes(*_: str) -> None:
        raise OSError("the power went")

    unit = board.starts()
    unit.offer(base64.b64encode(board.newer).decode())
    with monkeypatch.context() as dark:
        dark.setattr(os, "rename", power_goes)
        with pytest.raises(OSError, match="power"):
            unit.prove()
    assert board.shows(board.first)


def test_a_file_that_is_not_whole_is_no_certificate_of_its(board: Board) -> None:
    """A flash that kept only a part of it, or more: the one that the unit was written with is shown, and let in."""
    for kept in range(len(board.newer)):
        board.file.write_bytes(board.newer[:kept])
        assert board.shows(board.first), kept
    board.file.write_bytes(board.newer + b"\xff")
    assert board.shows(board.first)
