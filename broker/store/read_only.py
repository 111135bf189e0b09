"""A store on a disk that is read only, as a failing card is from one moment to the next: read through a folder beside.

Opening a store writes: a torn end is set aside, the newest file is continued. So the folder beside gets copies of what
may be written to, which are small, and links to everything else. Nobody can write to the disk, so nobody is kept out.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from broker.store import StoreError, day_folders
from broker.store.days import Days
from broker.store.tinydb_store import TinyDBStore
from broker.store.tinyjournal.segments import segments_of


def is_read_only(folder: Path) -> bool:
    """Whether the disk of a folder takes nothing from anybody."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


@contextmanager
def opened(folder: Path, area: str, timezone: str) -> Iterator[TinyDBStore]:
    """The store in `folder`, to be read only: what is appended to it is lost."""
    with tempfile.TemporaryDirectory(prefix="zhanpai-read-only-") as name:
        beside = Path(name)
        try:
            newest = _put_beside(folder, beside)
            # By the clock of its open day: by today's it would be sealed first.
            noon = 0 if newest is None else Days(timezone).start(newest) + 43_200
            store = TinyDBStore(beside, area, timezone, lambda: noon)
            try:
                yield store
            finally:
                store.close()
        except StoreError as error:
            raise type(error)(str(error).replace(name, str(folder))) from error


def _put_beside(folder: Path, beside: Path) -> str | None:
    """Copy and link; the name of the newest open day. A day that is sealed meanwhile is there twice, not missing."""
    for name in ("open", "records"):
        (beside / name).mkdir()
    newest = None
    days, others = day_folders.open_days(folder / "open")
    for other in others:
        (beside / "open" / other.name).symlink_to(other.absolute())
    for day in days:
        _, newest = day_folders.numbered(day)
        target = beside / "open" / day.name
        target.mkdir()
        read_only = segments_of(day)[:-1]
        for path in day.iterdir():
            if path in read_only:
                (target / path.name).symlink_to(path.absolute())
            elif path.is_file():
                shutil.copy(path, target)
    for day in (folder / "records").glob("*"):
        (beside / "records" / day.name).symlink_to(day.absolute())
    if (folder / "index").is_dir():
        shutil.copytree(folder / "index", beside / "index")
    if (folder / "store.json").exists():
        shutil.copy(folder / "store.json", beside)
    return newest
