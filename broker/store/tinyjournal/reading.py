"""Reading stored lines back by their place: segment number << 40 | byte offset."""

import threading
import weakref
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

from broker.store.tinyjournal import frames
from broker.store.tinyjournal.files import Files

SEGMENT_SHIFT = 40
BLOCK_BYTES = 64 * 1024  # read at once, for lines mostly follow each other
_OFFSET = (1 << SEGMENT_SHIFT) - 1


class ReadError(OSError):
    """A line is not there as it was stored."""


class Segments:
    """The files of a journal as they are read; open until nobody reads any more, so a removal hurts no reader."""

    def __init__(self, files: Files, paths: list[Path]) -> None:
        """`paths` is the journal's own list, which grows."""
        self.files, self.paths = files, paths
        self._handles: list[int] = []
        self._opening = threading.Lock()
        weakref.finalize(self, _close, files, self._handles)

    def handles(self) -> list[int]:
        """One open file for each segment there is now."""
        if len(self._handles) < len(self.paths):
            with self._opening:
                while len(self._handles) < len(self.paths):
                    self._handles.append(self.files.open_to_read(self.paths[len(self._handles)]))
        return self._handles


def _close(files: Files, handles: list[int]) -> None:
    for handle in handles:
        files.close(handle)


class Reader:
    """Reads stored lines for one thread at a time; each frame is proved by its checksum before a line is given."""

    def __init__(self, segments: Segments, frame_places: Sequence[int]) -> None:
        """`frame_places` are the places of all frames' headers, ascending; the journal's own, which grows."""
        self._segments, self._frame_places = segments, frame_places
        segments.handles()  # now, while the files are there
        self._block, self._block_place = b"", 0
        self._from = self._to = 0  # the places of the frame that was proved last

    def line(self, place: int) -> bytes:
        """The line at a place, without its end; raises ReadError if it is not what was stored, OSError as the disk."""
        if not self._from <= place < self._to:
            self._prove(self._frame_places[bisect_right(self._frame_places, place) - 1])
        at = place - self._block_place
        return self._block[at : self._block.find(b"\n", at)]

    def _prove(self, start: int) -> None:
        at = start - self._block_place
        frame = frames.frame_at(self._block, at) if 0 <= at < len(self._block) else None
        segment, offset = start >> SEGMENT_SHIFT, start & _OFFSET
        length = BLOCK_BYTES
        while frame is None:
            self._block = self._segments.files.read(self._segments.handles()[segment], length, offset)
            self._block_place = start
            frame = frames.frame_at(self._block, 0)
            if frame is None and len(self._block) < length:
                raise ReadError(5, f"{self._segments.paths[segment]}: byte {offset} is not the frame that was stored")
            length *= 8
        self._from, self._to = self._block_place + frame.start, self._block_place + frame.end
