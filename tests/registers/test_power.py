"""Power cuts: after any system call only what was fsynced is certain; the register must be whole all the same."""

import json
import os
import shutil
from pathlib import Path

import pytest

from broker.durable_file import Disk
from broker.registers.errors import NoRegister
from tests.support.registers import open_registers

SMALL = {
    "format": "zhanpai-elections/1", "areas": [{"id": "a1", "name": "香樟居民区"}],
    "bodies": [{"id": "b1", "area": "a1", "kind": "party_branch", "level": "first", "name": "党总支"}],
}
DAY_S = 86_400


class PowerCut(BaseException):
    """The lights went out."""


class Volatile(Disk):
    """A disk that knows what would survive: contents by fsync of the file, names by sync of the folder.

    At call number `at` the power goes. `survive(folder)` then makes the folder what a merciless disk would hold:
    only synced names with only synced contents; or, with `names_kept`, all names and only synced contents, as
    when a rename reached the disk before the data it names.
    """

    def __init__(self, folder, at=None):
        self.count, self.at, self.root = 0, at, Path(folder)
        self.contents, self.names, self.opened = {}, {}, {}
        for path in self.root.rglob("*"):
            if path.is_file():
                self.contents[path.stat().st_ino] = path.read_bytes()
        self._sync_names(self.root)
        for path in self.root.rglob("*"):
            if path.is_dir():
                self._sync_names(path)

    def _sync_names(self, folder):
        self.names[folder] = {path.name: path.stat().st_ino for path in folder.iterdir() if path.is_file()}

    def _step(self):
        self.count += 1
        if self.count == self.at:
            raise PowerCut

    def create(self, path):
        self._step()
        descriptor = super().create(path)
        # Inode numbers are used again; what another file once held is not in this one.
        self.contents.pop(os.fstat(descriptor).st_ino, None)
        return descriptor

    def open_append(self, path):
        self._step()
        return super().open_append(path)

    def write(self, descriptor, content):
        self._step()
        return super().write(descriptor, content)

    def fsync(self, descriptor):
        self._step()
        number = os.fstat(descriptor).st_ino
        self.contents[number] = Path(f"/proc/self/fd/{descriptor}").resolve().read_bytes()

    def replace(self, source, target):
        self._step()
        self.held = [*getattr(self, "held", []), *([os.open(target, os.O_RDONLY)] if target.exists() else [])]
        super().replace(source, target)

    def unlink(self, path):
        self._step()
        self.held = [*getattr(self, "held", []), os.open(path, os.O_RDONLY)]
        super().unlink(path)

    def sync_folder(self, folder):
        self._step()
        self._sync_names(folder)

    def survive(self, names_kept):
        """Make the real folder what the disk would hold after the cut."""
        final = {folder: dict(names) for folder, names in self.names.items()}
        if names_kept:
            for folder in [self.root, *(path for path in self.root.rglob("*") if path.is_dir())]:
                final[folder] = {path.name: path.stat().st_ino for path in folder.iterdir() if path.is_file()}
        for descriptor in getattr(self, "held", []):
            os.close(descriptor)
        for path in [path for path in self.root.rglob("*") if path.is_file()]:
            path.unlink()
        for folder, names in final.items():
            for name, number in names.items():
                if folder.exists():
                    (folder / name).write_bytes(self.contents.get(number, b""))


def named(document, name):
    changed = json.loads(json.dumps(document))
    changed["bodies"][0]["name"] = name
    return changed


@pytest.mark.parametrize("names_kept", [False, True])
@pytest.mark.real  # seconds of work
def test_a_power_cut_at_any_call_leaves_the_old_or_the_new_version(tmp_path, names_kept):
    """Whatever a merciless disk forgets, an acknowledged save stays and an unacknowledged one is whole or not there."""
    base = tmp_path / "base"
    first = open_registers(base, now=lambda: 1_795_374_261).elections
    before = first.create(SMALL, "a", "b")
    at, acknowledged = 0, False
    while not acknowledged:
        at += 1
        folder = tmp_path / f"cut{at}"
        shutil.copytree(base, folder)
        disk = Volatile(folder, at)
        register = open_registers(folder, now=lambda: 1_795_374_261 + DAY_S, disk=disk).elections
        try:
            register.save(named(before.document, "新名"), before.etag, "a", "b")
            acknowledged = True
        except PowerCut:
            pass
        disk.survive(names_kept)
        again = open_registers(folder, now=lambda: 1_795_374_261 + 2 * DAY_S).elections
        found = again.read()
        assert found.outside is None, at
        assert found.document["bodies"][0]["name"] in ("党总支", "新名")
        assert found.document["bodies"][0]["name"] == "新名" or not acknowledged
        assert len(again.log()) == found.version
        assert again.save(named(found.document, "再改"), found.etag, "a", "b").version == found.version + 1
    assert at > 15


def test_a_power_cut_during_the_first_save_leaves_a_register_or_none(tmp_path):
    """The very first version is there whole, or the folder is as good as empty and can be begun."""
    at, acknowledged = 0, False
    while not acknowledged:
        at += 1
        folder = tmp_path / f"cut{at}"
        for missing in ("kept/elections", "daily/elections"):
            (folder / missing).mkdir(parents=True)
        disk = Volatile(folder, at)
        try:
            open_registers(folder, now=lambda: 1, disk=disk).elections.create(SMALL, "a", "b")
            acknowledged = True
        except PowerCut:
            pass
        disk.survive(names_kept=at % 2 == 0)
        register = open_registers(folder, now=lambda: 2).elections
        try:
            assert register.read().version == 1
        except NoRegister:
            assert not acknowledged
            assert register.create(SMALL, "a", "b").version == 1
