"""The drive an RP2040 shows while BOOTSEL is held: a folder that takes a .uf2 file, programs it and goes away.

A UF2 file is a row of 512-byte blocks, each with its own target address and family; the boot ROM programs the blocks
of its family and restarts when it has seen all of them.
"""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

BLOCK_BYTES = 512
MAGIC_FIRST, MAGIC_SECOND, MAGIC_LAST = 0x0A324655, 0x9E5D5157, 0x0AB16F30
FAMILY_PRESENT = 0x00002000
RP2040 = 0xE48BFF56
RP2350_ARM_S = 0xE48BFF59
INFO = "INFO_UF2.TXT"


class Uf2Drive:
    """One board in BOOTSEL; `poll()` does what the boot ROM does meanwhile."""

    def __init__(self, folder: Path, family: int = RP2040, model: str = "Raspberry Pi RP2") -> None:
        self.folder = folder
        self.family = family
        self.memory: dict[int, bytes] = {}
        self.mounted = True
        folder.mkdir(parents=True)
        name = "RPI-RP2" if family == RP2040 else "RP2350"
        (folder / INFO).write_text(f"UF2 Bootloader v3.0\nModel: {model}\nBoard-ID: {name}\n")
        (folder / "INDEX.HTM").write_text("<html></html>\n")

    def poll(self) -> bool:
        """Programs a whole file of this family if one was copied; then the drive is gone. Returns whether it went."""
        if not self.mounted:
            return True
        for file in self.folder.iterdir():  # by content: the boot ROM does not look at names
            data = file.read_bytes()
            blocks = blocks_of(data)
            if blocks and len(blocks) == len(data) // BLOCK_BYTES == total_of(data):
                self.memory = {address: payload for address, family, payload in blocks if family == self.family}
                if self.memory:
                    self.mounted = False
                    shutil.rmtree(self.folder)
                    return True
        return False


def blocks_of(data: bytes) -> list[tuple[int, int, bytes]]:
    """(address, family, payload) of each valid block."""
    found = []
    for start in range(0, len(data) - BLOCK_BYTES + 1, BLOCK_BYTES):
        first, second, flags, address, size, _, _, family = struct.unpack_from("<8I", data, start)
        (last,) = struct.unpack_from("<I", data, start + BLOCK_BYTES - 4)
        if (first, second, last) == (MAGIC_FIRST, MAGIC_SECOND, MAGIC_LAST) and size <= 476:
            payload = data[start + 32 : start + 32 + size]
            found.append((address, family if flags & FAMILY_PRESENT else 0, payload))
    return found


def total_of(data: bytes) -> int:
    """How many blocks the file says it has."""
    return int(struct.unpack_from("<I", data, 24)[0]) if len(data) >= BLOCK_BYTES else 0


def make_uf2(image: bytes, family: int = RP2040, base: int = 0x10000000) -> bytes:
    """A UF2 file of `image`, 256 bytes a block."""
    chunks = [image[start : start + 256] for start in range(0, len(image), 256)]
    out = b""
    for number, chunk in enumerate(chunks):
        head = struct.pack(
            "<8I",
            MAGIC_FIRST,
            MAGIC_SECOND,
            FAMILY_PRESENT,
            base + number * 256,
            len(chunk),
            number,
            len(chunks),
            family,
        )
        out += head + chunk.ljust(476, b"\0") + struct.pack("<I", MAGIC_LAST)
    return out
