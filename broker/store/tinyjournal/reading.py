"""Reading stored lines back by their place: segment number << 40 | byte offset."""

import threading
import weakref
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from broker.store.tinyjournal import frames
from broker.store.tinyjournal.files import Files

SEGMENT_SHIFT = 40
BLOCK_BYTES = 64 * 1024  # read at once, for lines mostly follow each other
FRAMES_KEPT = 8  # by a reader, taken apart into lines
_OFFSET = (1 << SEGMENT_SHIFT) - 1


class ReadError(OSError):
    """A line is not there as it was stored."""


class Segments:
    """The files of a journal as they are read; open until nobody reads any more, so a removal hurts no reader.

    A file without a frame is never opened: a disk that fails each sync and each removal leaves one behind for each try.
    """

    def __init__(self, files: Files, paths: list[Path], frame_places: Sequence[int]) -> None:
        """The journal's own paths, and places of all frames' headers, ascending; both grow."""
        self.files, self.paths, self.frame_places = files, paths, frame_places
        self._handles: dict[int, int] = {}
        self._settled = 0  # the segments before this one are open, or will never have a frame
        self._opening = threading.Lock()
        weakref.finalize(self, _close, files, self._handles)

    def open_all(self) -> None:
        """Open each segment that has frames."""
        if self._settled == len(self.paths):
            return
        with self._opening:
            count = len(self.paths)  # before looking for frames: only the last of these may still get its first one
            while self._settled < count:
                segment = self._settled
                first = bisect_left(self.frame_places, segment << SEGMENT_SHIFT)
                if first < len(self.frame_places) and self.frame_places[first] >> SEGMENT_SHIFT == segment:
                    self._handles[segment] = self.files.open_to_read(self.paths[segment])
                elif segment == count - 1:
                    return
                self._settled += 1

    def handle(self, segment: int) -> int:
        """The open file of a segment that has frames."""
        if segment not in self._handles:
            self.open_all()
        return self._handles[segment]


def _close(files: Files, handles: dict[int, int]) -> None:
    for handle in handles.values():
        files.close(handle)


class Reader:
    """Reads stored lines for one thread at a time; each frame is proved by its checksum before a line is given."""

    def __init__(self, segments: Segments) -> None:
        self._segments = segments
        segments.open_all()  # now, while the files are there
        self._block, self._block_place = b"", 0
        self._from = self._to = 0  # the places of the frame that was proved last
        self._split: dict[int, tuple[list[int], list[bytes]]] = {}  # frames by place: where their lines are, and these

    def line(self, place: int, further: int = 0) -> bytes:
        """The line at a place, or so many lines after it in its frame, without its end.

        Raises ReadError if it is not what was stored, OSError as the disk does.
        """
        if further == 0 and self._from <= place < self._to:
            at = place - self._block_place
            return self._block[at : self._block.find(b"\n", at)]
        frame_places = self._segments.frame_places
        start = frame_places[bisect_right(frame_places, place) - 1]
        places, lines = self._split.get(start) or self._lines_of(start)
        return lines[bisect_left(places, place) + further]

    def _lines_of(self, start: int) -> tuple[list[int], list[bytes]]:
        """A frame's lines and their places, kept of a few frames: who reads by time goes back and forth."""
        if not self._from <= start < self._to:
            self._prove(start)
        lines = self._block[self._from - self._block_place : self._to - self._block_place].split(b"\n")
        found = list(accumulate([len(line) + 1 for line in lines], initial=start)), lines
        if len(self._split) >= FRAMES_KEPT:
            del self._split[next(iter(self._split))]
        self._split[start] = found
        return found

    def _prove(self, start: int) -> None:
        self._from = self._to = 0  # if this fails, the block may be another one
        at = start - self._block_place
        frame = frames.frame_at(self._block, at) if 0 <= at < len(self._block) else None
        segment, offset = start >> SEGMENT_SHIFT, start & _OFFSET
        length = BLOCK_BYTES
        while frame is None:
            self._block = self._segments.files.read(self._segments.handle(segment), length, offset)
            self._block_place = start
            frame = frames.frame_at(self._block, 0)
            if frame is None and len(self._block) < length:
                raise ReadError(5, f"{self._segments.paths[segment]}: byte {offset} is not the frame that was stored")
            length *= 8
        self._from, self._to = self._block_place + frame.start, self._block_place + frame.end
