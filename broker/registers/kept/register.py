"""One register on the disk: read, save, versions, outside edits. File and change log are one transaction.

A save goes through these steps, each on the disk before the next begins:
  1. the new version is kept under `kept/<name>/`,
  2. the same bytes are staged beside the register as `.<name>.json.next` (their own copy: an editor that
     writes in place must not reach the kept version),
  3. its entry is appended to `<name>.log.jsonl`: from here on the change has happened,
  4. the staged file is renamed over `<name>.json`.
Whoever opens the register next finds out from the log whether a staged file was agreed on: then step 4 is
done, else the staged file is removed. A register that is neither what the log says nor on its way there was
edited by other hands: the last version the log knows is shown, and the edit waits to be accepted.
Nothing is remembered between calls, so processes may share a folder; a lock file keeps them in turn.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from broker.durable_file import Disk, write_durably
from broker.registers.errors import (
    Conflict,
    Damaged,
    EditedOutside,
    Invalid,
    NoRegister,
    NotFound,
    Problem,
)
from broker.registers.kept.canonical import canonical_bytes, etag_of
from broker.registers.kept.changelog import ChangeLog, LogEntry, log_line
from broker.registers.kept.differences import difference, masked_change
from broker.registers.kept.lock import turn
from broker.registers.kept.snapshots import OutsideEdit, Snapshot
from broker.registers.kept.staging import Staging
from broker.registers.kept.versions import Keeping
from broker.registers.validation import Kind, checked, checked_text, trusted

T = TypeVar("T", bound=BaseModel)

MAX_WHO_WHY = 200


class Register(Generic[T]):
    """One kind of register in one folder."""

    def __init__(
        self, kind: Kind[T], folder: Path, *, disk: Disk | None = None, now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
        day_of: Callable[[int], str], keep_versions: int = 100, keep_days: int = 400,
    ) -> None:
        self.kind, self.folder = kind, folder
        self.path = folder / f"{kind.name}.json"
        self.log_path = folder / f"{kind.name}.log.jsonl"
        self._disk, self._now, self._monotonic, self._sleep = disk or Disk(), now, monotonic, sleep
        self._day_of = day_of
        self._log = ChangeLog(self.log_path, self._disk, now)
        self._staging = Staging(self.path, self._disk, now)
        self.kept = Keeping(folder, kind.name, self._disk, keep_versions, keep_days)

    def read(self) -> Snapshot[T]:
        """The last good version; `outside` tells when the file on the disk is another."""
        with self._locked():
            return self._load()[0]

    def log(self) -> list[LogEntry]:
        """All changes, oldest first."""
        with self._locked():
            return self._load()[1]

    def create(self, document: Mapping[str, Any], who: str, why: str) -> Snapshot[T]:
        """Make the first version; refused where any trace of a register is there already."""
        with self._locked():
            if self.path.exists() or self._log.read(None)[0] or self.kept.any():
                raise Damaged(f"{self.path} or its history is there already; a register is never started anew over it")
            return self._commit(None, None, dict(document), who, why, "create")

    def save(self, document: Mapping[str, Any], expect: str, who: str, why: str, action: str = "set") -> Snapshot[T]:
        """Store a whole new document on top of the version with etag `expect`; Conflict if that is not the last."""
        with self._locked():
            current, entries = self._load()
            if current.outside is not None:
                raise EditedOutside(
                    f"{self.path} was edited outside; look at it with `show`, then `accept-edit` or `discard-edit` it"
                )
            if expect != current.etag:
                base = self.kept.document(expect) or {}
                raise Conflict(
                    current.etag, current.version, current.document, document,
                    difference(base, current.document), difference(base, document),
                )
            return self._commit(current, entries[-1], dict(document), who, why, action)

    def accept_edit(self, who: str, why: str, seen: str | None = None) -> Snapshot[T]:
        """Take the outside edit over as a change of its own; refused as long as it breaks a rule.

        With `seen` only the very edit that was looked at, by its etag, not a later one.
        """
        with self._locked():
            current, entries = self._load()
            outside = self._outside(current)
            if seen is not None and seen != outside.etag:
                raise EditedOutside(f"{self.path} was edited again since you looked; look at the edit as it is now")
            if outside.document is None:
                raise Invalid(outside.problems)
            return self._commit(current, entries[-1], outside.document, who, why, "accept_edit")

    def discard_edit(self, who: str, why: str) -> Path | None:
        """Put the last good version back; the edited file is moved aside (its new path), never deleted.

        The register does not change, so its log has nothing to say: the caller notes who and why in the access log.
        """
        _stated(who), _stated(why)
        with self._locked():
            current, _ = self._load()
            self._outside(current)
            aside = self._staging.move_aside() if self.path.exists() else None
            write_durably(self._disk, self.path, canonical_bytes(current.document))
            return aside

    def version(self, number: int) -> dict[str, Any]:
        """A kept version's document; NotFound when it is no longer kept."""
        document = self.kept.version(number)
        if document is None:
            raise NotFound(f"version {number} of {self.kind.name} is not kept; `versions` lists those that are")
        return document

    def restore(self, number: int, expect: str, who: str, why: str) -> Snapshot[T]:
        """Save the content of a kept version as a new one."""
        return self.save(self.version(number), expect, who, why, "restore")

    def rewrite_kept(self, rewrite: Callable[[dict[str, Any]], dict[str, Any]]) -> int:
        """Pass every kept version but the last through `rewrite` (retention); returns how many changed."""
        with self._locked():
            current, _ = self._load()
            return self.kept.rewrite(rewrite, but=current.etag)

    # -- inside the lock ------------------------------------------------------------------------------------

    def _load(self) -> tuple[Snapshot[T], list[LogEntry]]:
        content = self.path.read_bytes() if self.path.exists() else None
        entries, warnings = self._log.read(content)
        if not entries:
            return self._unlogged(content), entries
        last = entries[-1]
        warnings += self._staging.finish_or_forget(last.old_etag, last.new_etag)
        content = self.path.read_bytes() if self.path.exists() else None
        etag = etag_of(content) if content is not None else None
        if etag == last.new_etag and content is not None:
            value, document = trusted(self.kind, content)
            warnings += self._heal_kept(last, content)
            return Snapshot(value, document, last.new_etag, last.version, last.at, None, warnings), entries
        good = self.kept.content(last.new_etag)
        if good is None:
            raise Damaged(
                f"{self.path} is not the version the log ends with, and that version is missing under "
                f"{self.kept.folder}; nothing was changed. Put the kept versions back from a backup."
            )
        value, document = trusted(self.kind, good)
        outside = self._look_at_edit(content, etag, document)
        return Snapshot(value, document, last.new_etag, last.version, last.at, outside, warnings), entries

    def _heal_kept(self, last: LogEntry, content: bytes) -> tuple[str, ...]:
        """The kept copy of the last version is what the register itself is: if it is spoiled it is written anew."""
        try:
            if self.kept.content(last.new_etag) is not None:
                return ()
            self.kept.keep(last.version, content)
        except OSError as error:
            why = error.strerror or error
            return (f"the kept version {last.version} is spoiled and cannot be written anew ({why})",)
        return (f"the kept version {last.version} was missing or damaged: written anew from {self.path.name}",)

    def _unlogged(self, content: bytes | None) -> Snapshot[T]:
        """A folder without a log: nothing here, a first save that never happened, or a hand-made file."""
        self._staging.forget()
        if self.kept.any():
            raise Damaged(
                f"{self.log_path} is gone, but {self.kept.folder} holds versions; nothing was changed. "
                "Put the log back from a backup."
            )
        if content is None:
            raise NoRegister(f"there is no {self.path} yet; `init`, `demo` or `import` makes one")
        checked_text(self.kind, content)
        raise EditedOutside(
            f"{self.path} was put there by other hands (it has no change log); it obeys the rules: "
            "move it elsewhere and take it over with `init --from`"
        )

    def _look_at_edit(self, content: bytes | None, etag: str | None, good: dict[str, Any]) -> OutsideEdit:
        if content is None:
            return OutsideEdit(None, None, (), (Problem("", "rule", {"message": f"{self.path.name} is gone"}),))
        try:
            _, document = checked_text(self.kind, content, good)
        except Invalid as error:
            return OutsideEdit(etag, None, (), error.problems)
        return OutsideEdit(etag, document, tuple(difference(good, document)), ())

    def _outside(self, current: Snapshot[T]) -> OutsideEdit:
        if current.outside is None:
            raise NotFound(f"{self.path} was not edited outside")
        return current.outside

    def _commit(
        self, current: Snapshot[T] | None, last: LogEntry | None, document: dict[str, Any], who: str, why: str,
        action: str,
    ) -> Snapshot[T]:
        who, why = _stated(who), _stated(why)
        number = current.version + 1 if current else 1
        value = checked(self.kind, self.kind.complete(document, current.document if current else {}))
        document = value.model_dump(mode="json")
        changes = difference(current.document if current else {}, document)
        edited = current is not None and current.outside is not None
        if current is not None and not changes and not edited:
            return current
        content = canonical_bytes(document)
        etag, at = etag_of(content), int(self._now())
        old_etag = current.etag if current else None
        line = log_line(
            last, at, who, why, action, number, old_etag, etag,
            [masked_change(change) for change in (changes if current else [])],
        )
        self.kept.keep(number, content)
        self._staging.stage(content)
        self._log.append(line)
        # The change has happened; what fails from here on is made good by the next one to open the register.
        warnings = list(self._publish(current))
        ended = self._day_of(current.changed_at) if current else self._day_of(at)
        if current and ended != self._day_of(at):
            warnings += self.kept.keep_day(ended, canonical_bytes(current.document))
        warnings += self.kept.tidy()
        return Snapshot(value, document, etag, number, at, None, tuple(warnings))

    def _publish(self, current: Snapshot[T] | None) -> Iterator[str]:
        outside = current.outside if current else None
        expected = {outside.etag if outside else current.etag if current else None}
        try:
            yield from self._staging.put_in_place(expected)
        except OSError as error:
            yield f"saved, but {self.path.name} is not renamed yet ({error}); the next access does it"

    def _locked(self) -> AbstractContextManager[None]:
        lock = self.folder / f".{self.kind.name}.lock"
        return turn(lock, self.path.name, self._monotonic, self._sleep)


def _stated(text: str) -> str:
    text = " ".join(text.split())
    if not text or len(text) > MAX_WHO_WHY or not text.isprintable():
        raise Invalid([Problem("", "who_why")])
    return text
