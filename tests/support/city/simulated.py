"""`python3 -m sim city` as a person starts it, in a folder by which all its processes are known."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.processes import processes_in

REPO = Path(__file__).resolve().parents[3]


@contextmanager
def started(*options: str) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """The command, running; whatever is left of it afterwards is ended by its id, and the test has failed by then."""
    folder = Path(tempfile.mkdtemp(prefix="zp-city-"))
    folder.chmod(0o711)  # PostgreSQL runs as another user
    process = subprocess.Popen(
        [sys.executable, "-m", "sim", "city", "--live", *options], cwd=REPO, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
    )  # fmt: skip
    try:
        yield process, folder
    finally:
        process.kill()
        process.wait()
        for pid in processes_in(folder):
            os.kill(pid, 9)
        shutil.rmtree(folder, ignore_errors=True)
