"""What a live run stands on while it lasts: a port for its screen, a folder, signals that end it in order."""

import fcntl
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console

from broker.config import WebConfig

RECORDS = "records"  # the record of a run, in its folder
USUAL_PORT = WebConfig().port


class Stopped(KeyboardInterrupt):
    """SIGTERM: end as Ctrl-C does."""


@contextmanager
def screen_port(asked: int | None, console: Console) -> Iterator[int]:
    """The port of the operations screen: as asked, else the usual one, else 0 (any) where another has that.

    The bridge takes it some seconds later: until then a file's lock keeps it from another run of this user.
    """
    if asked is not None:
        yield asked
        return
    with (Path(tempfile.gettempdir()) / f"zhanpai-{os.getuid()}-{USUAL_PORT}.lock").open("a") as claim:
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            socket.create_server(("127.0.0.1", USUAL_PORT)).close()
        except OSError:
            console.print(f"port {USUAL_PORT} is taken by another program; the status page moves", highlight=False)
            yield 0
        else:
            yield USUAL_PORT


@contextmanager
def run_folder(console: Console, *, keeps: bool) -> Iterator[Path]:
    """A folder that is gone afterwards; with `keeps` Ctrl-C or a failure leaves it there and says where."""
    folder = Path(tempfile.mkdtemp(prefix="zhanpai-live-"))
    is_kept = False
    try:
        yield folder
    except BaseException as why:
        is_kept = keeps and not isinstance(why, Stopped) and (folder / RECORDS).exists()
        raise
    finally:
        if is_kept:
            within = "records, playback, outboxes, played.toml; rm -r removes it"
            console.print(f"kept: {folder}   {within}", highlight=False, markup=False, soft_wrap=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM and SIGHUP raise, so that every `finally` on the way runs; the former handlers come back after it."""

    def raise_stopped(_number: int, _frame: FrameType | None) -> None:
        raise Stopped

    numbers = (signal.SIGTERM, signal.SIGHUP)
    former = [signal.signal(number, raise_stopped) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, former, strict=True):
            signal.signal(number, handler)
