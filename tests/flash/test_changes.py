"""An installation: right from any beginning, harmless when cut at any step."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.flashing.board.changes import Action, Installation, Step, make_installation
from tools.flashing.board.inventory import Contents, whole_release
from tools.flashing.board.release.release import MANIFEST, Release, pack_release, sha256
from tools.flashing.errors import FlashError

LOADER = b"print('boot loader')"
RELEASES = [
    pack_release({"firmware/wire.mpy": b"wire 1", "firmware/binroom/unit.mpy": b"unit 1" * 900}, LOADER),
    pack_release({"firmware/wire.mpy": b"wire 1", "firmware/binroom/unit.mpy": b"unit 2" * 900}, LOADER),
    pack_release({"firmware/wire.mpy": b"wire 3", "firmware/binroom/new.mpy": b"new 3"}, LOADER + b"\n"),
]


@dataclass
class Disk:
    """A board's file system in memory."""

    files: dict[str, bytes] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    blocks: int = 256

    def contents(self) -> Contents:
        """As the board would tell it."""
        unit = json.loads(self.files.get("/config/unit.json", b"{}"))
        boot = json.loads(self.files.get("/state/boot.json", b"{}"))
        used = sum(len(data) // 4096 + 1 for data in self.files.values()) + 2 * len(self.folders)
        return Contents(
            files={path: sha256(data) for path, data in self.files.items()},
            folders=frozenset(self.folders),
            sizes={path: len(data) for path, data in self.files.items()},
            block_bytes=4096,
            free_blocks=self.blocks - used,
            current=self.files.get("/current", b"").decode() or None,
            former=self.files.get("/former", b"").decode() or None,
            device=unit.get("device"),
            area=unit.get("area"),
            boot=boot.get("boot", 0),
            calibration=None,
        )

    def do(self, step: Step) -> None:
        """One step, as littlefs would take it: no folder, no file."""
        if step.action is Action.WRITE:
            assert self.parent(step.path) in self.folders | {""}, step.path
            self.files[step.path] = step.data
        elif step.action is Action.COPY:
            assert self.files[step.source] == step.data
            assert self.parent(step.path) in self.folders
            self.files[step.path] = step.data
        elif step.action is Action.FOLDER:
            assert self.parent(step.path) in self.folders | {""}, step.path
            self.folders.add(step.path)
        elif step.action is Action.REMOVE:
            assert step.path in self.files or step.path in self.folders, step.path
            inside = [path for path in [*self.files, *self.folders] if path.startswith(step.path + "/")]
            assert not inside, f"{step.path} is not empty"
            self.files.pop(step.path, None)
            self.folders.discard(step.path)

    @staticmethod
    def parent(path: str) -> str:
        """The folder a path lies in."""
        return path.rpartition("/")[0]

    def runnable(self) -> bool:
        """Whether the release that `current` names is whole, or there is none yet."""
        contents = self.contents()
        if contents.current is None:
            return True
        manifest = self.files.get(f"/release/{contents.current}/{MANIFEST}")
        return not whole_release(contents, contents.current, manifest)


def config(device: str, secret: str = "s") -> dict[str, bytes]:
    """The config files of one unit."""
    unit = json.dumps({"device": device, "area": "xh"}, sort_keys=True).encode()
    return {"/config/keys/mqtt": secret.encode(), "/config/network.json": b"{}", "/config/unit.json": unit}


def installation_for(disk: Disk, release: Release, device: str = "r01") -> Installation:
    """The installation on this disk."""
    return make_installation(disk.contents(), release, config(device), {})


def install(disk: Disk, release: Release, device: str = "r01", cut: int | None = None) -> None:
    """All steps, or the first `cut` of them."""
    installation = installation_for(disk, release, device)
    steps = [*installation.steps, *installation.afterwards]
    for step in steps[:cut]:
        disk.do(step)
    if cut is not None and cut < len(steps) and steps[cut].action in (Action.WRITE, Action.COPY):
        disk.files[steps[cut].path + ".tmp"] = steps[cut].data[:5]  # the file that was under way


def test_a_blank_board_gets_everything() -> None:
    """On an empty board every file is written and `current` comes last."""
    disk = Disk()
    installation = installation_for(disk, RELEASES[0])
    assert installation.steps[-1].path == "/current"
    assert installation.count(Action.KEEP) == installation.count(Action.REMOVE) == 0
    install(disk, RELEASES[0])
    assert disk.runnable()
    assert disk.contents().current == RELEASES[0].name


def test_nothing_is_written_twice() -> None:
    """A second run with the same release and settings writes nothing."""
    disk = Disk()
    install(disk, RELEASES[0])
    installation = installation_for(disk, RELEASES[0])
    assert installation.bytes_to_write == 0
    assert {step.action for step in installation.steps} == {Action.KEEP}


def test_a_secret_that_is_no_longer_used_goes_last_and_one_that_is_held_stays() -> None:
    """A board that shows a certificate from now on has no password; its key is not written again."""
    disk = Disk()
    install(disk, RELEASES[0])
    disk.files |= {"/config/keys/device.key": b"key", "/config/keys/wifi": b"of another network"}
    held = ("/config/keys/device.key",)
    installation = make_installation(disk.contents(), RELEASES[0], config("r01"), {}, held)
    assert [step.path for step in installation.steps if step.action is Action.REMOVE] == ["/config/keys/wifi"]
    assert installation.steps[-1].path == "/config/keys/wifi"


def test_the_former_release_stays_and_older_ones_go() -> None:
    """After three releases the last two are on the board."""
    disk = Disk()
    for release in RELEASES:
        install(disk, release)
    assert disk.contents().former == RELEASES[1].name
    assert {path.split("/")[2] for path in disk.folders if path.startswith("/release/")} == {
        RELEASES[1].name,
        RELEASES[2].name,
    }


def test_an_upgrade_sends_what_changed() -> None:
    """A file that the former release has is copied on the board; only the other and the manifest are sent."""
    disk = Disk()
    install(disk, RELEASES[0])
    steps = installation_for(disk, RELEASES[1]).steps
    copied = {step.path: step.source for step in steps if step.action is Action.COPY}
    assert copied == {f"{RELEASES[1].folder}/firmware/wire.mpy": f"{RELEASES[0].folder}/firmware/wire.mpy"}
    sent = {step.path for step in steps if step.action is Action.WRITE}
    assert sent == {
        f"{RELEASES[1].folder}/firmware/binroom/unit.mpy",
        f"{RELEASES[1].folder}/manifest.json",
        "/former",
        "/current",
    }


def test_one_changed_setting_is_one_write() -> None:
    """A new password alone changes its own file and nothing else."""
    disk = Disk()
    install(disk, RELEASES[0])
    installation = make_installation(disk.contents(), RELEASES[0], config("r01", "other"), {})
    written = [step.path for step in installation.steps if step.action is Action.WRITE]
    assert written == ["/config/keys/mqtt"]
    assert [step.secret for step in installation.steps if step.action is Action.WRITE] == [True]


def test_a_board_that_was_another_unit_forgets_its_state_before_it_changes_its_name() -> None:
    """The records of r01 are never sent as r02's: they go before the identity is written."""
    disk = Disk()
    install(disk, RELEASES[0], "r01")
    disk.folders.add("/state")
    disk.files["/state/calibration.json"] = b"{}"
    steps = installation_for(disk, RELEASES[0], "r02").steps
    order = [step.path for step in steps if step.action in (Action.REMOVE, Action.WRITE)]
    assert order.index("/state/calibration.json") < order.index("/config/unit.json")
    assert not any(
        step.path.startswith("/state/") and step.action is Action.REMOVE
        for step in installation_for(disk, RELEASES[0], "r01").steps
    )


def test_the_reasons_of_the_boot_loader_are_cleared_with_the_switch() -> None:
    """Counted crashes and a hold of the former release do not stop the new one."""
    disk = Disk()
    install(disk, RELEASES[0])
    disk.folders.add("/state")
    disk.files["/state/crashes.json"] = b'{"count": 3}'
    disk.files["/state/hold"] = b""
    install(disk, RELEASES[1])
    assert not {"/state/crashes.json", "/state/hold"} & set(disk.files)


def test_strange_files_in_the_release_folder_go() -> None:
    """A module that does not belong to the release cannot shadow one that does."""
    disk = Disk()
    install(disk, RELEASES[0])
    disk.files[f"{RELEASES[0].folder}/firmware/wire.py"] = b"old"
    install(disk, RELEASES[0])
    assert f"{RELEASES[0].folder}/firmware/wire.py" not in disk.files


def test_a_full_flash_is_refused_before_anything_is_written() -> None:
    """Where the release cannot fit the refusal says how much is needed and how much is free."""
    with pytest.raises(FlashError) as caught:
        installation_for(Disk(blocks=12), RELEASES[0])
    assert caught.value.problem == "flash_full"
    assert int(str(caught.value.facts["needed"])) > int(str(caught.value.facts["free"]))


def test_the_former_release_makes_room_when_there_is_no_other() -> None:
    """On a small flash the release before the running one goes first, and the running one stays."""
    disk = Disk()
    install(disk, RELEASES[0])
    install(disk, RELEASES[1])
    used = disk.blocks - disk.contents().free_blocks
    disk.blocks = used + 12
    install(disk, RELEASES[2])
    assert disk.runnable()
    assert disk.contents().former == RELEASES[1].name
    assert not any(path.startswith(RELEASES[0].folder) for path in disk.files)


orders = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["r01", "r02"]), st.integers(0, 40)), min_size=1, max_size=6
)


@settings(max_examples=200, deadline=None)
@given(orders)
def test_cut_anywhere_the_board_runs_and_the_next_run_ends_well(orders: list[tuple[int, str, int]]) -> None:
    """After any row of interrupted installations the named release is whole, and one full run puts all right."""
    disk = Disk()
    for number, device, cut in orders:
        install(disk, RELEASES[number], device, cut)
        assert disk.runnable()
    number, device, _ = orders[-1]
    install(disk, RELEASES[number], device)
    assert disk.runnable()
    contents = disk.contents()
    assert (contents.current, contents.device) == (RELEASES[number].name, device)
    assert installation_for(disk, RELEASES[number], device).bytes_to_write == 0
    assert contents.former != contents.current


def test_every_step_of_every_upgrade_may_be_the_last() -> None:
    """Each of the steps from each release to each other, exhaustively."""
    for old in RELEASES:
        for new in RELEASES:
            length = 0
            cut = 0
            while cut <= length:
                disk = Disk()
                install(disk, old)
                installation = installation_for(disk, new, "r02")
                length = len(installation.steps) + len(installation.afterwards)
                install(disk, new, "r02", cut)
                assert disk.runnable()
                install(disk, new, "r02")
                assert disk.contents().current == new.name
                cut += 1
