"""How far a cell has pushed its record, as the cell itself notes it: `city.json` beside the record."""

import json
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path

from broker.durable_file import Disk, write_durably

NAME = "city.json"


def noted_row(where: str, record: str) -> int:
    """The row up to which this record was pushed; 0 where nothing is noted of it."""
    try:
        noted = json.loads((Path(where) / NAME).read_bytes())
        return int(noted["row"]) if noted["record"] == record else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0  # all of it is sent again, which changes nothing


def note_row(where: str, record: str, row: int, hole: int) -> None:
    """Note it; from the first row that could not be read it begins again at the next start."""
    noted = {"record": record, "row": min(row, hole - 1) if hole else row}
    with suppress(OSError):  # the one before is lower, and good
        write_durably(Disk(), Path(where) / NAME, json.dumps(noted).encode())


def hole_of(hole: int, after: int, upto: int, found: AbstractSet[int], lost: AbstractSet[int]) -> int:
    """The first row that could not be read, 0 for none, once the rows beyond `after` up to `upto` were `found`.

    `hole` is the one of before, and none any more where it is among these and was read now. What a repair gave up as
    `lost` can never be read, and is none.
    """
    if hole and not after < hole <= upto:
        return hole
    if len(found) == upto - after:
        return 0
    return next((row for row in range(after + 1, upto + 1) if row not in found and row not in lost), 0)
