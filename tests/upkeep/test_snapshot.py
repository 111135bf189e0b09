"""A copy of the record is of one moment, whatever is written while it is made."""

import threading
from pathlib import Path

from broker.store.opening import open_store, reading_store
from broker.store.sqlite import snapshot as copying
from broker.store.sqlite.snapshot import snapshot
from tests.support.processes import wait_until
from tests.support.record.samples import NOON, ZONE, bins
from tests.support.record.store_faults import findings


def test_a_copy_made_page_by_page_under_load_has_every_row_up_to_one(tmp_path: Path, monkeypatch) -> None:
    """Batches go on being stored between its pages; it has all that were before it, and no part of any later."""
    monkeypatch.setattr(copying, "_PAGES", 1)  # as many steps as there are pages
    store = open_store(tmp_path / "s", "xh", ZONE, lambda: NOON)
    store.append([bins(number) for number in range(1, 501)])
    stored = [500]
    ending = threading.Event()

    def write() -> None:
        while not ending.is_set():
            first = stored[-1] + 1
            store.append([bins(number) for number in range(first, first + 10)])
            stored.append(first + 9)

    writer = threading.Thread(target=write)
    writer.start()
    steps: list[int] = []

    def between(_left: int, _all: int) -> None:
        steps.append(stored[-1])
        if len(steps) < 4:  # else all pages would be copied before the next batch comes
            wait_until(lambda: stored[-1] > steps[-1], "another batch is stored meanwhile")

    try:
        wait_until(lambda: len(stored) > 4, "the load is under way")
        before = stored[-1]
        note = snapshot(tmp_path / "s", tmp_path / "copy", between)
    finally:
        ending.set()
        writer.join()
        store.close()
    assert steps[3] > steps[0] >= note.rows - 10, "it is of the moment at which it began"
    assert before <= note.rows < steps[3] and note.rows in stored
    assert findings(tmp_path / "copy") == []
    with reading_store(tmp_path / "copy", "xh", ZONE, lambda: NOON) as copy:
        numbers = sorted(record.body["seq"] for record in copy.scan("bins"))
    assert numbers == [*range(1, note.rows + 1)]
    assert not list((tmp_path / "copy").glob("record.sqlite-*")), "who looks into a copy leaves nothing there"
