"""The printed code of each room's sign: nobody guesses one, each can be withdrawn, and a new one takes its place.

A code is worked out from a secret that is made once and kept beside the people, so that it is the same for ever; the
file holds beside the secret only what became of single codes. 80 bits, written in 16 letters and digits.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Collection
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from broker.durable_file import Disk
from broker.people.kept_file import KeptFile

FILE = "signs.json"
CODE_BYTES = 10
SECRET_BYTES = 32


class Changed(BaseModel):
    """What became of a room's code: how often it was renewed, whether there is none now, and who did that when."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    renewed: int = Field(0, ge=0)
    withdrawn: bool = False
    by: str
    at: int


class KeptSigns(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    secret: str = ""
    rooms: dict[str, Changed] = {}


class SignCodes:
    """The codes of the rooms of one area."""

    def __init__(self, folder: Path, rooms: Collection[str], disk: Disk | None = None) -> None:
        mend = "bring it back from the last backup: without it every sign has to be printed anew"
        self._file = KeptFile(folder / FILE, KeptSigns, disk, mend)
        self._rooms = rooms
        self._known: tuple[KeptSigns, dict[str, str]] | None = None
        self._rooms_by_code: tuple[dict[str, str], dict[str, str]] | None = None

    def codes(self) -> dict[str, str]:
        """Code by room, of those that have one. Raises Damaged, and OSError where the first secret cannot be kept."""
        kept = self._file.read()
        if not kept.secret:
            kept = self._file.change(_with_a_secret)
        if self._known is None or self._known[0] != kept:
            made = {room: _code(kept, room) for room in self._rooms if not _is_withdrawn(kept, room)}
            self._known = kept, made
        return self._known[1]

    def room_of(self, code: str) -> str | None:
        """The room of a code, as it was printed or typed in capitals; None for one that opens nothing."""
        codes = self.codes()
        if self._rooms_by_code is None or self._rooms_by_code[0] is not codes:
            self._rooms_by_code = codes, {known: room for room, known in codes.items()}
        return self._rooms_by_code[1].get(code.strip().lower())

    def changes(self) -> dict[str, Changed]:
        """What became of single codes."""
        return dict(self._file.read().rooms)

    def renew(self, room: str, by: str, at: int) -> None:
        """Give a room another code: the one before opens nothing from now on."""
        self._change(room, by, at, withdrawn=False, once_more=1)

    def withdraw(self, room: str, by: str, at: int) -> None:
        """Leave a room without a sign, until one is made anew."""
        self._change(room, by, at, withdrawn=True, once_more=0)

    def _change(self, room: str, by: str, at: int, *, withdrawn: bool, once_more: int) -> None:
        def into(kept: KeptSigns) -> KeptSigns:
            before = kept.rooms.get(room)
            renewed = (before.renewed if before else 0) + once_more
            changed = Changed(renewed=renewed, withdrawn=withdrawn, by=by, at=at)
            return kept.model_copy(update={"rooms": {**kept.rooms, room: changed}})

        self._file.change(into)


def _with_a_secret(kept: KeptSigns) -> KeptSigns:
    return kept if kept.secret else kept.model_copy(update={"secret": secrets.token_hex(SECRET_BYTES)})


def _is_withdrawn(kept: KeptSigns, room: str) -> bool:
    changed = kept.rooms.get(room)
    return changed is not None and changed.withdrawn


def _code(kept: KeptSigns, room: str) -> str:
    changed = kept.rooms.get(room)
    about = f"{room}/{changed.renewed if changed else 0}"
    made = hmac.digest(bytes.fromhex(kept.secret), about.encode(), hashlib.sha256)[:CODE_BYTES]
    return base64.b32encode(made).decode().lower()
