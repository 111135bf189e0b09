"""What is seen of [city]: as whom a cell comes to the city's database, how often, and where it has its screen."""

import socket
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

from broker.city.push import Push
from broker.process import screen_of
from broker.settings import configured_plan
from broker.store.sqlite.store import SQLiteStore
from tests.support.settings.broker import PORT
from tests.support.settings.day import configured

CITY = f'url = "postgresql://cells@127.0.0.1:{PORT}/city"\n'


def asked_of_the_city(folder: Path, text: str) -> tuple[dict[str, str], str]:
    """The user, the database and the password that a cell gives to a PostgreSQL that lets nobody in."""
    for name in ("one", "two"):
        (folder / name).write_text(f"secret {name}\n")
        (folder / name).chmod(0o600)
    told: list[Any] = []
    with socket.create_server(("127.0.0.1", PORT)) as listener:
        thread = threading.Thread(target=_let_nobody_in, args=(listener, told), daemon=True)
        thread.start()
        rest_of_a_try(folder, text)
        listener.shutdown(socket.SHUT_RDWR)  # or the thread that waits would keep the port
        thread.join(20)
    return told[0], told[1] if len(told) > 1 else ""


def _let_nobody_in(listener: socket.socket, told: list[Any]) -> None:
    while True:
        try:
            guest = listener.accept()[0]
        except OSError:
            return
        with guest, guest.makefile("rb") as said:
            body = said.read(int.from_bytes(said.read(4)) - 4)
            while body[:4] in (b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30"):  # it asks for TLS first, or for GSSAPI
                guest.sendall(b"N")
                body = said.read(int.from_bytes(said.read(4)) - 4)
            words = body[4:].decode().split("\0")
            told.append(dict(zip(words[::2], words[1::2], strict=False)))
            guest.sendall(b"R" + (8).to_bytes(4) + (3).to_bytes(4))  # the password in clear, please
            if said.read(1) == b"p":
                told.append(said.read(int.from_bytes(said.read(4)) - 4).rstrip(b"\0").decode())
                return


def rest_of_a_try(folder: Path, text: str) -> float:
    """How long a cell waits after the first try that failed."""
    config = configured(folder, text)
    plan = configured_plan(config)
    with closing(SQLiteStore(Path(config.store.url), plan.area_id, plan.timezone, lambda: 0, min_free_bytes=0)):
        push = Push(config, plan, lambda: 0)
        rest_s = push.turn()
        push.close()
    return rest_s


def screen_told(folder: Path, text: str) -> str | None:
    """Where the city's people are sent."""
    return screen_of(configured(folder, text), None)
