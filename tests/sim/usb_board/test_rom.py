"""The fake ESP32 ROM under the real esptool, and the fake RP2040 drive."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.usb_board.board import VirtualBoard
from sim.usb_board.rom import ESP32S2_MAGIC, RomLoader
from sim.usb_board.uf2_drive import RP2350_ARM_S, Uf2Drive, make_uf2
from tests.support.flashing import Workshop, esp_image


@pytest.fixture
def blank(tmp_path: Path) -> Iterator[VirtualBoard]:
    """A new ESP32 without an interpreter, plugged in."""
    workshop = Workshop(tmp_path)
    with workshop.board(rom=RomLoader()) as board:
        yield board
    workshop.close()


def esptool(board: VirtualBoard, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The real esptool without its stub."""
    command = [
        sys.executable,
        "-m",
        "esptool",
        "--port",
        str(board.port),
        "--before",
        "no-reset",
        "--after",
        "no-reset",
    ]
    command += ["--no-stub", "--connect-attempts", "1", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.real
def test_esptool_finds_the_chip(blank: VirtualBoard) -> None:
    """esptool detects an ESP32 with its MAC address and flash size."""
    shown = esptool(blank, "flash-id").stdout
    assert "ESP32" in shown
    assert "24:0a:c4:01:02:03" in shown
    assert "4MB" in shown


@pytest.mark.real
def test_esptool_writes_and_reads_back(blank: VirtualBoard, tmp_path: Path) -> None:
    """An image is in the flash byte for byte, and after a reset the prompt of the interpreter answers."""
    image = tmp_path / "image.bin"
    image.write_bytes(esp_image())
    done = esptool(blank, "write-flash", "0x1000", str(image))
    assert "Hash of data verified" in done.stdout
    assert blank.rom is not None
    assert bytes(blank.rom.flash[0x1000 : 0x1000 + 30000]) == image.read_bytes()
    blank.reset()
    command = [sys.executable, "-m", "mpremote", "connect", str(blank.port), "exec", "print(1)"]
    assert subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip() == "1"


@pytest.mark.real
@pytest.mark.parametrize(
    ("fault", "value", "complaint"),
    [("magic", ESP32S2_MAGIC, "ESP32-S2"), ("bad_md5", True, "MD5"), ("deaf", True, "Failed to connect")],
)
def test_esptool_sees_each_fault(
    blank: VirtualBoard, tmp_path: Path, fault: str, value: object, complaint: str
) -> None:
    """Another chip, a flash that reads back wrong and a silent chip each end esptool with its own words."""
    image = tmp_path / "image.bin"
    image.write_bytes(esp_image(4096))
    assert blank.rom is not None
    setattr(blank.rom.faults, fault, value)
    done = esptool(blank, "--chip", "esp32", "write-flash", "0x1000", str(image))
    assert done.returncode != 0
    assert complaint in done.stdout + done.stderr


@pytest.mark.real
def test_a_held_boot_button_leads_back_into_the_rom(blank: VirtualBoard) -> None:
    """With an image in the flash the ROM still answers when BOOT is held during a reset."""
    assert blank.rom is not None
    blank.rom.flash[0x1000] = 0xE9
    assert not blank.in_rom()
    blank.boot_held = True
    blank.reset()
    assert "ESP32" in esptool(blank, "flash-id").stdout


def test_the_drive_takes_a_whole_file_of_its_family_and_goes(tmp_path: Path) -> None:
    """A UF2 file for the RP2040 is programmed at its addresses and the drive disappears."""
    drive = Uf2Drive(tmp_path / "drive")
    (drive.folder / "firmware.uf2").write_bytes(make_uf2(b"\x11" * 256 + b"\x22" * 256))
    assert drive.poll()
    assert not drive.folder.exists()
    assert drive.memory == {0x10000000: b"\x11" * 256, 0x10000100: b"\x22" * 256}


def test_the_drive_ignores_half_files_and_other_families(tmp_path: Path) -> None:
    """Half a file, and one for an RP2350, leave the drive where it is."""
    drive = Uf2Drive(tmp_path / "drive")
    whole = make_uf2(b"\x11" * 1024)
    (drive.folder / "half.uf2").write_bytes(whole[:1024])
    assert not drive.poll()
    (drive.folder / "half.uf2").unlink()
    (drive.folder / "other.uf2").write_bytes(make_uf2(b"\x11" * 1024, RP2350_ARM_S))
    assert not drive.poll()
    assert drive.folder.exists()
