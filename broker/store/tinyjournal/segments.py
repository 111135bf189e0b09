"""The files of a journal by their names: `<first frame>.jsonl`, and `newest`, which names the last one begun.

A segment that is lost from the middle leaves a gap in the frames; for the last one there is only `newest` to tell. It
is written when the segment's own name is safe and before the first of its frames is acknowledged. So a power cut at
any moment leaves the file that it names, or one that is newer.
"""

import re
from pathlib import Path

from broker.store.tinyjournal import frames
from broker.store.tinyjournal.files import Files

NEWEST = "newest"
_NAMED = re.compile(rb"[0-9]{12}(-[0-9]+)?\.jsonl\n")


def segment_name(first: int, attempt: int) -> str:
    """The name of the file that begins with this frame, on the so-manieth attempt at it."""
    return f"{first:012d}.jsonl" if attempt == 1 else f"{first:012d}-{attempt}.jsonl"


def segment_start(path: Path) -> tuple[int, int]:
    """The number of the frame a segment begins with, and which attempt at it this file is."""
    first, _, attempt = path.stem.partition("-")
    return int(first), int(attempt or 1)


def segments_of(folder: Path) -> list[Path]:
    """The segments in a folder in reading order."""
    found = [path for path in folder.glob("*.jsonl") if path.stem.replace("-", "").isdigit()]
    return sorted(found, key=segment_start)


def named_newest(folder: Path) -> str:
    """The name of the segment that was begun last, empty if none is named."""
    try:
        name = (folder / NEWEST).read_bytes()
    except FileNotFoundError:  # a journal that was never written to, or one of before there were names
        return ""
    return name[:-1].decode() if _NAMED.fullmatch(name) else ""


def name_newest(folder: Path, path: Path, files: Files) -> None:
    """Keep, safe from a power cut, that this segment was begun."""
    files.write_file(folder / NEWEST, f"{path.name}\n".encode())


def missing_newest(folder: Path) -> Path | None:
    """The segment that was begun last, if it is not there."""
    name = named_newest(folder)
    return None if not name or (folder / name).exists() else folder / name


def last_frame(folder: Path) -> tuple[int, int]:
    """Number and checksum of the newest frame in a journal's folder, (0, 0) without one; nothing is changed.

    The checksum is over the one before it and so on: two journals whose last ones are equal hold the same frames.
    """
    limit: int | None = None
    for path in reversed(segments_of(folder)):
        last = None
        for frame in frames.frames_from(path.read_bytes(), 0):
            if limit is not None and frame.number >= limit:
                break
            last = frame
        if last is not None:
            return last.number, last.crc
        limit = segment_start(path)[0]
    return 0, 0
