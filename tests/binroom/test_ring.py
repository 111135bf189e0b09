"""The ring of unsettled records in flash, on an ordinary folder."""

from pathlib import Path

import pytest

from firmware.binroom.ring import Ring


def record(boot: int, seq: int, at: int | None = None) -> list[object]:
    """A keeper's record."""
    return [boot, seq, "keeper", at, seq, "bins_out"]


def nobody(_boot: int, _seq: int) -> bool:
    """No record is in the heap."""
    return False


def opened(folder: Path, notes: list[str] | None = None) -> Ring:
    """A ring as after a boot."""
    ring = Ring(str(folder), (notes if notes is not None else []).append)
    ring.load()
    return ring


def test_kept_records_come_back_newest_first_in_portions(tmp_path: Path) -> None:
    """What is not held in the heap is read back, newest first, with the number still waiting."""
    ring = opened(tmp_path)
    for seq in range(1, 41):
        ring.keep(record(1, seq))
    again = opened(tmp_path)
    assert again.count() == 40
    assert again.recall(6, nobody) == ([record(1, seq) for seq in range(35, 41)], 34)
    held = {(1, seq) for seq in range(30, 41)}
    records, left = again.recall(3, lambda boot, seq: (boot, seq) in held)
    assert ([r[1] for r in records], left) == ([27, 28, 29], 26)


def test_settled_segments_disappear(tmp_path: Path) -> None:
    """Flash is given back: nothing settled stays for long, and nothing unsettled goes."""
    ring = opened(tmp_path)
    for seq in range(1, 200):
        ring.keep(record(1, seq))
        if seq > 3:
            ring.forget(1, seq - 3)
    assert len(list(tmp_path.iterdir())) <= 2
    assert [r[1] for r in opened(tmp_path).recall(10, nobody)[0]][-3:] == [197, 198, 199]


def test_a_record_kept_again_counts_once_with_its_last_line(tmp_path: Path) -> None:
    """A record dated later replaces its first line, in the same segment and across segments and boots."""
    ring = opened(tmp_path)
    for seq in range(1, 13):
        ring.keep(record(1, seq))
        ring.forget(1, seq - 1)
    ring.keep(record(1, 12, at=5))
    assert ring.count() == 1
    assert ring.recall(5, nobody) == ([record(1, 12, at=5)], 0)
    opened(tmp_path).keep(record(1, 12, at=6))
    # The settled ones of the same segment come once more after a boot; that costs nothing but a resend.
    assert [r for r in opened(tmp_path).recall(99, nobody)[0] if r[1] == 12] == [record(1, 12, at=6)]


def test_torn_and_foreign_lines_are_skipped(tmp_path: Path) -> None:
    """Half a line, other JSON, and bytes that are no text cost only themselves."""
    ring = opened(tmp_path)
    ring.keep(record(1, 1))
    with next(tmp_path.iterdir()).open("ab") as file:
        file.write(b'[1,2,"keeper"\n{}\n[1,2,3]\n\xff\xfe\n[1,"x","keeper",1,1,"bins_out"]\n[1,3,"keeper",null,1,"bins_')
    (tmp_path / "notes.txt").write_text("not ours")
    assert opened(tmp_path).recall(9, nobody) == ([record(1, 1)], 0)


def test_a_full_ring_gives_up_the_oldest_and_says_so(tmp_path: Path) -> None:
    """After 384 unsettled records the oldest segment goes, noted and counted; the newest are all there."""
    notes: list[str] = []
    ring = opened(tmp_path, notes)
    for seq in range(1, 500):
        ring.keep(record(1, seq))
    assert 360 <= ring.count() <= 384
    assert ring.failures == 499 - ring.count()
    assert "oldest records are lost" in notes[-1]
    assert ring.recall(1, nobody)[0] == [record(1, 499)]


def test_a_full_flash_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing can be written, that is noted and counted, and the ring goes on later."""
    notes: list[str] = []
    ring = opened(tmp_path, notes)
    ring.keep(record(1, 1))
    monkeypatch.setattr("builtins.open", lambda *_: (_ for _ in ()).throw(OSError(28, "no space")))
    ring.keep(record(1, 2))
    monkeypatch.undo()
    assert ring.failures == 1
    assert "not in flash" in notes[0]
    ring.keep(record(1, 3))
    assert [r[1] for r in opened(tmp_path).recall(9, nobody)[0]] == [1, 3]
