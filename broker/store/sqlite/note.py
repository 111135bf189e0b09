"""`record.note`: beside the record, whose it is and how far it had come, so that no other file passes for it.

An empty file is a valid database, and so is last month's copy: the note tells both from the record. It is written over
in place after each commit and left to the system, so a kill loses nothing of it; a power cut may bring back an older
number, never one beyond what is on the disk. What changes lies within its first bytes, which a disk writes in one.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import orjson

from broker.store.record import Conflict, Corrupt

NAME = "record.note"
FORMAT = 1
_CHECKSUM = b'{"checksum":'
_DIGITS = 15
_NUMBERS = b'"rows":%15d,"copies":%15d,"size":%15d,%b'


class Note(NamedTuple):
    """Whose the record is (`record` is drawn when it is made), and its last row."""

    rows: int
    format: int
    record: str
    area: str
    timezone: str
    copies: int = 0  # so many whole logs had gone into the file,
    size: int = 0  # which had so many bytes then

    def must_be(self, area: str, timezone: str, path: Path) -> None:
        """Raises Conflict if it is of another area, time zone or format."""
        if (self.format, self.area, self.timezone) != (FORMAT, area, timezone):
            raise Conflict(
                f"{path} says area {self.area}, time zone {self.timezone}, format {self.format}; the configuration "
                f"says {area}, {timezone} and this program writes format {FORMAT}: use the folder of this area"
            )

    def encoded(self) -> bytes:
        """As the file has it, always of one length for one record: the numbers come first, filled up with blanks."""
        body = _NUMBERS % (self.rows, self.copies, self.size, _whose(*self[1:5]))
        return b"%b%15d,%b\n" % (_CHECKSUM, crc32(body), body)


@lru_cache(maxsize=1)  # for a note is written after each commit
def _whose(*names: Any) -> bytes:
    return orjson.dumps(dict(zip(("format", "record", "area", "timezone"), names, strict=True)))[1:]


def read_note(folder: Path) -> Note | None:
    """The note of a folder, None if there is none; raises Corrupt for one that cannot be read."""
    path = folder / NAME
    try:
        written = path.read_bytes()
        found = orjson.loads(written)
        checksum = crc32(written[len(_CHECKSUM) + _DIGITS + 1 : -1])
        if found.get("checksum", checksum) != checksum:  # 0.2.0 wrote none
            raise ValueError("its checksum is another")
        note = Note(**{name: value for name, value in found.items() if name in Note._fields})
        if [*map(type, note)] != [int, int, str, str, str, int, int]:
            raise ValueError("a number or a name in it is none")
        return note
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, AttributeError) as error:
        raise Corrupt(
            f"{path} does not say whose the record is and how far it had come ({error}); "
            "run `python3 -m broker fsck --repair`, which writes it from the record"
        ) from error
