"""A PMTiles file (version 3) of one vector tile, written byte by byte: one street across a park."""

import struct
from itertools import pairwise
from pathlib import Path

EXTENT = 4096


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def _field(number: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return _varint(number << 3) + _varint(content)
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _layer(name: str, kind: str, shape: int, points: list[tuple[int, int]]) -> bytes:
    """A layer of a vector tile with one feature: shape 2 is a line, 3 a polygon."""
    steps: list[int] = []
    for (x, y), (to_x, to_y) in pairwise([(0, 0), *points]):
        steps += [2 * way if way >= 0 else -2 * way - 1 for way in (to_x - x, to_y - y)]
    commands = [1 | 1 << 3, *steps[:2], 2 | (len(points) - 1) << 3, *steps[2:]] + ([15] if shape == 3 else [])
    geometry = b"".join(map(_varint, commands))
    feature = _field(2, bytes([0, 0])) + _field(3, shape) + _field(4, geometry)
    value = _field(1, kind.encode())
    return _field(1, name.encode()) + _field(2, feature) + _field(3, b"kind") + _field(4, value) + _field(5, EXTENT) + (
        _field(15, 2)
    )


def _tile_id(zoom: int, x: int, y: int) -> int:
    """Where a tile is on the Hilbert curve that goes through all zooms."""
    found: int = (4**zoom - 1) // 3
    side = 1 << zoom - 1
    while side:
        right, lower = int(x & side > 0), int(y & side > 0)
        found += side * side * ((3 * right) ^ lower)
        if not lower:
            if right:
                x, y = side - 1 - x & side - 1, side - 1 - y & side - 1
            x, y = y, x
        x, y, side = x & side - 1, y & side - 1, side >> 1
    return found


def write_street_map(path: Path, zoom: int, x: int, y: int) -> None:
    """One tile, all of it a park with a street from west to east through its middle."""
    park = [(0, 0), (EXTENT, 0), (EXTENT, EXTENT), (0, EXTENT)]
    tile = _field(3, _layer("earth", "earth", 3, park)) + _field(3, _layer("water", "water", 3, park))
    tile += _field(3, _layer("roads", "highway", 2, [(0, EXTENT // 2), (EXTENT, EXTENT // 2)]))
    root = b"".join(map(_varint, (1, _tile_id(zoom, x, y), 1, len(tile), 1)))
    meta, begin = b"{}", 127
    places = (begin, len(root), begin + len(root), len(meta), 0, 0, begin + len(root) + len(meta), len(tile), 1, 1, 1)
    kinds = bytes([1, 1, 1, 1, zoom, zoom])  # clustered, nothing compressed, vector tiles
    box = struct.pack("<4iB2i", -1800000000, -850000000, 1800000000, 850000000, zoom, 0, 0)
    path.write_bytes(b"PMTiles\x03" + struct.pack("<11Q", *places) + kinds + box + root + meta + tile)
