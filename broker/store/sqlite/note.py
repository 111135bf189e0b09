"""`record.note`: beside the record, whose it is and how far it had come, so that no other file passes for it.

An empty file is a valid database, and so is last month's copy: the note tells both from the record. It is written over
in place after each commit and left to the system, so a kill loses nothing of it; a power cut may bring back an older
number, never one beyond what is on the disk. What changes lies within its first bytes, which a disk writes in one.
"""

from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import orjson

from broker.store.record import Conflict, Corrupt

NAME = "record.note"
FORMAT = 1
_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Note:
    """Whose the record is (`record` is drawn when it is made), and its last row."""

    rows: int
    format: int
    record: str
    area: str
    timezone: str
    in_file: tuple[int, int] = (0, 0)  # so many whole logs had gone into the file, which had so many bytes then

    def must_be(self, area: str, timezone: str, path: Path) -> None:
        """Raises Conflict if it is of another area, time zone or format."""
        if (self.format, self.area, self.timezone) != (FORMAT, area, timezone):
            raise Conflict(
                f"{path} says area {self.area}, time zone {self.timezone}, format {self.format}; the configuration "
                f"says {area}, {timezone} and this program writes format {FORMAT}: use the folder of this area"
            )

    def encoded(self) -> bytes:
        """As the file has it, always of one length for one record: the numbers come first, filled up with blanks."""
        rest = {"format": self.format, "record": self.record, "area": self.area, "timezone": self.timezone}
        numbers = b'"rows":%*d,"in_file":[%*d,%*d]' % (_DIGITS, self.rows, _DIGITS, self.in_file[0], _DIGITS,
                                                      self.in_file[1])  # fmt: skip
        body = b"%b,%b" % (numbers, orjson.dumps(rest)[1:])
        return b'{"checksum":%*d,%b\n' % (_DIGITS, crc32(body), body)


def read_note(folder: Path) -> Note | None:
    """The note of a folder, None if there is none; raises Corrupt for one that cannot be read."""
    path = folder / NAME
    try:
        written = path.read_bytes()
        found = orjson.loads(written)
        checked = "checksum" in found  # 0.2.0 wrote none
        rows, copied = int(found["rows"]), found["in_file"] if checked else (0, 0)
        note = Note(rows, found["format"], found["record"], found["area"], found["timezone"], (copied[0], copied[1]))
        if checked and note.encoded() != written:
            raise ValueError("its checksum is another")
        return note
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, LookupError) as error:
        raise Corrupt(
            f"{path} does not say whose the record is and how far it had come ({error}); "
            "run `python3 -m broker fsck --repair`, which writes it from the record"
        ) from error
