"""SQLite's own calls to the disk, counted, recorded and failed on purpose: a VFS made with ctypes in this process.

The methods that change a file (write, sync, truncate, delete) and read ask a disk first (see disk.py); all others are
SQLite's own. It needs no compiler: the library that `sqlite3` was linked with is asked for the symbols.
"""

import _sqlite3
import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int, c_longlong, c_void_p
from pathlib import Path
from typing import Any

OK, FULL, IOERR, IOERR_READ, IOERR_WRITE, IOERR_FSYNC = 0, 13, 10, 266, 778, 1034

_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_DELETE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
_MOVE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_longlong)  # read and write
_SYNC = CFUNCTYPE(c_int, c_void_p, c_int)
_TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_longlong)


class _Vfs(Structure):
    _fields_ = [
        ("version", c_int), ("file_bytes", c_int), ("path_bytes", c_int), ("next", c_void_p), ("name", c_char_p),
        ("data", c_void_p), ("open", c_void_p), ("delete", c_void_p), *((f"call{n}", c_void_p) for n in range(14)),
    ]  # fmt: skip


class _Methods(Structure):
    _fields_ = [
        ("version", c_int), ("close", c_void_p), ("read", c_void_p), ("write", c_void_p), ("truncate", c_void_p),
        ("sync", c_void_p), *((f"call{n}", c_void_p) for n in range(13)),
    ]  # fmt: skip


@contextmanager
def watched(disk: Any) -> Iterator[None]:
    """Have all SQLite files that this process opens meanwhile on a disk; a code other than OK fails the call."""
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = POINTER(_Vfs)
    original = library.sqlite3_vfs_find(None)
    ours = _Vfs.from_buffer_copy(original.contents)
    files: dict[int, tuple[Path, _Methods]] = {}
    made: list[_Methods] = []  # SQLite holds on to them
    was_open, was_delete = _OPEN(original.contents.open), _DELETE(original.contents.delete)

    def path_of(name: int) -> Path:
        return Path(ctypes.string_at(name).decode())

    @_MOVE
    def write(file: int, data: int, size: int, offset: int) -> int:
        path, methods = files[file]
        code: int = disk.write(path, offset, ctypes.string_at(data, size))
        done: int = _MOVE(methods.write)(file, data, size if code == OK else size // 2, offset)  # or the half of it
        return code or done

    @_MOVE
    def read(file: int, data: int, size: int, offset: int) -> int:
        path, methods = files[file]
        return disk.read(path, offset) or _MOVE(methods.read)(file, data, size, offset)

    @_SYNC
    def sync(file: int, flags: int) -> int:
        code: int = disk.sync(files[file][0])  # the disk itself is not waited for
        return code

    @_TRUNCATE
    def truncate(file: int, size: int) -> int:
        path, methods = files[file]
        return disk.truncate(path, size) or _TRUNCATE(methods.truncate)(file, size)

    @_OPEN
    def opened(_vfs: int, name: int, file: int, flags: int, out: int) -> int:
        code = was_open(ctypes.addressof(original.contents), name, file, flags, out)
        pointer = c_void_p.from_address(file)
        if code == OK and name and pointer.value:
            methods = _Methods.from_address(pointer.value)
            made.append(_Methods.from_buffer_copy(methods))
            for call, how in (("read", read), ("write", write), ("sync", sync), ("truncate", truncate)):
                setattr(made[-1], call, ctypes.cast(how, c_void_p).value)
            files[file] = (path_of(name), methods)
            pointer.value = ctypes.addressof(made[-1])
        return code

    @_DELETE
    def delete(_vfs: int, name: int, synced: int) -> int:
        return disk.delete(path_of(name)) or was_delete(ctypes.addressof(original.contents), name, synced)

    ours.name, ours.open, ours.delete = b"watched", *(ctypes.cast(call, c_void_p).value for call in (opened, delete))
    library.sqlite3_vfs_register(byref(ours), 1)
    try:
        yield
    finally:
        library.sqlite3_vfs_unregister(byref(ours))
