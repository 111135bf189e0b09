"""The made week into a record and into what playback shows, beside a bridge that is at work there."""

import lzma
import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import orjson

from broker.store import transfer
from broker.store.opening import open_store
from broker.web.stream.changes import SECTIONS, Parts, applied
from broker.web.stream.recording import Recording
from sim.demo_week.files import PICTURES, RECORDS

DAYS_KEPT = 30

Told = Callable[[int, int], None]  # how many records are in, of how many


def take_in(store: Path, playback: Path, area: str, timezone: str, now: float, told: Told) -> None:
    """Take it in, first what was shown; twice does no harm. Raises StoreError or OSError."""
    with tempfile.TemporaryDirectory(prefix="week-", dir=store.parent) as folder:
        _show(Path(folder), playback)
        plain = Path(folder) / "week.jsonl"
        with lzma.open(RECORDS) as packed, plain.open("wb") as file:
            shutil.copyfileobj(packed, file)
        with plain.open("rb") as lines:
            number = sum(1 for _ in lines)
        done = 0

        def more(count: int) -> None:
            nonlocal done
            done += count
            told(done, number)

        with closing(open_store(store, area, timezone, lambda: now, make=False)) as opened:
            transfer.import_records(transfer.read(plain), opened, more)


def _show(folder: Path, playback: Path) -> None:
    """Make the product's own playback files apart, for a recording looks after its folder, and move them."""
    recording = Recording(folder / "shown", DAYS_KEPT)
    parts: Parts = {section: {} for section in SECTIONS}
    with lzma.open(PICTURES) as lines:
        for line in lines:
            told = orjson.loads(line)
            parts = applied(parts, told)
            recording.keep(line.rstrip(), parts, told["at"])
    recording.close()
    for made in sorted((folder / "shown").glob("*/*")):
        (playback / made.parent.name).mkdir(parents=True, exist_ok=True)
        made.replace(playback / made.parent.name / made.name)
