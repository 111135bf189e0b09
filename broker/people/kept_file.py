"""One JSON file that a person can read: read again when it changed, changed by one at a time, never half written."""

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from broker.durable_file import Disk, write_durably
from broker.people.errors import Damaged

Content = TypeVar("Content", bound=BaseModel)
State = tuple[int, int, int]


class KeptFile(Generic[Content]):
    """`path` holds a `kind` as JSON, readable by its owner only; commands change it beside the running bridge."""

    def __init__(
        self, path: Path, kind: type[Content], disk: Disk | None = None,
        mend: str = "correct it, or bring it back from the last backup",
    ) -> None:  # fmt: skip
        """`mend` is what to do about one that is damaged."""
        self.path, self._kind, self._disk, self._mend = path, kind, disk or Disk(), mend
        self._turn = threading.Lock()
        self._seen: tuple[State, Content] | None = None

    def read(self) -> Content:
        """What the file holds now, a blank one where there is none; raises Damaged."""
        try:
            state = self._state()
            if self._seen is not None and self._seen[0] == state:
                return self._seen[1]
            content = self._parsed(self.path.read_bytes())
        except FileNotFoundError:
            return self._kind()
        except OSError as why:
            raise Damaged(f"{self.path} cannot be read ({why.strerror}); correct its mode or disk") from why
        self._seen = state, content
        return content

    def change(self, into: Callable[[Content], Content]) -> Content:
        """Write what `into` makes of the content and return it; where that or the disk raises, nothing is changed."""
        with self._turn, self._alone():
            content = into(self.read())
            text = json.dumps(content.model_dump(mode="json"), ensure_ascii=False, indent=1, sort_keys=True)
            write_durably(self._disk, self.path, text.encode() + b"\n")
            self._seen = None
            return content

    def _state(self) -> State:
        found = self.path.stat()
        if found.st_mode & 0o077:
            raise Damaged(f"others can read {self.path}: chmod 600 {self.path}")
        return found.st_ino, found.st_mtime_ns, found.st_size

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The folder is locked, not the file: that is replaced at each change, and its lock would go with it."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _parsed(self, text: bytes) -> Content:
        try:
            return self._kind.model_validate(json.loads(text, object_pairs_hook=_once))
        except ValidationError as why:
            first = why.errors()[0]
            said = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        except (ValueError, RecursionError) as why:
            said = str(why)
        raise Damaged(f"{self.path} is damaged ({said}): {self._mend}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """No name twice: the later one would silently win."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError(f"a name is there twice among {', '.join(sorted(made))[:200]}")
    return made


def present(path: Path) -> bool:
    """Whether there is such a file, as far as can be seen."""
    with suppress(OSError):
        return path.exists()
    return False
