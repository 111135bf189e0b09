"""fsck where its own work was interrupted, where names are odd, and where a store refuses to open."""

import shutil
from pathlib import Path

import pytest

from bench.store_faults import NOON, QuickFiles, batch, open_store
from broker.__main__ import main
from broker.store import Corrupt, Unavailable, fsck, read_only
from broker.store.tinyjournal import frames
from tests.store.test_commands import findings, flipped, folder  # noqa: F401 - a fixture

DAY_S = 86_400


def journal_of(folder: Path, numbers: range) -> Path:  # noqa: F811
    """The only segment of a new store with a frame for each number."""
    store = open_store(folder, lambda: NOON)
    for number in numbers:
        store.append(batch(number))
    store.close()
    (segment,) = (folder / "open").glob("*/*.jsonl")
    return segment


class Killed(BaseException):
    """The process is gone."""


class DyingFiles(QuickFiles):
    """Dies at one of its renames."""

    def __init__(self, at: int) -> None:
        self.left = at

    def replace(self, source: Path, target: Path) -> None:
        self.left -= 1
        if not self.left:
            raise Killed
        super().replace(source, target)


@pytest.mark.parametrize("at", [1, 2])
def test_a_repair_that_was_killed_is_named_and_finished(tmp_path, at):
    """Before or between its two renames: fsck is not content, and the next repair comes to the same end."""
    place = tmp_path / "s"
    flipped(journal_of(place, range(1, 6)), 300)
    with pytest.raises(Killed):
        list(fsck.check(place, repair=True, files=DyingFiles(at)))
    assert any("repair that was interrupted" in finding.text for finding in findings(place))
    found = findings(place, repair=True)
    assert found and all(finding.repaired for finding in found) and any(finding.lost for finding in found)
    assert findings(place) == []
    store = open_store(place, lambda: NOON)
    assert store.health()["records"] == 4 * 5
    store.close()
    aside = [path.name for path in (place / "aside").iterdir()]
    assert any(name.startswith("open-000001_2026-11-22.fsck") for name in aside)


def test_what_a_repair_left_of_a_sealed_day_is_set_aside(folder):  # noqa: F811
    """Its day is sealed since: the leftover does not become a second one."""
    (day,) = (folder / "open").iterdir()
    shutil.copytree(day, folder / "open" / ".000001_2026-11-22.repairing")
    (folder / "aside").mkdir()
    shutil.copytree(day, folder / "aside" / "open-000001_2026-11-22.fsck-1")
    (finding,) = findings(folder, repair=True)
    assert finding.repaired and "it is kept in" in finding.text
    assert [path.name for path in (folder / "open").iterdir()] == [day.name] and findings(folder) == []


def test_odd_names_and_days_that_are_there_twice_are_named(folder):  # noqa: F811
    """A copy made beside the original, under a name that the store reads or does not read."""
    (day,) = (folder / "open").iterdir()
    shutil.copytree(day, folder / "open" / f"{day.name}.bak")
    shutil.copytree(day, folder / "open" / f"old_{day.name}")
    (folder / "open" / "notes.txt").write_text("?")
    shutil.copytree(folder / "records" / "2026-11-22", folder / "records" / "2026-11-22.bak")
    named = {finding.path.name: finding.text for finding in findings(folder, repair=True)}
    odd = [f"{day.name}.bak", "notes.txt", f"old_{day.name}"]
    assert sorted(named) == sorted(["2026-11-22.bak", *odd])
    assert all("move it out of open/" in named[name] for name in odd)
    assert f"the number 1 of {folder / 'records' / '2026-11-22'}: one is a copy" in named["2026-11-22.bak"]


def test_a_journal_that_was_being_removed_is_no_finding(folder):  # noqa: F811
    """Its day is sealed, and the store goes on removing it."""
    (folder / "open" / ".000002_2026-11-23.removing").mkdir()
    assert findings(folder) == []


def test_the_newest_file_of_a_journal_is_missed(tmp_path):
    """`newest` names it: what was in it is lost, whatever the files before it hold."""
    place = tmp_path / "s"
    segment = journal_of(place, range(1, 4))
    segment.with_name("newest").write_bytes(b"000000000004.jsonl\n")
    (finding,) = findings(place)
    assert "000000000004.jsonl: was begun and is not there: 3 whole frames" in finding.text
    (finding,) = findings(place, repair=True)
    assert finding.repaired and finding.lost and findings(place) == []


def test_frames_of_another_journal_are_not_kept(tmp_path):
    """Whole frames, numbered on, of another journal: the store refuses them, so does fsck; what follows is kept."""
    place = tmp_path / "s"
    segment, other = journal_of(place, range(1, 5)), journal_of(tmp_path / "other", range(11, 15))
    ours, theirs = segment.read_bytes(), other.read_bytes()
    ends = [[frame.end for frame in frames.frames_from(data, 0)] for data in (ours, theirs)]
    segment.write_bytes(ours[: ends[0][1]] + theirs[ends[1][1] :])
    with pytest.raises(Corrupt, match="following checksum"):
        open_store(place, lambda: NOON)
    (finding,) = findings(place)
    assert "frame 3 at byte" in finding.text and "does not follow frame 2: 2 whole frames" in finding.text
    assert "of 4 can be kept, 2 that do not follow them cannot" in finding.text
    (finding,) = findings(place, repair=True)
    assert finding.repaired and finding.lost and findings(place) == []
    store = open_store(place, lambda: NOON)
    assert store.health()["records"] == 2 * 5
    store.close()


def test_an_interrupted_write_is_no_damage(tmp_path, capsys):
    """The end of the last frame is missing: nobody was promised it, and the store sets it aside by itself."""
    place = tmp_path / "s"
    segment = journal_of(place, range(1, 4))
    segment.write_bytes(segment.read_bytes().rstrip(b"\n")[:-7])
    assert main(["fsck", "--store", str(place)]) == 0
    assert "2 frames, 10 records, and" in (said := capsys.readouterr().out) and "of an interrupted write" in said
    open_store(place, lambda: NOON).close()
    found = list(fsck.check(place))
    assert all(finding.good for finding in found)
    assert [finding.path.parent.name for finding in found if "set aside earlier" in finding.text] == ["aside"]


def test_a_repair_that_loses_records_has_its_own_exit_code(tmp_path, capsys):
    """3 where a frame is gone for good, 0 where only rubbish lay between whole frames, 1 as long as it is not done."""
    place = tmp_path / "s"
    segment = journal_of(place, range(1, 4))
    good = segment.read_bytes()
    first = next(frames.frames_from(good, 0)).end
    segment.write_bytes(good[:first] + b"rubbish" + good[first:])
    assert main(["fsck", "--store", str(place), "--repair"]) == 0
    (segment,) = (place / "open").glob("*/*.jsonl")
    flipped(segment, first + 200)
    assert main(["fsck", "--store", str(place)]) == 1
    assert main(["fsck", "--store", str(place), "--repair"]) == 3
    assert "but records are lost" in capsys.readouterr().out
    assert main(["fsck", "--store", str(place)]) == 0


@pytest.mark.parametrize("said", [None, "", "oh", "{}"])
def test_a_damaged_store_json_is_told_by_fsck_and_named_by_the_others(folder, tmp_path, capsys, said):  # noqa: F811
    """fsck needs no configuration to look at a folder; a copy that says nothing either is not taken."""
    shutil.copytree(folder, copy := tmp_path / "copy")
    about = folder / "store.json"
    about.unlink() if said is None else about.write_text(said)
    asked = ["fsck", "--store", str(folder)]
    assert main(asked) == 1
    assert f'BAD   {about}: is missing or does not say format, area and time zone, as in {{"format"' in (
        capsys.readouterr().out
    )
    assert main(["export", "--store", str(folder), str(tmp_path / "x.jsonl")]) == 1
    assert f"{about} " in (error := capsys.readouterr().err) and f"fsck --store {folder}" in error
    good = (copy / "store.json").read_bytes()
    (copy / "store.json").write_text("{}")
    assert main([*asked, "--copies", str(copy), "--repair"]) == 1
    (copy / "store.json").write_bytes(good)
    assert main([*asked, "--copies", str(copy), "--repair"]) == 0 and about.read_bytes() == good


def test_a_list_of_checksums_is_read_by_its_line_breaks_only(folder):  # noqa: F811
    """A byte that other programs take for a line's end is damage."""
    sums = folder / "records" / "2026-11-22" / "SHA256SUMS"
    sums.write_bytes(sums.read_bytes().replace(b"\n", b"\x0b", 1))
    (finding,) = findings(folder)
    assert finding.path == sums


def contents(place: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_records_on_a_disk_that_is_read_only_are_exported(folder, tmp_path, monkeypatch, capsys):  # noqa: F811
    """With several segments and a torn end, byte for byte as from a copy; nothing is written there, nothing is lost."""
    (segment,) = (folder / "open").glob("*/*.jsonl")
    data = segment.read_bytes()
    first = next(frames.frames_from(data, 0)).end
    segment.write_bytes(data[:first])
    segment.with_name("000000000002.jsonl").write_bytes(data[first:].rstrip(b"\n")[:-5])
    shutil.copytree(folder, copy := tmp_path / "copy")
    before = contents(folder)
    assert main(["export", "--store", str(copy), str(tmp_path / "a.jsonl")]) == 0
    monkeypatch.setattr(read_only, "is_read_only", lambda path: path == folder)
    assert main(["export", "--store", str(folder), str(tmp_path / "b.jsonl")]) == 0
    assert (tmp_path / "b.jsonl").read_bytes() == (tmp_path / "a.jsonl").read_bytes() != b""
    assert main(["import", "--store", str(tmp_path / "new"), "--area", "xh", str(folder)]) == 0
    assert contents(folder) == before
    sealed = folder / "records" / "2026-11-22" / "bins.json"
    sealed.write_bytes(b"oh")
    assert main(["export", "--store", str(folder), str(tmp_path / "c.jsonl")]) == 1
    assert f"{sealed} is not what was sealed" in capsys.readouterr().err


def test_a_disk_that_is_read_only_is_looked_at_as_it_is(folder, monkeypatch):  # noqa: F811
    """Nobody can write there, so no lock is needed; to repair, the folder is copied first."""

    def refuse(_folder: Path) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(fsck, "FolderLock", refuse)
    monkeypatch.setattr(fsck.os, "access", lambda _path, _mode: False)
    assert findings(folder) == []
    with pytest.raises(Unavailable, match="copy the folder first"):
        findings(folder, repair=True)
