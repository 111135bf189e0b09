"""The versions of a register that are kept: every save under `kept/`, the last of each day under `daily/`."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from broker.durable_file import Disk, write_durably
from broker.registers.kept.canonical import canonical_bytes, etag_of

KEPT_NAME = re.compile(r"(\d{6})-([0-9a-f]{32})(-redacted)?\.json")


class Keeping:
    """Kept versions and daily copies of one register; the callers hold its lock."""

    def __init__(self, folder: Path, name: str, disk: Disk, versions: int, days: int) -> None:
        self.folder = folder / "kept" / name
        self.daily = folder / "daily" / name
        self._disk, self._versions, self._days = disk, versions, days

    def any(self) -> bool:
        """Whether a register existed here: a second version or a daily copy (a cut-off first save leaves neither)."""
        return any(number > 1 for number, _ in self._files()) or any(self.daily.glob("*.json"))

    def keep(self, number: int, content: bytes) -> None:
        """Keep one version durably; leftovers of the same number that never came to be are replaced."""
        self._make(self.folder)
        path = self.folder / f"{number:06d}-{etag_of(content)}.json"
        for other_number, other in self._files():
            if other_number == number and other != path:
                self._disk.unlink(other)
        write_durably(self._disk, path, content)

    def content(self, etag: str) -> bytes | None:
        """The bytes of the version with this etag, if they are kept unchanged."""
        for _, path in self._files():
            if path.name.endswith(f"-{etag}.json"):
                content = path.read_bytes()
                return content if etag_of(content) == etag else None
        return None

    def document(self, etag: str) -> dict[str, Any] | None:
        """The document of the version with this etag."""
        content = self.content(etag)
        return dict(json.loads(content)) if content is not None else None

    def numbers(self) -> list[int]:
        """The numbers of all kept versions, oldest first."""
        return sorted({number for number, _ in self._files()})

    def version(self, number: int) -> dict[str, Any] | None:
        """The document of this version; None when it is not kept or not what was written."""
        for kept, path in self._files():
            if kept == number:
                content = path.read_bytes()
                redacted = path.name.endswith("-redacted.json")
                if redacted or f"-{etag_of(content)}." in path.name:
                    return dict(json.loads(content))
        return None

    def keep_day(self, day: str, content: bytes) -> list[str]:
        """Keep the last version of a day that is over, with its checksum; warnings instead of errors."""
        try:
            self._make(self.daily)
            write_durably(self._disk, self.daily / f"{day}.json", content)
            digest = f"{hashlib.sha256(content).hexdigest()}  {day}.json\n".encode()
            write_durably(self._disk, self.daily / f"{day}.json.sha256", digest)
        except OSError as error:
            return [f"saved, but the copy of {day} was not made ({error})"]
        return []

    def tidy(self) -> list[str]:
        """No more versions and days than wanted; warnings instead of errors, for the save has happened."""
        try:
            files = self._files()
            for _, path in files[: max(0, len(files) - self._versions)]:
                self._disk.unlink(path)
            days = sorted(self.daily.glob("*.json"))
            for path in days[: max(0, len(days) - self._days)]:
                self._disk.unlink(path.with_name(f"{path.name}.sha256"))
                self._disk.unlink(path)
        except OSError as error:
            return [f"saved, but older versions were not removed ({error})"]
        return []

    def daily_days(self) -> list[str]:
        """The days of which a copy exists and matches its checksum."""
        return [path.stem for path in sorted(self.daily.glob("*.json")) if self.daily_content(path.stem) is not None]

    def daily_content(self, day: str) -> bytes | None:
        """The bytes of a day's copy if it matches its checksum."""
        path = self.daily / f"{day}.json"
        seal = path.with_name(f"{path.name}.sha256")
        if not path.exists() or not seal.exists():
            return None
        content = path.read_bytes()
        return content if seal.read_text().split()[:1] == [hashlib.sha256(content).hexdigest()] else None

    def rewrite(self, rewrite: Callable[[dict[str, Any]], dict[str, Any]], but: str) -> int:
        """Pass every kept version and daily copy through `rewrite`, repeatable after a cut; how many changed."""
        changed = 0
        for _, path in self._files():
            if path.name.endswith(f"-{but}.json"):
                continue
            old = path.read_bytes()
            new = canonical_bytes(rewrite(json.loads(old)))
            if new != old:
                target = path
                if not path.name.endswith("-redacted.json"):
                    target = path.with_name(f"{path.stem}-redacted.json")
                write_durably(self._disk, target, new)
                if target != path:
                    self._disk.unlink(path)
                    self._disk.sync_folder(self.folder)
                changed += 1
        for path in sorted(self.daily.glob("*.json")):
            old = path.read_bytes()
            new = canonical_bytes(rewrite(json.loads(old)))
            if new != old:
                write_durably(self._disk, path, new)
                digest = f"{hashlib.sha256(new).hexdigest()}  {path.name}\n".encode()
                write_durably(self._disk, path.with_name(f"{path.name}.sha256"), digest)
                changed += 1
        return changed

    def _files(self) -> list[tuple[int, Path]]:
        """Kept versions by number; where a redacted one exists, an unredacted leftover comes after it."""
        found = []
        for path in self.folder.glob("*.json"):
            match = KEPT_NAME.fullmatch(path.name)
            if match is not None:
                found.append((int(match.group(1)), path))
        return sorted(found, key=lambda item: (item[0], "redacted" not in item[1].name, item[1].name))

    def _make(self, folder: Path) -> None:
        """Make the folder and see that its name is on the disk."""
        for missing in (folder.parent, folder):
            if not missing.exists():
                missing.mkdir(mode=0o700, exist_ok=True)
                self._disk.sync_folder(missing.parent)
