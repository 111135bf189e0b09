"""Registers that an earlier version wrote are opened: both files, their logs and what was kept."""

import shutil
from pathlib import Path

import pytest

from broker.__main__ import main
from broker.people.access_log import open_access_log
from broker.registers.folder import Registers
from broker.registers.kept.canonical import canonical_bytes
from tests.support.registers import open_registers

FIXTURE = Path(__file__).parents[1] / "fixtures" / "registers-0.2.0"
LATER = ("first_responsible", "liaison_cadre", "tallies")  # of an area or a body; 0.2.0 did not know them
NAMED, RENAMED = "香樟居民区党总支", "香樟居民区党总支（更名）"


@pytest.fixture
def registers(tmp_path: Path) -> Registers:
    """The registers of 0.2.0 in a folder of their own."""
    return open_registers(shutil.copytree(FIXTURE, tmp_path / "registers"))


def test_the_registers_of_0_2_0_open_as_they_were_left(registers: Registers) -> None:
    """Their newest versions, edited by nobody outside, with who changed what and why."""
    elections, safety = registers.elections.read(), registers.safety.read()
    assert (elections.version, elections.outside) == (safety.version, safety.outside) == (2, None)
    assert elections.document["bodies"][0]["name"] == RENAMED
    assert safety.document["programmes"][0]["target_count"] == 5 and len(safety.document["sites"]) == 6
    for register, why in ((registers.elections, "spelling"), (registers.safety, "one less promised")):
        assert [(entry.who, entry.why) for entry in register.log()] == [("李伟", "first entry"), ("王芳", why)]


def test_an_earlier_version_of_0_2_0_is_restored_and_changed_on(registers: Registers) -> None:
    """What was kept can be read, put back as a new version, and that is checked and kept as any other."""
    before = registers.elections.read()
    assert registers.elections.version(1)["bodies"][0]["name"] == NAMED
    restored = registers.elections.restore(1, before.etag, "Chen", "the old name was right")
    assert (restored.version, restored.document["bodies"][0]["name"]) == (3, NAMED)
    again = registers.safety.read()
    changed = {**again.document, "programmes": [{**again.document["programmes"][0], "target_count": 6}]}
    assert registers.safety.save(changed, again.etag, "Chen", "as promised").version == 3
    assert [entry.version for entry in registers.safety.log()] == [1, 2, 3]


def test_the_files_of_0_2_0_are_what_its_code_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Byte for byte what this version writes of the same register, but for what came later and is not stated there."""
    folder = shutil.copytree(FIXTURE, tmp_path / "registers")
    for name in ("elections", "safety"):
        assert main([name, "check", "--folder", str(folder)]) == 0, capsys.readouterr()
    registers = open_registers(tmp_path / "fresh")
    for register, name in ((registers.elections, "elections"), (registers.safety, "safety")):
        document = open_registers(folder).named(name).read().document
        written = register.create(document, "Chen", "again").document
        for one in (*written.get("areas", []), *written.get("bodies", [])):
            later = {field: one.pop(field) for field in LATER if field in one}
            assert not any(later.values())
        assert canonical_bytes(written) == (FIXTURE / f"{name}.json").read_bytes()


def test_who_looked_at_members_under_0_2_0_is_still_told(tmp_path: Path) -> None:
    """The access log goes on behind its lines."""
    folder = shutil.copytree(FIXTURE, tmp_path / "registers")
    (file,) = (folder / "access").iterdir()
    before = file.read_text(encoding="utf-8")
    open_access_log(folder, now=lambda: 1_795_340_000).note("Chen", "registrar", "list", "members")
    after = file.read_text(encoding="utf-8").splitlines()
    assert "李伟" in before and after[: len(before.splitlines())] == before.splitlines() and len(after) == 2
