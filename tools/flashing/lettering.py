"""A black and white picture with letters, as PNG: for a label that is printed as it is, on a desk without fonts."""

from __future__ import annotations

import struct
import zlib

ROWS, COLUMNS = 8, 5
# Eight rows of five dots, two hexadecimal digits each; the leftmost dot is worth 16, the last row is for descenders.
_LETTERS = """
A0e11111f11111100 B1e11111e11111e00 C0e11101010110e00 D1e11111111111e00 E1f10101e10101f00 F1f10101e10101000
G0e11101311110f00 H1111111f11111100 I0e04040404040e00 J0702020202120c00 K1112141814121100 L1010101010101f00
M111b151511111100 N1119151311111100 O0e11111111110e00 P1e11111e10101000 Q0e11111115120d00 R1e11111e14121100
S0f10100e01011e00 T1f04040404040400 U1111111111110e00 V11111111110a0400 W11111115151b1100 X11110a040a111100
Y11110a0404040400 Z1f01020408101f00
a00000e010f110f00 b10101e1111111e00 c00000f1010100f00 d01010f1111110f00 e00000e111f100f00 f06081e0808080800
g00000f11110f010e h10101e1111111100 i04000c0404040e00 j020006020202120c k1010121418141200 l0c04040404040e00
m00001a1515151500 n00001e1111111100 o00000e1111110e00 p00001e11111e1010 q00000f11110f0101 r0000161810101000
s00000f100e011e00 t08081e0808080600 u0000111111110f00 v00001111110a0400 w0000151515150a00 x0000110a040a1100
y00001111110f010e z00001f0204081f00
00e11131519110e00 1040c040404040e00 20e11010204081f00 31f02040201110e00 402060a121f020200 51f101e0101110e00
60608101e11110e00 71f01020404040400 80e11110e11110e00 90e11110f01020c00
.00000000000c0c00 -0000000e00000000 _0000000000001f00 :000c0c000c0c0000 /0101020408101000 @0e11171517100e00
·0000000400000000 +0004041f04040000
"""
DOTS = {entry[0]: bytes.fromhex(entry[1:]) for entry in _LETTERS.split()} | {" ": bytes(ROWS)}
UNKNOWN = bytes.fromhex("1f11111111111f00")  # a box for a character that is not drawn here


class Picture:
    """White, then black where something was put; measured in dots."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._rows = [bytearray(width) for _ in range(height)]

    def square(self, x: int, y: int, side: int) -> None:
        """A black square; what lies outside is cut off."""
        for row in self._rows[y : y + side]:
            row[x : x + side] = b"\x01" * len(row[x : x + side])

    def write(self, text: str, x: int, y: int, dot: int) -> None:
        """A line of text, each of its dots so large."""
        for number, letter in enumerate(text):
            for row, bits in enumerate(DOTS.get(letter, UNKNOWN)):
                for column in range(COLUMNS):
                    if bits >> (COLUMNS - 1 - column) & 1:
                        self.square(x + (number * (COLUMNS + 1) + column) * dot, y + row * dot, dot)

    def png(self) -> bytes:
        """The file."""
        packed = b"".join(b"\x00" + _bits(row) for row in self._rows)
        header = struct.pack(">IIBBBBB", self.width, self.height, 1, 0, 0, 0, 0)
        chunks = (b"IHDR", header), (b"IDAT", zlib.compress(packed, 9)), (b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def width_of(text: str, dot: int) -> int:
    """How wide a line of text is."""
    return len(text) * (COLUMNS + 1) * dot


def _bits(row: bytearray) -> bytes:
    white = [1 - value for value in row] + [1] * (-len(row) % 8)
    return bytes(sum(bit << (7 - n) for n, bit in enumerate(white[at : at + 8])) for at in range(0, len(white), 8))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
