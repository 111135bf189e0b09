"""The positions in an NMEA log, read and believed as a truck's computer does it."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from math import inf
from pathlib import Path

from broker.commands.teaching.files import opened
from broker.rules.teaching.positions import Position, TeachingError
from firmware.truck.gps.acceptance import Acceptance
from firmware.truck.gps.epochs import Epochs
from firmware.truck.gps.fix import Fix
from firmware.truck.gps.speed_sense import SpeedSense
from firmware.truck.gps.whereabouts import FIX_LOST_S

CHUNK_BYTES = 65_536


def positions_of(chunks: Iterable[bytes]) -> Iterator[Position]:
    """What a receiver says of dated places that a truck would believe, with the speed that it would believe."""
    reader, acceptance, speeds = Epochs(), Acceptance(), SpeedSense()
    last_at = inf

    def believed(fixes: Iterable[Fix]) -> Iterator[Position]:
        nonlocal last_at
        for fix in fixes:
            at = fix.fix_at
            if at is None or acceptance.refusal(fix, at) is not None:
                continue
            yield Position(at, fix.lat, fix.lon, speeds.believed(fix, at).speed_mps, at - last_at >= FIX_LOST_S)
            last_at = at

    for chunk in chunks:
        yield from believed(reader.feed(chunk))
    yield from believed(reader.end())


def is_receivers(path: Path) -> bool:
    """Whether a file begins like a receiver's log."""
    try:
        with opened(path) as file:
            first = file.read(4096)
    except (EOFError, zlib.error):
        return False  # whoever reads it says what is wrong
    return any(line.lstrip()[:1] in (b"$", b"!") for line in first.splitlines()[:20])


def positions_in_log(path: Path, progress: Callable[[int], None]) -> Iterator[Position]:
    """The positions in a log; raises TeachingError where it has none."""

    def chunks() -> Iterator[bytes]:
        try:
            with opened(path) as file:
                while chunk := file.read(CHUNK_BYTES):
                    progress(len(chunk))
                    yield chunk
        except (EOFError, zlib.error) as why:
            raise TeachingError(f"{path}: is damaged ({why}); pack it anew") from why

    found = False
    for position in positions_of(chunks()):
        found = True
        yield position
    if not found:
        raise TeachingError(
            f"{path}: no position with a date that a truck would believe; the receiver must say RMC, and see four "
            "satellites for some minutes before the drive"
        )
