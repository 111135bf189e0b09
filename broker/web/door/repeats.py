"""A deed that is sent again is done once: `Idempotency-Key` names it, and what became of it is kept for a day.

Kept as JSON lines, before the deed and after it, so that it holds over a restart. What was begun and of which nobody
knows whether it was done (the power went just then) is not done again by itself: it is refused, and says so. A file
that becomes large, because somebody sends very many deeds, is written anew with what is still known.
"""

import hashlib
import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from broker.durable_file import Disk, append_line, write_durably
from broker.web.problems import Refusal

log = logging.getLogger("zhanpai.web")

HEADER = "idempotency-key"
REPEATED = "Idempotency-Replayed"
NOT_KNOWN = "Idempotency-Unknown"  # nobody knows whether it was done
KEPT_S = 24 * 3600
MOST, MOST_OF_ONE = 20_000, 2_000  # of all, and of one visitor: the oldest goes first, of who has most
LONGEST_ANSWER = 8 * 1024
LARGE = 16 << 20  # a file's bytes; an ordinary day has one or two million
_LONGEST_LINE = 128 * 1024
REFUSED, UNKNOWN = 400, (500, 504, 507)
_KEY = re.compile(r"[\x21-\x7e]{1,100}")
_LONG = b'{"done": true, "detail": "it was done when it was sent first; ask for how it is now"}'


class Line(BaseModel):
    """What is kept of a deed: that it was begun, as `print` says what was asked, and what came of it."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
    who: str
    key: str
    state: Literal["begun", "done", "undone"]
    at: int
    print: str = ""
    status: int = Field(default=200, ge=200, lt=REFUSED)
    media: str = ""
    body: bytes = b""


@dataclass(slots=True)
class Deed:
    """What is known of one key: which request it was, and its answer once there is one."""

    fingerprint: str
    at: int
    answer: tuple[int, str, bytes] | None = None  # status, media type, body
    running: bool = False
    whole: bool = True  # the disk may have the answer


class Repeats:
    """The deeds of the last day, by who did them and their key; without a folder they are kept in memory only."""

    def __init__(self, folder: Path, now: Callable[[], float] = time.time, disk: Disk | None = None) -> None:
        self._folder, self._now, self._disk = folder, now, disk or Disk()
        self._deeds: dict[str, OrderedDict[str, Deed]] = {}  # by who and key
        self._count = 0
        self._large = LARGE
        self._turn = threading.Lock()
        for line in self._lines():
            self._take(line)

    def begin(self, who: str, key: str, method: str, path: str, body: bytes) -> tuple[int, str, bytes] | None:
        """The answer of the first time, if there was one; else the deed is begun. Raises Refusal, or OSError."""
        if _KEY.fullmatch(key) is None:
            raise Refusal(400, "Idempotency-Key: give 1 to 100 plain letters, digits and signs")
        fingerprint = hashlib.sha256(f"{method} {path} ".encode() + body).hexdigest()
        with self._turn:
            known = self._of(who, key)
            if known is not None and known.at > self._now() - KEPT_S:
                return _answer(known, fingerprint)
            line = Line(who=who, key=key, state="begun", at=int(self._now()), print=fingerprint)
            self._write(line)
            self._take(line)
            self._deeds[who][key].running = True
            return None

    def end(self, who: str, key: str, answer: tuple[int, str, bytes] | None, *, whole: bool = True) -> None:
        """It was done, or refused and may be tried again; None, or one of UNKNOWN: nobody knows.

        Without `whole` the disk takes only that it was done, for there are names or secrets in the answer; the answer
        itself is known until the next start. A disk that takes no line is said in the log: until the next start it is
        known what became of the deed, after it nobody knows.
        """
        with self._turn:
            deed = self._of(who, key)
            if deed is not None:
                deed.running = False
            if answer is None or answer[0] in UNKNOWN:
                return
            status, media, body = answer
            line = Line(who=who, key=key, state="undone", at=int(self._now()))
            if status < REFUSED:
                media, body = (media, body) if len(body) <= LONGEST_ANSWER else ("application/json", _LONG)
                line = line.model_copy(update={"state": "done", "status": status, "media": media, "body": body})
            self._take(line)
            if deed is not None:
                deed.whole = whole
            try:
                self._write(_for_disk(line, whole=whole))
            except OSError as why:
                log.warning("what became of a deed of %s could not be noted down (%s)", who, why)

    def _write(self, line: Line) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{_day(line.at)}.jsonl"
        if path.exists() and (size := path.stat().st_size) > self._large:
            self._large = 2 * size  # if it fails it is not tried again for each deed
            try:
                self._write_anew(path)
            except OSError as why:
                log.warning("%s could not be written anew, shorter (%s)", path, why)
        append_line(self._disk, path, _text(line))

    def _write_anew(self, path: Path) -> None:
        """All that is still known in this file, and the days before gone."""
        lines, oldest = [], self._now() - KEPT_S
        for who, own in self._deeds.items():
            for key, deed in own.items():
                if deed.at <= oldest:
                    continue
                lines.append(_text(Line(who=who, key=key, state="begun", at=deed.at, print=deed.fingerprint)))
                if deed.answer is not None:
                    status, media, body = deed.answer
                    done = Line(who=who, key=key, state="done", at=deed.at, status=status, media=media, body=body)
                    lines.append(_text(_for_disk(done, whole=deed.whole)))
        content = b"".join(lines)
        write_durably(self._disk, path, content)
        self._large = max(LARGE, 2 * len(content))
        for other in self._folder.glob("*.jsonl"):
            if other.stem < path.stem:
                self._disk.unlink(other)

    def _take(self, line: Line) -> None:
        """Know what a line says."""
        known = self._of(line.who, line.key)
        if line.state == "begun":
            self._forget(line.who, line.key)
            own = self._deeds.setdefault(line.who, OrderedDict())
            own[line.key] = Deed(line.print, line.at)
            self._count += 1
            if len(own) > MOST_OF_ONE:
                self._forget(line.who, next(iter(own)))
            if self._count > MOST:
                most = max(self._deeds, key=lambda who: len(self._deeds[who]))
                self._forget(most, next(iter(self._deeds[most])))
        elif line.state == "undone":
            self._forget(line.who, line.key)
        elif known is not None:
            known.answer = line.status, line.media, line.body

    def _of(self, who: str, key: str) -> Deed | None:
        own = self._deeds.get(who)
        return None if own is None else own.get(key)

    def _forget(self, who: str, key: str) -> None:
        own = self._deeds.get(who)
        if own is not None and own.pop(key, None) is not None:
            self._count -= 1
            if not own:
                del self._deeds[who]

    def _lines(self) -> Iterator[Line]:
        """What was kept yesterday and today; what is older goes, and a line that is no good says nothing."""
        oldest = _day(int(self._now()) - KEPT_S)
        for path in sorted(self._folder.glob("*.jsonl")):
            try:
                if path.stem < oldest:
                    path.unlink()
                    continue
                with path.open("rb") as file:  # never the whole file at once, nor a line without end
                    while line := file.readline(_LONGEST_LINE):
                        with suppress(ValidationError):
                            yield Line.model_validate_json(line)
            except OSError as why:
                log.error("%s cannot be read (%s): what is sent again of that day's deeds is done again", path, why)


def _text(line: Line) -> bytes:
    return line.model_dump_json(exclude_defaults=True).encode() + b"\n"


def _for_disk(line: Line, *, whole: bool) -> Line:
    """Without an answer in which there are names or secrets."""
    return line if whole or not line.body else line.model_copy(update={"media": "application/json", "body": _LONG})


def _answer(known: Deed, fingerprint: str) -> tuple[int, str, bytes]:
    if known.fingerprint != fingerprint:
        raise Refusal(422, "this Idempotency-Key was of another request: take a new key for each deed")
    if known.answer is not None:
        return known.answer
    if known.running:
        raise Refusal(409, "this deed is being done just now; ask again in a moment", {"Retry-After": "1"})
    text = "nobody knows whether this deed was done: it was cut off in the middle. Look, then take a new key"
    raise Refusal(409, text, {NOT_KNOWN: "true"})


def _day(at: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))
