"""The serial boot loader in an ESP32's ROM, as far as esptool talks to it without its stub. Pure: bytes in, bytes out.

Frames are SLIP: C0 ... C0, with DB DC for C0 and DB DD for DB inside.

    request   00 command(1) size(2) checksum(4) data          answer   01 command(1) size(2) value(4) data status(4)

Faults a tester may ask for: `deaf` (never answers), `silent_after` (falls silent after so many flash blocks),
`bad_md5` (the written image reads back wrong), `magic` of another chip.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass

END, ESCAPE, ESCAPED_END, ESCAPED_ESCAPE = 0xC0, 0xDB, 0xDC, 0xDD
ESP32_MAGIC = 0x00F01D83
ESP32S2_MAGIC = 0x000007C6
_MAGIC_REGISTER = 0x40001000
_SPI_DATA_REGISTER = 0x3FF42080  # W0: what the last command to the flash chip returned
_MAC_LOW, _MAC_HIGH = 0x3FF5A004, 0x3FF5A008
_FLASH_ID_4MB = 0x001640EF
_FAILED = b"\x01\x05\x00\x00"  # "received message is invalid": the answer to a command this ROM lacks
_FINE = b"\x00\x00\x00\x00"


@dataclass
class Faults:
    """What is wrong with this chip; nothing by default."""

    deaf: bool = False
    silent_after: int | None = None
    bad_md5: bool = False
    magic: int = ESP32_MAGIC


class RomLoader:
    """One chip in download mode; `flash` is its whole flash memory."""

    def __init__(self, flash_bytes: int = 4 << 20, mac: bytes = b"\x24\x0a\xc4\x01\x02\x03") -> None:
        self.flash = bytearray(b"\xff" * flash_bytes)
        self.faults = Faults()
        self.blocks = 0
        self.verified = False  # the host has asked for the hash of what it wrote
        self._mac = mac
        self._frame: bytearray | None = None
        self._escaped = False
        self._at = 0
        self._inflate: zlib._Decompress | None = None

    def feed(self, data: bytes) -> bytes:
        """Takes what the host sent and gives what the ROM answers."""
        out = b""
        for byte in data:
            if byte == END:
                if self._frame:
                    out += self._answer(bytes(self._frame))
                self._frame = bytearray()
            elif self._frame is not None:
                self._take(byte)
        return out

    def _take(self, byte: int) -> None:
        assert self._frame is not None
        if self._escaped:
            self._frame.append(END if byte == ESCAPED_END else ESCAPE)
            self._escaped = False
        elif byte == ESCAPE:
            self._escaped = True
        else:
            self._frame.append(byte)

    def _answer(self, frame: bytes) -> bytes:
        silent = self.faults.silent_after is not None and self.blocks >= self.faults.silent_after
        if self.faults.deaf or silent or len(frame) < 8 or frame[0] != 0:
            return b""
        command, body = frame[1], frame[8:]
        method = _COMMANDS.get(command)
        value, data = (0, _FAILED) if method is None else method(self, body)
        framed = _slip(struct.pack("<BBHI", 1, command, len(data), value) + data)
        return framed * 8 if command == _SYNC else framed  # the ROM answers a sync eight times

    def _fine(self, _: bytes) -> tuple[int, bytes]:
        return 0, _FINE

    def _sync(self, _: bytes) -> tuple[int, bytes]:
        return 0x20120707, _FINE

    def _read_register(self, body: bytes) -> tuple[int, bytes]:
        (address,) = struct.unpack_from("<I", body)
        mac = int.from_bytes(self._mac, "big")
        known = {
            _MAGIC_REGISTER: self.faults.magic,
            _SPI_DATA_REGISTER: _FLASH_ID_4MB,
            _MAC_LOW: mac & 0xFFFFFFFF,
            _MAC_HIGH: mac >> 32,
        }
        return known.get(address, 0), _FINE

    def _begin(self, body: bytes) -> tuple[int, bytes]:
        size, _, _, self._at = struct.unpack_from("<IIII", body)
        self._inflate = None
        self.flash[self._at : self._at + size] = b"\xff" * size
        return 0, _FINE

    def _begin_deflated(self, body: bytes) -> tuple[int, bytes]:
        result = self._begin(body)
        self._inflate = zlib.decompressobj()
        return result

    def _block(self, body: bytes) -> tuple[int, bytes]:
        (size,) = struct.unpack_from("<I", body)
        data = body[16 : 16 + size]
        if self._inflate is not None:
            data = self._inflate.decompress(data)
        self.flash[self._at : self._at + len(data)] = data
        self._at += len(data)
        self.blocks += 1
        return 0, _FINE

    def _md5(self, body: bytes) -> tuple[int, bytes]:
        address, size = struct.unpack_from("<II", body)
        if self.faults.bad_md5:
            self.flash[address] ^= 1
        self.verified = True
        digest = hashlib.md5(self.flash[address : address + size], usedforsecurity=False).hexdigest()
        return 0, digest.encode() + _FINE


_SYNC = 0x08
_COMMANDS = {
    0x02: RomLoader._begin,
    0x03: RomLoader._block,
    0x04: RomLoader._fine,  # flash end
    _SYNC: RomLoader._sync,
    0x09: RomLoader._fine,  # write register
    0x0A: RomLoader._read_register,
    0x0B: RomLoader._fine,  # flash chip parameters
    0x0D: RomLoader._fine,  # attach the flash chip
    0x0F: RomLoader._fine,  # baud rate: a pty has none
    0x10: RomLoader._begin_deflated,
    0x11: RomLoader._block,
    0x12: RomLoader._fine,  # deflated flash end
    0x13: RomLoader._md5,
}


def _slip(data: bytes) -> bytes:
    escaped = data.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
    return b"\xc0" + escaped + b"\xc0"
