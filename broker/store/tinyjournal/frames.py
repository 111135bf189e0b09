"""The frame: some JSON lines under one header line that says how many they are and what they must add up to.

    {"frame":17,"lines":2,"bytes":42,"prev":"9c1185a5","crc":"0d4a1185"}
    ["bins",{"room":"r01"}]
    ["bins",{...}]

`crc` is the CRC-32 of the other header fields and of the lines, `prev` the `crc` of the frame before: so each
frame proves itself, and the order of frames is proved as well. Lengths come from the header, never from
newlines, and every byte of a frame is under the checksum or fixed by the header's pattern.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

HEADER = re.compile(
    rb'\{"frame":([1-9][0-9]{0,17}),"lines":([0-9]{1,9}),"bytes":([0-9]{1,10}),'
    rb'"prev":"([0-9a-f]{8})","crc":"([0-9a-f]{8})"\}\n'
)
LONGEST_HEADER_BYTES = 128


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole frame found in `data`: its number, its checksum, where it starts, where its lines start and end."""

    number: int
    prev: int
    crc: int
    lines: int
    start: int
    body: int
    end: int


def encode(number: int, prev: int, lines: Sequence[bytes]) -> tuple[bytes, int, int]:
    """The frame's bytes, its checksum, and how many of the bytes are its header."""
    return encode_body(number, prev, joined(lines), len(lines))


def joined(lines: Sequence[bytes]) -> bytes:
    """Lines as they stand in a frame."""
    return b"\n".join(lines) + b"\n" if lines else b""


def encode_body(number: int, prev: int, body: bytes, lines: int) -> tuple[bytes, int, int]:
    """The same for lines that are joined already."""
    proved = b"%d,%d,%d,%08x" % (number, lines, len(body), prev)
    crc = zlib.crc32(body, zlib.crc32(proved))
    header = b'{"frame":%d,"lines":%d,"bytes":%d,"prev":"%08x","crc":"%08x"}\n' % (
        number, lines, len(body), prev, crc,
    )  # fmt: skip
    return header + body, crc, len(header)


def frame_at(data: bytes, start: int) -> Frame | None:
    """The frame that starts at byte `start`, or None if there is no whole and unhurt one."""
    found = HEADER.match(data, start, start + LONGEST_HEADER_BYTES)
    if found is None:
        return None
    return _proved(data, found)


def _proved(data: bytes, found: re.Match[bytes]) -> Frame | None:
    number, lines, length = int(found[1]), int(found[2]), int(found[3])
    body = found.end()
    end = body + length
    if end > len(data):
        return None
    proved = b"%s,%s,%s,%s" % (found[1], found[2], found[3], found[4])
    crc = zlib.crc32(memoryview(data)[body:end], zlib.crc32(proved))
    if crc != int(found[5], 16):
        return None
    return Frame(number, int(found[4], 16), crc, lines, found.start(), body, end)


def frames_from(data: bytes, start: int) -> Iterator[Frame]:
    """The unbroken row of frames from byte `start` on; it ends before the first byte that is no whole frame."""
    while True:
        frame = frame_at(data, start)
        if frame is None:
            return
        yield frame
        start = frame.end


def frame_after(data: bytes, start: int) -> Frame | None:
    """The first whole frame that begins after byte `start`, however hurt the bytes before it are."""
    for found in HEADER.finditer(data, start + 1):
        frame = _proved(data, found)
        if frame is not None:
            return frame
    return None
