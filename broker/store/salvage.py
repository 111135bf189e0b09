"""What of a journal is whole and in order, however damaged it is; the files are only read."""

from dataclasses import dataclass, field
from pathlib import Path

from broker.store.tinyjournal import frames
from broker.store.tinyjournal.segments import missing_newest, segment_start, segments_of


@dataclass(slots=True)
class Salvaged:
    """What a journal holds: the lines of its whole frames in order, and what is wrong between them."""

    kept: list[list[bytes]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    torn: str = ""  # an interrupted write at the end, which the store sets aside when it opens
    strays: int = 0  # whole frames that do not follow those that are kept
    last: int = 0  # the highest number of a frame that was there
    unread: bool = False

    @property
    def loses(self) -> bool:
        """Whether frames are not among those that can be kept."""
        return self.unread or self.strays > 0 or len(self.kept) < self.last


def whole_frames(folder: Path) -> Salvaged:
    """The whole frames of a journal that were promised."""
    found = Salvaged()
    segments = segments_of(folder)
    starts = [segment_start(path)[0] for path in segments]
    newest = missing_newest(folder)
    if newest is not None:
        found.unread = True
        found.wrong.append(f"{newest}: was begun and is not there")
    reading = _InOrder(found)
    for index, path in enumerate(segments):
        limit = starts[index + 1] if index + 1 < len(starts) else None
        try:
            data = path.read_bytes()
        except OSError as error:
            data, found.unread = b"", True
            found.wrong.append(f"{path}: cannot be read from the disk ({error.strerror})")
        reading.segment(path, data, limit)
    return found


class _InOrder:
    """Follows the frames of a journal from segment to segment, by their numbers and each one's checksum of the last."""

    def __init__(self, found: Salvaged) -> None:
        self._found = found
        self._expected = 1
        self._crc: int | None = 0  # of the frame before the expected one, None if that is lost
        self._stray_crc: int | None = None  # of the last whole frame, while those do not follow what is kept

    def segment(self, path: Path, data: bytes, limit: int | None) -> None:
        """Take in one file; frames from number `limit` on were never promised here."""
        found, position = self._found, 0
        hurt: list[tuple[int, int]] = []
        while position < len(data):
            frame = frames.frame_at(data, position)
            if frame is None:
                later = frames.frame_after(data, position)
                end = len(data) if later is None else later.start
                if data[position:end].strip(b"\n") and (limit is None or self._expected < limit):
                    hurt.append((position, end))
                position = end
                continue
            if limit is not None and frame.number >= limit:
                break
            position = frame.end
            if frame.number >= self._expected:
                self._say(path, hurt)
                hurt = []
                self._take(path, frame, data)
        if limit is None:
            if hurt:
                found.torn = f"and {hurt[-1][1] - hurt[0][0]} bytes of an interrupted write, which the store sets aside"
            return
        self._say(path, hurt)
        if self._expected < limit:
            found.wrong.append(f"{path}: ends before frame {limit}")
            found.last = max(found.last, limit - 1)
            self._expected, self._crc = limit, None

    def _say(self, path: Path, hurt: list[tuple[int, int]]) -> None:
        for start, end in hurt:
            self._found.wrong.append(f"{path}: bytes {start} to {end} are damaged (frame {self._expected})")

    def _take(self, path: Path, frame: frames.Frame, data: bytes) -> None:
        found = self._found
        found.last = max(found.last, frame.number)
        if not self._follows(frame):
            if self._stray_crc is None:
                before = self._expected - 1
                found.wrong.append(f"{path}: frame {frame.number} at byte {frame.start} does not follow frame {before}")
            found.strays += 1
            self._stray_crc = frame.crc
            return
        if frame.number != self._expected and not found.wrong:
            found.wrong.append(f"{path}: frame {self._expected} is missing before byte {frame.start}")
        found.kept.append(data[frame.body : frame.end].split(b"\n")[:-1])
        self._expected, self._crc, self._stray_crc = frame.number + 1, frame.crc, None

    def _follows(self, frame: frames.Frame) -> bool:
        if frame.number > self._expected:
            return self._stray_crc is None  # what is between them is lost: nothing says that this is another journal's
        return frame.prev == self._crc if self._crc is not None else frame.prev != self._stray_crc
