"""Never half, never blank: every system call of a save made to fail, and the process killed at each of them."""

import errno
import json
import os
import signal
from pathlib import Path

import pytest

from broker.durable_file import Disk, write_durably
from broker.registers.errors import Busy, Conflict, Damaged, EditedOutside, Invalid, NoRegister, NotFound
from broker.registers.kept.differences import in_words
from tests.support.registers import open_registers

SMALL = {
    "format": "zhanpai-elections/1", "areas": [{"id": "a1", "name": "香樟居民区"}],
    "bodies": [{"id": "b1", "area": "a1", "kind": "party_branch", "level": "first", "name": "党总支"}],
}
CALLS = ("create", "open_append", "write", "fsync", "close", "replace", "unlink", "truncate", "sync_folder")


class Watched(Disk):
    """A disk that counts its calls and, at the n-th, does what the test wants instead."""

    def __init__(self, at=None, act=None):
        self.count, self.at, self.act = 0, at, act

    def __getattribute__(self, name):
        real = super().__getattribute__(name)
        if name not in CALLS:
            return real

        def call(*arguments):
            self.count += 1
            if self.count == self.at:
                return self.act(name, real, arguments)
            return real(*arguments)

        return call


def fail(error, half=False):
    """The call raises OSError; a write may have written half before it."""
    def act(name, real, arguments):
        if half and name == "write":
            real(arguments[0], arguments[1][: len(arguments[1]) // 2])
        if name == "close":
            real(*arguments)
        raise OSError(error, os.strerror(error))
    return act


def die(half):
    """The process is killed with SIGKILL before the call, or in the middle of a write."""
    def act(name, real, arguments):
        if half and name == "write":
            real(arguments[0], arguments[1][: len(arguments[1]) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    return act


def started(folder, disk=None):
    """A folder with a small register in version 2."""
    register = open_registers(folder, now=lambda: 1_795_374_261, disk=disk).elections
    snapshot = register.create(SMALL, "李伟", "first entry")
    return register, register.save(named(snapshot.document, "一居党总支"), snapshot.etag, "李伟", "spelling")


def named(document, name):
    """The same register with another name for body b1."""
    changed = json.loads(json.dumps(document))
    changed["bodies"][0]["name"] = name
    return changed


def calls_of_one_save(tmp_path):
    """How many system calls one ordinary save makes."""
    _, before = started(tmp_path / "count")
    disk = Watched()
    register = open_registers(tmp_path / "count", now=lambda: 1_795_374_300, disk=disk).elections
    register.save(named(before.document, "新名"), before.etag, "王芳", "renamed")
    return disk.count


def assert_whole(folder, before):
    """The register is exactly the old or exactly the new version, its log agrees, and it can be saved again."""
    register = open_registers(folder, now=lambda: 1_795_374_400).elections
    found = register.read()
    assert found.outside is None
    assert found.document["bodies"][0]["name"] in ("一居党总支", "新名")
    entries = register.log()
    assert entries[-1].new_etag == found.etag
    assert len(entries) == found.version
    assert (found.version == before.version) == (found.document["bodies"][0]["name"] == "一居党总支")
    assert json.loads((folder / "elections.json").read_bytes()) == found.document
    again = register.save(named(found.document, "再改"), found.etag, "王芳", "again")
    assert again.version == found.version + 1
    assert not list(folder.glob(".*.next"))
    return found.version > before.version


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.real  # seconds of work
def test_every_failing_system_call_leaves_old_or_new(tmp_path, error, half):
    """A full or failing disk at any call: an error to the caller, or a saved change; never anything between."""
    total = calls_of_one_save(tmp_path)
    assert total > 15
    for at in range(1, total + 1):
        folder = tmp_path / str(at)
        _, before = started(folder)
        register = open_registers(folder, now=lambda: 1_795_374_300, disk=Watched(at, fail(error, half))).elections
        try:
            saved = register.save(named(before.document, "新名"), before.etag, "王芳", "renamed")
        except OSError:
            saved = None
        happened = assert_whole(folder, before)
        assert happened or saved is None


@pytest.mark.real
@pytest.mark.parametrize("half", [False, True])
def test_killed_at_every_system_call(tmp_path, half):
    """kill -9 at any call of a save, also in the middle of a write: the next one to open finds a whole register."""
    total = calls_of_one_save(tmp_path)
    outcomes = []
    for at in range(1, total + 1):
        folder = tmp_path / str(at)
        _, before = started(folder)
        child = os.fork()
        if child == 0:
            try:
                register = open_registers(folder, now=lambda: 1_795_374_300, disk=Watched(at, die(half))).elections
                register.save(named(before.document, "新名"), before.etag, "王芳", "renamed")
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), f"call {at} was never reached"
        outcomes.append(assert_whole(folder, before))
    # Once the log entry is written, the change has happened, and stays so.
    assert outcomes == sorted(outcomes)
    assert True in outcomes
    assert False in outcomes


@pytest.mark.real
def test_killed_at_every_system_call_of_the_very_first_save(tmp_path):
    """kill -9 while the register is made: it is there whole, or not there and can be made again."""
    for at in range(1, 40):
        folder = tmp_path / str(at)
        child = os.fork()
        if child == 0:
            try:
                open_registers(folder, now=lambda: 1, disk=Watched(at, die(True))).elections.create(SMALL, "a", "b")
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        register = open_registers(folder, now=lambda: 2).elections
        try:
            assert register.read().version == 1
        except NoRegister:
            assert register.create(SMALL, "a", "b").version == 1
        if not os.WIFSIGNALED(status):
            return
    raise AssertionError("a first save makes fewer than 40 calls")


def test_a_change_of_one_field_is_a_diff_of_one_line(tmp_path):
    """Exactly one line of the file differs, and the file ends with a line end."""
    register, before = started(tmp_path)
    old = register.path.read_text().splitlines()
    register.save(named(before.document, "新名"), before.etag, "王芳", "renamed")
    new = register.path.read_text()
    assert new.endswith("}\n")
    different = [(a, b) for a, b in zip(old, new.splitlines(), strict=True) if a != b]
    assert [b.strip() for _, b in different] == ['"name": "新名",']


def test_saving_what_is_there_changes_nothing(tmp_path):
    """An equal document makes no version and no log line."""
    register, before = started(tmp_path)
    assert register.save(before.document, before.etag, "王芳", "nothing").version == before.version
    assert len(register.log()) == 2


def test_the_second_writer_sees_both_versions(tmp_path):
    """Two who started from one version: the second is refused and told what the other and what he changed."""
    register, base = started(tmp_path)
    register.save(named(base.document, "甲改"), base.etag, "甲", "first")
    with pytest.raises(Conflict) as caught:
        register.save(named(base.document, "乙改"), base.etag, "乙", "second")
    conflict = caught.value
    assert [change.new for change in conflict.their_changes] == ["甲改"]
    assert [change.new for change in conflict.my_changes] == ["乙改"]
    assert register.read().document["bodies"][0]["name"] == "甲改"


def test_a_damaged_file_is_refused_with_its_line_and_the_last_good_version_is_shown(tmp_path):
    """Half a file, an empty file, no file: the register still shows the last version and refuses to be written."""
    register, before = started(tmp_path)
    whole = register.path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"\x00" * 40, None):
        if content is None:
            register.path.unlink()
        else:
            register.path.write_bytes(content)
        shown = register.read()
        assert shown.document == before.document
        assert shown.outside.problems
        if content:
            assert shown.outside.problems[0].line is not None
        with pytest.raises(EditedOutside):
            register.save(named(before.document, "x"), before.etag, "王芳", "why")
        with pytest.raises(Invalid):
            register.accept_edit("王芳", "take it")
        register.discard_edit("王芳", "put back")
        assert register.path.read_bytes() == whole
        assert register.read().outside is None
    assert len(list(tmp_path.glob("elections.json.edited-*"))) >= 1


def test_a_hand_edit_is_offered_as_a_change_and_can_be_accepted(tmp_path):
    """An edit by other hands that obeys the rules becomes a version once somebody says who and why."""
    register, before = started(tmp_path)
    register.path.write_text(register.path.read_text().replace("一居党总支", "手改"))
    shown = register.read()
    assert shown.document == before.document
    assert [in_words(change) for change in shown.outside.changes] == [
        "bodies › b1 › name: 一居党总支 → 手改"]
    after = register.accept_edit("王芳", "typed in the file")
    assert after.document["bodies"][0]["name"] == "手改"
    assert register.log()[-1].action == "accept_edit"
    assert register.read().outside is None


def test_an_edit_made_during_a_save_is_kept_aside(tmp_path):
    """Other hands write into the file between the reading and the renaming: their text is not lost."""
    started(tmp_path)

    def edit(name, real, arguments):
        result = real(*arguments)
        (tmp_path / "elections.json").write_text("typed at a bad moment")
        return result

    for at in (1, 9):  # early in the save, and just before the file is put in place
        now = open_registers(tmp_path, now=lambda: 1_795_374_261).elections.read()
        register = open_registers(tmp_path, now=lambda at=at: 1_795_374_300 + at, disk=Watched(at, edit)).elections
        saved = register.save(named(now.document, f"新名{at}"), now.etag, "王芳", "renamed")
        assert saved.warnings
        found = register.read()
        assert (found.outside, found.document["bodies"][0]["name"]) == (None, f"新名{at}")
    assert [path.read_text() for path in tmp_path.glob("*.edited-*")] == ["typed at a bad moment"] * 2


def test_a_hand_edit_that_breaks_a_rule_names_line_and_field(tmp_path):
    """A wrong value typed into the file is refused with the line it stands on."""
    register, _ = started(tmp_path)
    text = register.path.read_text().replace('"area": "a1"', '"area": "a9"')
    register.path.write_text(text)
    problem = register.read().outside.problems[0]
    assert problem.path == "bodies/b1/area"
    assert '"area": "a9"' in text.splitlines()[problem.line - 1]
    assert "a9" in problem.text("zh")


def test_going_back_by_hand_is_an_edit_too(tmp_path):
    """Somebody who copies the file before the last over the register is asked, not undone in silence."""
    register, before = started(tmp_path)
    older = next(path for path in (tmp_path / "kept" / "elections").iterdir() if path.name.startswith("000001"))
    register.path.write_bytes(older.read_bytes())
    shown = register.read()
    assert shown.version == before.version
    assert [change.new for change in shown.outside.changes] == ["党总支"]


def test_an_editor_that_writes_in_place_does_not_reach_the_kept_version(tmp_path):
    """The register's file and its kept copy are two files, so an overwrite cannot destroy both."""
    register, before = started(tmp_path)
    with register.path.open("r+b") as file:
        file.write(b"XXXX")
    assert register.read().document == before.document


@pytest.mark.parametrize("position", range(0, 100, 7))
def test_a_flipped_bit_in_the_log_is_refused(tmp_path, position):
    """A log that is not what was written is refused by line; nothing is cut away."""
    register, _ = started(tmp_path)
    content = bytearray(register.log_path.read_bytes())
    content[len(content) * position // 100] ^= 1
    register.log_path.write_bytes(bytes(content))
    with pytest.raises(Damaged, match="line"):
        register.read()
    assert register.log_path.read_bytes() == bytes(content)


def test_a_half_log_line_of_a_change_that_was_made_is_refused(tmp_path):
    """The last line cut short though its version is on the disk: that is damage, not an unfinished save."""
    register, _ = started(tmp_path)
    register.log_path.write_bytes(register.log_path.read_bytes()[:-5])
    with pytest.raises(Damaged):
        register.read()


def test_a_half_log_line_of_an_unfinished_save_is_moved_aside(tmp_path):
    """Bytes of a save that was cut off are kept aside, and the register goes on from the last version."""
    register, before = started(tmp_path)
    whole = register.log_path.read_bytes()
    register.log_path.write_bytes(whole + b'{"n":3,"at":')
    shown = register.read()
    assert shown.document == before.document
    assert shown.warnings
    assert register.log_path.read_bytes() == whole
    assert [path.read_bytes() for path in tmp_path.glob("*.torn-*")] == [b'{"n":3,"at":']


def test_a_log_line_cut_off_anywhere_is_no_damage(tmp_path):
    """However many bytes of an unfinished entry reached the disk, the register goes on from the last version."""
    register, before = started(tmp_path)
    whole = register.log_path.read_bytes()
    register.save(named(before.document, "新名"), before.etag, "王芳", "renamed")
    line = register.log_path.read_bytes()[len(whole):]
    good = register.kept.content(before.etag)
    for length in range(1, len(line), 7):
        register.log_path.write_bytes(whole + line[:length])
        register.path.write_bytes(good)
        assert register.read().document == before.document
        assert register.log_path.read_bytes() == whole


@pytest.mark.real
def test_writers_in_several_processes_take_turns(tmp_path):
    """Three processes that change the register at once: every change is made once, none is lost, the log is whole."""
    _, before = started(tmp_path)
    children = []
    for number in range(3):
        child = os.fork()
        if child == 0:
            done = 0
            try:
                register = open_registers(tmp_path).elections
                while done < 5:
                    now = register.read()
                    try:
                        register.save(named(now.document, f"{number}-{done}"), now.etag, f"p{number}", "turn")
                        done += 1
                    except Conflict:
                        continue
            finally:
                os._exit(0 if done == 5 else 1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    entries = open_registers(tmp_path).elections.log()
    assert [entry.version for entry in entries] == list(range(1, before.version + 16))
    assert len({(entry.who, entry.changes[0].new) for entry in entries[2:]}) == 15


def test_a_lost_log_never_starts_a_register_anew(tmp_path):
    """Without its log a register is refused, and `create` does not go over it."""
    register, _ = started(tmp_path)
    register.log_path.unlink()
    with pytest.raises(Damaged):
        register.read()
    with pytest.raises(Damaged):
        register.create(SMALL, "a", "b")


def test_restore_brings_an_old_version_back_as_a_new_one(tmp_path):
    """Restoring is a change like any other: it has a version, a who and a why."""
    register, before = started(tmp_path)
    after = register.restore(1, before.etag, "王芳", "the old name was right")
    assert (after.version, after.document["bodies"][0]["name"]) == (3, "党总支")
    assert register.log()[-1].action == "restore"
    with pytest.raises(NotFound):
        register.restore(99, after.etag, "王芳", "no such")


def test_the_last_version_of_a_day_is_kept_with_its_checksum(tmp_path):
    """The first save of a new day keeps how the day before ended; a damaged copy is not offered."""
    register, before = started(tmp_path)
    assert register.kept.daily_days() == []
    later = open_registers(tmp_path, now=lambda: 1_795_374_261 + 3 * 86_400).elections
    later.save(named(before.document, "x"), before.etag, "a", "b")
    assert later.kept.daily_days() == ["2026-11-23"]
    assert json.loads(later.kept.daily_content("2026-11-23")) == before.document
    (tmp_path / "daily" / "elections" / "2026-11-23.json").write_text("{}")
    assert later.kept.daily_days() == []


def test_the_copy_of_a_day_may_fail_without_harm(tmp_path):
    """Any system call of the day's copy or of the tidying failing leaves a saved change and a warning."""
    _, before = started(tmp_path / "count")
    disk = Watched()
    open_registers(tmp_path / "count", now=lambda: 1_795_374_261 + 86_400, disk=disk).elections.save(
        named(before.document, "新名"), before.etag, "a", "b")
    ordinary = calls_of_one_save(tmp_path / "ordinary")
    assert disk.count > ordinary
    for at in range(ordinary + 1, disk.count + 1):
        folder = tmp_path / str(at)
        _, before = started(folder)
        register = open_registers(
            folder, now=lambda: 1_795_374_261 + 86_400, disk=Watched(at, fail(errno.ENOSPC, True))).elections
        saved = register.save(named(before.document, "新名"), before.etag, "a", "b")
        assert saved.warnings
        assert register.read().version == 3


def test_no_more_versions_are_kept_than_wanted(tmp_path):
    """Old versions and days go, the newest stay."""
    register, snapshot = started(tmp_path)
    register.kept._versions = 3  # as a register made with keep_versions=3
    for n in range(5):
        snapshot = register.save(named(snapshot.document, f"n{n}"), snapshot.etag, "a", "b")
    assert register.kept.numbers() == [5, 6, 7]


def test_who_and_why_are_asked_of_every_write(tmp_path):
    """Blank, overlong or unprintable names and reasons are refused."""
    register, before = started(tmp_path)
    for who, why in (("", "x"), ("x", "  "), ("x" * 201, "x"), ("x", "a\x07b")):
        with pytest.raises(Invalid):
            register.save(named(before.document, "x"), before.etag, who, why)
    assert register.read().version == before.version


def test_personal_facts_never_stand_in_the_log(tmp_path):
    """That a name or birth date changed is logged, its value is not."""
    register, before = started(tmp_path)
    document = json.loads(json.dumps(before.document))
    member = {"id": "m1", "name": "张三丰", "post": "secretary", "birth_date": "1980-02-03", "note": "电话12345"}
    document["bodies"][0]["after"] = {"starts_on": "2021-04-10", "members": [member]}
    saved = register.save(document, before.etag, "王芳", "new secretary")
    document = json.loads(json.dumps(saved.document))
    document["bodies"][0]["after"]["members"][0]["name"] = "张三"
    register.save(document, saved.etag, "王芳", "name corrected")
    text = register.log_path.read_text()
    assert "张三" not in text
    assert "1980-02-03" not in text
    assert "12345" not in text
    assert "***" in text


def test_a_writer_that_does_not_let_go_is_reported(tmp_path):
    """A lock held for longer than five seconds gives a clear error."""
    import fcntl

    register, _ = started(tmp_path)
    clock = iter(range(0, 1000, 3))
    waiting = type(register)(
        register.kind, tmp_path, monotonic=lambda: next(clock), sleep=lambda _: None, day_of=lambda _: "2026-11-22",
    )
    with (tmp_path / ".elections.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Busy):
            waiting.read()


def test_write_durably_never_shows_half_a_file(tmp_path):
    """A write cut anywhere leaves the old content."""
    path = Path(tmp_path) / "x.json"
    write_durably(Disk(), path, b"old")
    for at in range(1, 5):
        with pytest.raises(OSError, match="space"):
            write_durably(Watched(at, fail(errno.ENOSPC, True)), path, b"new content")
        assert path.read_bytes() == b"old"


def test_register_files_are_private(tmp_path):
    """Members' data is readable by the service's own user only."""
    started(tmp_path)
    for path in tmp_path.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize("there", [True, False])
def test_a_register_on_a_disk_that_takes_nothing_is_read(tmp_path, monkeypatch, there):
    """Read only or full: whoever reads needs no lock file that can be written, nor one that is there."""
    register, last = started(tmp_path)
    lock, real = tmp_path / ".elections.lock", os.open
    if not there:
        lock.unlink()

    def takes_nothing(path, flags, *rest):
        if flags & (os.O_RDWR | os.O_WRONLY | os.O_CREAT):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return real(path, flags, *rest)

    monkeypatch.setattr(os, "open", takes_nothing)
    assert register.read().version == last.version
    with pytest.raises(OSError, match="Read-only"):
        register.save(named(last.document, "别名"), last.etag, "李伟", "renamed")
    assert register.read().version == last.version


@pytest.mark.parametrize("damage", ["flipped", "emptied", "gone"])
def test_the_kept_copy_of_the_last_version_is_written_anew_from_the_register(tmp_path, damage):
    """It is said once; without it a later damage of the register itself would be the end of both."""
    register = open_registers(tmp_path).elections
    register.create(SMALL, "Li", "begin")
    (kept,) = register.kept.folder.glob("*.json")
    was = kept.read_bytes()
    if damage == "gone":
        kept.unlink()
    else:
        kept.write_bytes(was.replace(b"a1", b"a2") if damage == "flipped" else b"")
    assert register.read().warnings == (
        "the kept version 1 was missing or damaged: written anew from elections.json",
    )
    assert kept.read_bytes() == was
    assert register.read().warnings == ()
    register.path.unlink()
    assert register.read().document["areas"][0]["id"] == "a1"


def test_a_kept_copy_that_cannot_be_written_anew_is_said_and_the_register_is_read(tmp_path):
    """A read-only disk takes nothing from reading."""
    register = open_registers(tmp_path).elections
    register.create(SMALL, "Li", "begin")
    (kept,) = register.kept.folder.glob("*.json")
    kept.unlink()
    full = open_registers(tmp_path, disk=Watched(1, fail(errno.EROFS))).elections
    snapshot = full.read()
    assert snapshot.version == 1
    assert snapshot.warnings == ("the kept version 1 is spoiled and cannot be written anew (Read-only file system)",)
