"""SQLite's own calls to the disk, counted, recorded and failed on purpose: a VFS made with ctypes in this process.

The methods that change a file (write, sync, truncate, delete) go to a Python object first, and so does read where the
object has one; all others are SQLite's own.
It needs no compiler: the library that `sqlite3` was linked with is asked for the symbols.
"""

import _sqlite3
import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int, c_longlong, c_void_p
from pathlib import Path
from typing import Protocol

OK, FULL, IOERR, IOERR_READ, IOERR_WRITE, IOERR_FSYNC = 0, 13, 10, 266, 778, 1034

_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_DELETE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
_READ = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_longlong)
_WRITE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_longlong)
_SYNC = CFUNCTYPE(c_int, c_void_p, c_int)
_TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_longlong)


class _Vfs(Structure):
    pass


_Vfs._fields_ = [  # as ctypes wants it
    ("version", c_int), ("file_bytes", c_int), ("path_bytes", c_int), ("next", c_void_p), ("name", c_char_p),
    ("data", c_void_p), ("open", c_void_p), ("delete", c_void_p), *((f"call{n}", c_void_p) for n in range(14)),
]  # fmt: skip


class _Methods(Structure):
    _fields_ = [
        ("version", c_int), ("close", c_void_p), ("read", c_void_p), ("write", c_void_p), ("truncate", c_void_p),
        ("sync", c_void_p), *((f"call{n}", c_void_p) for n in range(13)),
    ]  # fmt: skip


class Watcher(Protocol):
    """Is told of each change before it is made; a code other than OK fails the call."""

    def write(self, path: Path, offset: int, data: bytes) -> int:
        """Bytes are about to be written."""
        ...

    def sync(self, path: Path) -> int:
        """What was written is about to be synced."""
        ...

    def truncate(self, path: Path, size: int) -> int:
        """A file is about to be cut."""
        ...

    def delete(self, path: Path) -> int:
        """A file is about to be removed."""
        ...


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Have all SQLite files that this process opens meanwhile watched."""
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = POINTER(_Vfs)
    original = library.sqlite3_vfs_find(None)
    ours = _Vfs.from_buffer_copy(original.contents)
    files: dict[int, tuple[Path, _Methods]] = {}
    made: list[_Methods] = []  # SQLite holds on to them
    was_open, was_delete = _OPEN(original.contents.open), _DELETE(original.contents.delete)

    def path_of(name: int) -> Path:
        return Path(ctypes.string_at(name).decode())

    @_WRITE
    def write(file: int, data: int, size: int, offset: int) -> int:
        path, methods = files[file]
        code = watcher.write(path, offset, ctypes.string_at(data, size))
        if code != OK:
            _WRITE(methods.write)(file, data, size // 2, offset)  # the half of it was written
        return code or _WRITE(methods.write)(file, data, size, offset)

    @_READ
    def read(file: int, data: int, size: int, offset: int) -> int:
        path, methods = files[file]
        code: int = watcher.read(path, offset)  # type: ignore[attr-defined]  # only where it has one
        return code or _READ(methods.read)(file, data, size, offset)

    @_SYNC
    def sync(file: int, flags: int) -> int:
        path, _ = files[file]  # the disk itself is not waited for
        return watcher.sync(path)

    @_TRUNCATE
    def truncate(file: int, size: int) -> int:
        path, methods = files[file]
        return watcher.truncate(path, size) or _TRUNCATE(methods.truncate)(file, size)

    @_OPEN
    def opened(_vfs: int, name: int, file: int, flags: int, out: int) -> int:
        code = was_open(ctypes.addressof(original.contents), name, file, flags, out)
        pointer = c_void_p.from_address(file)
        if code == OK and name and pointer.value:
            methods = _Methods.from_address(pointer.value)
            copy = _Methods.from_buffer_copy(methods)
            ours_too = (ctypes.cast(call, c_void_p).value for call in (write, sync, truncate))
            copy.write, copy.sync, copy.truncate = ours_too
            if hasattr(watcher, "read"):
                copy.read = ctypes.cast(read, c_void_p).value
            made.append(copy)
            files[file] = (path_of(name), methods)
            pointer.value = ctypes.addressof(copy)
        return code

    @_DELETE
    def delete(_vfs: int, name: int, synced: int) -> int:
        return watcher.delete(path_of(name)) or was_delete(ctypes.addressof(original.contents), name, synced)

    ours.name, ours.open, ours.delete = b"watched", *(ctypes.cast(call, c_void_p).value for call in (opened, delete))
    library.sqlite3_vfs_register(byref(ours), 1)
    try:
        yield
    finally:
        library.sqlite3_vfs_unregister(byref(ours))
