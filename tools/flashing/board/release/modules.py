"""micropython-lib modules for a release, taken from an index the technician can mirror offline.

The layout is that of `mip`: `package/<mpy version>/<name>/<version>.json` with `hashes`, and `file/<h[:2]>/<h>`. The
index is an http(s) address or a folder. What comes out belongs to the release: it is hashed with it, so that an old
module can never shadow a new one.
"""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from pathlib import Path, PurePosixPath

from tools.flashing.errors import FlashError

FETCH_S = 15.0
LARGEST_BYTES = 262144


def fetch_modules(deps: list[list[str]], index: str, mpy_version: int) -> dict[str, bytes]:
    """The files of all packages named in `deps` ([name, version] pairs) and of what they depend on, by path."""
    files: dict[str, bytes] = {}
    wanted = [(name, version or "latest") for name, version in deps]
    done: set[str] = set()
    while wanted:
        name, version = wanted.pop()
        if name in done:
            continue
        done.add(name)
        described = _description(index, mpy_version, name, version)
        for path, short_hash in described.get("hashes", []):
            files[_safe(path, name, index)] = _file(index, name, str(short_hash))
        wanted += [(str(other), str(its_version or "latest")) for other, its_version in described.get("deps", [])]
    return files


def _description(index: str, mpy_version: int, name: str, version: str) -> dict[str, list[list[str]]]:
    raw = _fetch(index, f"package/{mpy_version}/{name}/{version}.json", name)
    try:
        described = json.loads(raw)
    except ValueError as error:
        raise FlashError("index_failed", package=name, index=index, what="its description is not JSON") from error
    if not isinstance(described, dict):
        raise FlashError("index_failed", package=name, index=index, what="its description is not an object")
    return described


def _file(index: str, name: str, short_hash: str) -> bytes:
    data = _fetch(index, f"file/{short_hash[:2]}/{short_hash}", name)
    if not hashlib.sha256(data).hexdigest().startswith(short_hash) or len(short_hash) < 8:
        raise FlashError("index_failed", package=name, index=index, what=f"file {short_hash} has another content")
    return data


def _safe(path: str, name: str, index: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts:
        raise FlashError("index_failed", package=name, index=index, what=f"its file name {path!r} leaves the release")
    return path


def _fetch(index: str, path: str, name: str) -> bytes:
    try:
        if not index.startswith(("http://", "https://")):
            return (Path(index) / path).read_bytes()
        with urllib.request.urlopen(f"{index.rstrip('/')}/{path}", timeout=FETCH_S) as answer:  # noqa: S310
            data = bytes(answer.read(LARGEST_BYTES + 1))
    except (OSError, urllib.error.URLError, ValueError) as error:
        raise FlashError("index_failed", package=name, index=index, what=str(error)) from error
    if len(data) > LARGEST_BYTES:
        raise FlashError("index_failed", package=name, index=index, what=f"{path} is larger than {LARGEST_BYTES} bytes")
    return data
