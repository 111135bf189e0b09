"""An append-only journal: a folder of segments `<first frame>.jsonl`, one frame per commit, one sync per frame.

Opening reads all segments and checks the chain.
- A file is kept longer than its frames, filled up with line breaks: writing into it then costs the disk no change of
  its length, which is what a sync waits for longest. Closing cuts the filling off.
- Other bytes after the last whole frame of the last segment are a torn write: nobody was told that they are stored.
  They are moved to `aside/`, reported in `events`, and never simply dropped.
- A whole frame after hurt bytes, a frame missing between segments or the last segment missing (see segments.py) means
  that stored records are damaged: `JournalCorrupt`, and nothing is changed.
- When a sync fails, the file is never written again (the system may have thrown the pages away and would report
  success the next time). The next commit begins a new segment, named after the frame it continues with; frames of
  that number and above in the older segment were never acknowledged and are passed over when reading. A file in which
  nothing was acknowledged is removed.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from broker.store.tinyjournal import frames
from broker.store.tinyjournal.errors import (
    NO_ROOM,
    JournalBroken,
    JournalClosed,
    JournalCorrupt,
    JournalError,
    JournalFull,
)
from broker.store.tinyjournal.files import Files
from broker.store.tinyjournal.reading import SEGMENT_SHIFT, Reader, Segments
from broker.store.tinyjournal.segments import (
    missing_newest,
    name_newest,
    named_newest,
    segment_name,
    segment_start,
    segments_of,
)

SEGMENT_BYTES = 64 * 1024 * 1024
FILLING_BYTES = (32 * 1024, 256 * 1024)  # how far ahead a file is filled, at least and at most


@dataclass(frozen=True, slots=True)
class Replayed:
    """One stored frame as read at opening: the place of its first line, its lines as they stand, how many they are."""

    place: int
    body: bytes
    count: int

    @property
    def lines(self) -> list[bytes]:
        """The lines without their ends."""
        return self.body.split(b"\n")[:-1]


class Journal:
    """The frames of one folder: exhaust `replay()` once, then `append`; one process and one thread at a time."""

    def __init__(
        self,
        folder: Path,
        files: Files | None = None,
        *,
        stamp: Callable[[], str] = lambda: "x",
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self.folder = folder
        self.files = files or Files()
        self.events: list[str] = []
        self.frame = 0
        self.crc = 0
        self.bytes = 0
        self._stamp = stamp
        self._segment_bytes = segment_bytes
        self._handle: int | None = None
        self._size = 0  # where the next frame goes
        self._filled = 0  # where the file ends
        self._closed = False
        self.files.make_folder(folder)
        self.segments: list[Path] = segments_of(folder)
        self._frame_places = array("Q")
        self._reading = Segments(self.files, self.segments, self._frame_places)

    def replay(self) -> Iterator[Replayed]:
        """Every stored frame in order; a torn end is moved aside. Raises JournalCorrupt or JournalBroken."""
        missing = missing_newest(self.folder)
        if missing is not None:
            raise JournalCorrupt(f"{missing} was begun and is not there: what was stored last is lost with it")
        starts = [segment_start(path)[0] for path in self.segments]
        for index, path in enumerate(self.segments):
            limit = starts[index + 1] if index + 1 < len(starts) else None
            data = path.read_bytes()
            offset = 0
            for frame in frames.frames_from(data, 0):
                if limit is not None and frame.number >= limit:
                    break
                self._check_order(path, frame)
                self.frame, self.crc = frame.number, frame.crc
                self._frame_places.append(index << SEGMENT_SHIFT | frame.start)
                offset = frame.end
                yield Replayed(index << SEGMENT_SHIFT | frame.body, data[frame.body : frame.end], frame.lines)
            self.bytes += offset
            if limit is not None:
                if self.frame != limit - 1:
                    raise JournalCorrupt(
                        f"{path}: frame {self.frame + 1} at byte {offset} is damaged or missing, "
                        f"the next file begins with frame {limit}"
                    )
            else:
                self._continue_with(path, data, offset)

    def _continue_with(self, path: Path, data: bytes, offset: int) -> None:
        # Whoever wrote the last frame may have died between write and sync, so it is synced before it counts.
        torn = data[offset:].strip(b"\n") != b""
        try:
            if torn:
                self._set_torn_end_aside(path, data, offset)
            handle = self.files.reopen(path)
            self._handle, self._size, self._filled = handle, offset, len(data)
            if torn:
                self.files.truncate(handle, offset)
                self._filled = offset
            self.files.sync(handle)
            self.files.sync_folder(self.folder)
        except OSError as error:
            self._end_segment()
            raise self._failure("continue", error) from error
        self._name_late(path)

    def _name_late(self, path: Path) -> None:
        """Name a segment whose writer did not get that far."""
        if named_newest(self.folder) == path.name:
            return
        try:
            name_newest(self.folder, path, self.files)
        except OSError as error:
            # Only its loss would go unnoticed: no reason to keep a full disk's store closed.
            self.events.append(f"{path}: that this file was begun could not be kept: {error}")

    def _check_order(self, path: Path, frame: frames.Frame) -> None:
        if frame.number != self.frame + 1 or frame.prev != self.crc:
            raise JournalCorrupt(
                f"{path}: byte {frame.start} holds frame {frame.number}, "
                f"but frame {self.frame + 1} following checksum {self.crc:08x} belongs there"
            )

    def _set_torn_end_aside(self, path: Path, data: bytes, offset: int) -> None:
        later = frames.frame_after(data, offset)
        while later is not None and later.number <= self.frame:
            later = frames.frame_after(data, later.start)
        if later is not None:
            raise JournalCorrupt(
                f"{path}: bytes {offset} to {later.start} are damaged, frame {later.number} after them is whole"
            )
        aside = self.folder / "aside"
        self.files.make_folder(aside)
        target = aside / f"{path.name}.torn-{self._stamp()}"
        count = 1
        while target.exists():
            count += 1
            target = aside / f"{path.name}.torn-{self._stamp()}-{count}"
        torn = data[offset:].rstrip(b"\n")
        self.files.write_file(target, torn)
        self.events.append(
            f"{path}: {len(torn)} bytes after frame {self.frame} are no whole frame (an interrupted write); "
            f"kept in {target}"
        )

    def append(self, lines: Sequence[bytes]) -> int:
        """Store the lines (JSON without newlines) as one frame; on return they survive a power cut.

        Returns the place of the first (see reading.py), the others follow it.
        Raises JournalFull or JournalBroken with nothing of the frame stored.
        """
        return self.append_body(frames.joined(lines), len(lines))

    def append_body(self, body: bytes, count: int) -> int:
        """The same for `count` lines that are joined already, each with its end."""
        if self._handle is None:
            self._begin_segment()
        handle = self._handle
        assert handle is not None
        data, crc, header_bytes = frames.encode_body(self.frame + 1, self.crc, body, count)
        try:
            self._write(handle, data)
        except OSError as error:
            self._take_back(handle)
            self._drop_empty_segment()
            raise self._failure("write", error) from error
        try:
            self.files.sync(handle)
        except OSError as error:
            self._take_back(handle)
            self._abandon(handle)
            self._drop_empty_segment()
            raise self._failure("sync", error) from error
        place = len(self.segments) - 1 << SEGMENT_SHIFT | self._size
        self._frame_places.append(place)
        self.frame += 1
        self.crc = crc
        self._size += len(data)
        self.bytes += len(data)
        if self._size >= self._segment_bytes:
            self._end_segment()
        return place + header_bytes

    def reader(self) -> Reader:
        """A reader of what is stored."""
        return Reader(self._reading)

    def _write(self, handle: int, data: bytes) -> None:
        end = self._size + len(data)
        if end > self._filled:
            least, most = FILLING_BYTES
            filling = min(max(least, end), most)
            try:
                self.files.write(handle, data + b"\n" * filling, self._size)
            except OSError as error:
                if error.errno not in NO_ROOM:
                    raise
                # No room for the filling may still be room for the frame.
                self.files.truncate(handle, self._size)
                self._filled = self._size
            else:
                self._filled = end + filling
                return
        self.files.write(handle, data, self._size)
        self._filled = max(self._filled, end)

    def _begin_segment(self) -> None:
        if self._closed:
            raise JournalClosed(f"{self.folder} is closed; open it again to write to it")
        first = self.frame + 1
        attempt = 1
        while (path := self.folder / segment_name(first, attempt)).exists():
            attempt += 1
        try:
            handle = self.files.create(path)
        except OSError as error:
            raise self._failure("create", error) from error
        # The file exists, so it counts as a segment as long as it does; if its name is not safe it stays empty.
        self.segments.append(path)
        self._handle, self._size, self._filled = handle, 0, 0
        try:
            self.files.sync_folder(self.folder)
            name_newest(self.folder, path, self.files)
        except OSError as error:
            self._abandon(handle)
            self._drop_empty_segment()
            raise self._failure("begin a file", error) from error

    def _drop_empty_segment(self) -> None:
        """An abandoned segment without a frame goes: a disk that fails for hours shall not fill up with them."""
        if self._handle is not None or self._size > 0:
            return
        try:
            if named_newest(self.folder) == self.segments[-1].name:
                return  # its name may be safe on the disk: a file that is named must be there
            self.files.remove(self.segments[-1])
        except OSError:
            return  # it stays a segment, an empty one
        self.segments.pop()

    def _take_back(self, handle: int) -> None:
        try:
            self.files.truncate(handle, self._size)
            self._filled = self._size
        except OSError:
            self._abandon(handle)

    def _abandon(self, handle: int) -> None:
        if self._handle is None:
            return
        self._handle = None
        try:
            self.files.close(handle)
        except OSError as error:
            self.events.append(f"{self.segments[-1]}: closing failed: {error}")

    def _failure(self, what: str, error: OSError) -> JournalError:
        kind = JournalFull if error.errno in NO_ROOM else JournalBroken
        return kind(error.errno or 0, f"cannot {what} in {self.folder}: {error.strerror or error}")

    def close(self) -> None:
        """Write no more; all frames are safe already. A second call does nothing."""
        self._closed = True
        self._end_segment()

    def _end_segment(self) -> None:
        """Close the file and cut its filling off."""
        if self._handle is not None and self._filled > self._size:
            self._take_back(self._handle)
        if self._handle is not None:
            self._abandon(self._handle)
