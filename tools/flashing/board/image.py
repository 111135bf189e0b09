"""The interpreter image: checked against its published sha256, recognised by its header, written by esptool or copied.

Never downloaded: the technician brings the file, and its checksum beside it (`FILE.sha256`) or by --image-sha256.
esptool is run as a program of its own.
"""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.flashing.board.ports import holder_of, is_virtual
from tools.flashing.board.release.release import sha256
from tools.flashing.errors import FlashError

ESP_MAGIC = 0xE9
ESP_CHIP_IDS = {0: "esp32", 2: "esp32s2", 5: "esp32c3", 9: "esp32s3", 12: "esp32c2", 13: "esp32c6", 16: "esp32h2"}
# Where the boot ROM looks for the second-stage loader with which a MicroPython image begins.
ESP_OFFSETS = {"esp32": 0x1000, "esp32s2": 0x1000}
UF2_MAGIC = b"UF2\n"
UF2_FAMILIES = {0xE48BFF56: "rp2040", 0xE48BFF59: "rp2350", 0xE48BFF5A: "rp2350", 0xE48BFF5B: "rp2350"}
UF2_INFO = "INFO_UF2.TXT"
LARGEST_BYTES = 32 << 20
WRITE_S = 600.0
SILENCE_S = 45.0  # a ROM erases 4 MB before it answers
DRIVE_S = 60.0


@dataclass(frozen=True)
class Image:
    """A checked image; `chip` is what it was made for."""

    file: Path
    digest: str
    chip: str
    is_uf2: bool


def check_image(file: Path, wanted: str | None) -> Image:
    """The image in `file`, if its sha256 is `wanted` or that of the file beside it; raises FlashError."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise FlashError("image_unusable", file=file, what=error.strerror or str(error), chip="this board") from error
    digest = sha256(data)
    expected = wanted or _beside(file)
    if expected is None:
        raise FlashError("usage", what=f"the image needs its sha256: --image-sha256, or {file}.sha256 beside it")
    if digest != expected.lower():
        raise FlashError("image_hash", file=file, found=digest, wanted=expected.lower())
    if len(data) > LARGEST_BYTES:
        raise FlashError("image_unusable", file=file, what="it is larger than any board's flash", chip="this board")
    if data[:4] == UF2_MAGIC and len(data) >= 512:
        (family,) = struct.unpack_from("<I", data, 28)
        if family in UF2_FAMILIES:
            return Image(file, digest, UF2_FAMILIES[family], True)
        raise FlashError("image_unusable", file=file, what=f"its UF2 family is {family:#x}", chip="an RP2040 or RP2350")
    if len(data) > 24 and data[0] == ESP_MAGIC:
        (number,) = struct.unpack_from("<H", data, 12)
        if number in ESP_CHIP_IDS:
            return Image(file, digest, ESP_CHIP_IDS[number], False)
        raise FlashError("image_unusable", file=file, what=f"its chip number is {number}", chip="an ESP32")
    raise FlashError("image_unusable", file=file, what="it is neither an ESP nor a UF2 image", chip="this board")


def _beside(file: Path) -> str | None:
    try:
        words = file.with_name(file.name + ".sha256").read_text().split()
    except OSError:
        return None
    return words[0] if words and re.fullmatch(r"[0-9a-fA-F]{64}", words[0]) else None


def write_esp(
    image: Image,
    port: str,
    *,
    boot_held: bool = False,
    progress: Callable[[int], None] = lambda _: None,
    esptool: tuple[str, ...] = (sys.executable, "-m", "esptool"),
    silence_s: float = SILENCE_S,
) -> None:
    """Writes the image with esptool, which reads it back; `progress` gets per cent. Raises FlashError."""
    plain = boot_held or is_virtual(port)
    options = ["--before", "no-reset", "--after", "no-reset"] if plain else ["--after", "hard-reset"]
    if is_virtual(port):
        options.append("--no-stub")
    offset = ESP_OFFSETS.get(image.chip, 0)
    command = [*esptool, "--chip", image.chip, "--port", port, *options]
    command += ["--connect-attempts", "3", "write-flash", hex(offset), str(image.file)]
    code, output = _run(command, progress, silence_s, port)
    if code:
        raise _reason(output, port, image)
    if "Hash of data verified" not in output:
        raise FlashError("image_failed", port=port, what="esptool did not confirm what it wrote")


def _run(command: list[str], progress: Callable[[int], None], silence_s: float, port: str) -> tuple[int, str]:
    """Runs esptool and follows its progress; ends it when it is silent for too long."""
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise FlashError("image_failed", port=port, what=f"esptool does not run: {error}") from error
    assert process.stdout is not None
    last = [time.monotonic()]
    ended = threading.Event()

    def watch() -> None:
        began = time.monotonic()
        while not ended.wait(0.2):
            if time.monotonic() - last[0] > silence_s or time.monotonic() - began > WRITE_S:
                process.kill()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    output = b""
    try:
        while chunk := os.read(process.stdout.fileno(), 1024):
            last[0] = time.monotonic()
            output += chunk
            shown = re.findall(rb"(\d{1,3})\.\d%", chunk)
            if shown:
                progress(min(100, int(shown[-1])))
        return process.wait(timeout=10), output.decode(errors="replace")
    finally:
        ended.set()
        if process.poll() is None:
            process.kill()
        process.stdout.close()
        process.wait(timeout=10)


def _reason(output: str, port: str, image: Image) -> FlashError:
    wrong = re.search(r"This chip is ([^,]+), not", output)
    if wrong:
        return FlashError("wrong_chip", port=port, found=f"an {wrong[1]}", wanted=image.chip)
    if "busy" in output or "exclusively lock" in output:
        return FlashError("busy", port=port, holder=holder_of(port))
    if not Path(port).exists():
        return FlashError("cable_pulled", port=port, doing="writing the interpreter")
    if "Failed to connect" in output:
        return FlashError("no_auto_reset", port=port)
    lines = [line.strip() for line in output.splitlines() if "rror" in line or "does not match" in line]
    return FlashError("image_failed", port=port, what=lines[-1][:160] if lines else "esptool stopped without a reason")


def find_drive(media: Path) -> Path | None:
    """The drive of a board whose BOOTSEL is held, somewhere below `media`; None if there is none."""
    for depth in ("", "*/", "*/*/"):
        for info in sorted(media.glob(f"{depth}{UF2_INFO}")):
            return info.parent
    return None


def write_uf2(
    image: Image,
    drive: Path,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    wait_s: float = DRIVE_S,
) -> None:
    """Copies the image to the drive and waits until the board has taken it and the drive is gone; raises FlashError."""
    port = str(drive)
    try:
        info = (drive / UF2_INFO).read_text(errors="replace")
    except OSError as error:
        raise FlashError("image_failed", port=port, what="this is not the drive of a board in BOOTSEL") from error
    found = "rp2350" if "RP2350" in info else "rp2040"
    if found != image.chip:
        raise FlashError("wrong_chip", port=port, found=f"an {found}", wanted=image.chip)
    data = image.file.read_bytes()
    try:
        with (drive / image.file.name).open("wb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
    except OSError as error:
        # The board may restart before the last fsync returns: gone drive, taken image.
        if drive.exists():
            raise FlashError("image_failed", port=port, what=error.strerror or str(error)) from error
    until = monotonic() + wait_s
    while drive.exists() and (drive / UF2_INFO).exists():
        if monotonic() >= until:
            raise FlashError("image_failed", port=port, what="the board does not take the file")
        sleep(0.1)
