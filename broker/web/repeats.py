"""A deed that is sent again is done once: `Idempotency-Key` names it, and what became of it is kept for a day.

Kept as JSON lines, before the deed and after it, so that it holds over a restart. What was begun and of which nobody
knows whether it was done (the power went just then) is not done again by itself: it is refused, and says so.
"""

import base64
import hashlib
import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from broker.durable_file import Disk, append_durably
from broker.web.problems import Refusal

HEADER = "idempotency-key"
REPEATED = "Idempotency-Replayed"
KEPT_S = 24 * 3600
MOST = 20_000  # the oldest goes first
LONGEST_ANSWER = 64 * 1024
REFUSED, UNKNOWN = 400, (500, 504)
_KEY = re.compile(r"[\x21-\x7e]{1,100}")
_LONG = b'{"done": true, "detail": "it was done when it was sent first; ask for how it is now"}'


@dataclass(slots=True)
class Deed:
    """What is known of one key: which request it was, and its answer once there is one."""

    fingerprint: str
    at: int
    answer: tuple[int, str, bytes] | None = None  # status, media type, body
    running: bool = False


class Repeats:
    """The deeds of the last day, by who did them and their key; without a folder they are kept in memory only."""

    def __init__(self, folder: Path | None, now: Callable[[], float] = time.time) -> None:
        self._folder, self._now, self._disk = folder, now, Disk()
        self._deeds: OrderedDict[tuple[str, str], Deed] = OrderedDict()
        self._turn = threading.Lock()
        for entry in self._lines():
            self._take(entry)

    def begin(self, who: str, key: str, method: str, path: str, body: bytes) -> tuple[int, str, bytes] | None:
        """The answer of the first time, if there was one; else the deed is begun. Raises Refusal, or OSError."""
        if _KEY.fullmatch(key) is None:
            raise Refusal(400, "Idempotency-Key: give 1 to 100 plain letters, digits and signs")
        fingerprint = hashlib.sha256(f"{method} {path} ".encode() + body).hexdigest()
        with self._turn:
            known = self._deeds.get((who, key))
            if known is not None and known.at > self._now() - KEPT_S:
                return _answer(known, fingerprint)
            self._write({"who": who, "key": key, "print": fingerprint, "state": "begun"})
            self._deeds[who, key].running = True
            return None

    def end(self, who: str, key: str, answer: tuple[int, str, bytes] | None, *, whole: bool = True) -> None:
        """It was done, or refused and may be tried again; None, or one of UNKNOWN: nobody knows. Raises OSError.

        Without `whole` only that it was done is kept: there are names in the answer.
        """
        with self._turn:
            if answer is None or answer[0] in UNKNOWN:
                self._deeds[who, key].running = False
                return
            entry: dict[str, Any] = {"who": who, "key": key, "state": "undone"}
            status, media, body = answer
            if status < REFUSED:
                short = (media, body) if whole and len(body) <= LONGEST_ANSWER else ("application/json", _LONG)
                kept = base64.b64encode(short[1]).decode()
                entry |= {"state": "done", "status": status, "media": short[0], "body": kept}
            self._write(entry)

    def _write(self, entry: dict[str, Any]) -> None:
        entry |= {"at": int(self._now())}
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
            append_durably(self._disk, self._folder / f"{_day(entry['at'])}.jsonl", line)
        self._take(entry)

    def _take(self, entry: dict[str, Any]) -> None:
        """Know what a line says."""
        name = entry["who"], entry["key"]
        if entry["state"] == "begun":
            self._deeds[name] = Deed(entry["print"], entry["at"])
            self._deeds.move_to_end(name)
            while len(self._deeds) > MOST:
                self._deeds.popitem(last=False)
        elif entry["state"] == "undone":
            self._deeds.pop(name, None)
        elif name in self._deeds:
            deed = self._deeds[name]
            deed.answer = entry["status"], entry["media"], base64.b64decode(entry["body"])
            deed.running = False

    def _lines(self) -> Iterator[dict[str, Any]]:
        """What was kept yesterday and today; what is older goes, and half a line says nothing."""
        if self._folder is None:
            return
        oldest = _day(int(self._now()) - KEPT_S)
        for path in sorted(self._folder.glob("*.jsonl")):
            if path.stem < oldest:
                with suppress(OSError):
                    path.unlink()
                continue
            for line in path.read_bytes().split(b"\n"):
                with suppress(ValueError, KeyError, TypeError):
                    entry = json.loads(line)
                    if {"who", "key", "state", "at"} <= entry.keys():
                        yield entry


def _answer(known: Deed, fingerprint: str) -> tuple[int, str, bytes]:
    if known.fingerprint != fingerprint:
        raise Refusal(422, "this Idempotency-Key was of another request: take a new key for each deed")
    if known.answer is not None:
        return known.answer
    if known.running:
        raise Refusal(409, "this deed is being done just now; ask again in a moment", {"Retry-After": "1"})
    text = "nobody knows whether this deed was done: it was cut off in the middle. Look, then take a new key"
    raise Refusal(409, text)


def _day(at: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))
