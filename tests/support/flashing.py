"""A technician's workshop for tests of tools/flash.py: a broker, virtual boards, a settings file, a module mirror."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from broker.mqtt.own_broker.mosquitto import EmbeddedBroker, find_mosquitto
from sim.micropython.interpreter import find_micropython
from sim.micropython.panel import Panel
from sim.usb_board.board import VirtualBoard
from tools.flashing.commands.main import main

REPO = Path(__file__).resolve().parents[2]
AREA = "xh"
PASSWORDS = {f"r{number:02}": f"room {number} secret" for number in range(1, 10)} | {
    f"bridge-{AREA}": "bridge secret",
    "t01": "truck one secret",
    f"technician-{AREA}": "technician's secret",
}


def interpreter() -> str:
    """The real MicroPython, or a loud skip."""
    found = find_micropython()
    if found is None:
        pytest.skip("NO MICROPYTHON on this machine: the virtual board cannot run")
    return found


def write_secret(path: Path, text: str) -> Path:
    """A file only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text + "\n")
    return path


def make_mirror(folder: Path) -> Path:
    """A module index with one package, `logging`, whose file is the simulator's stand-in."""
    data = (REPO / "sim/micropython/lib/logging.py").read_bytes()
    digest = hashlib.sha256(data).hexdigest()[:8]
    for version in ("6", "py"):
        description = folder / "package" / version / "logging" / "latest.json"
        description.parent.mkdir(parents=True, exist_ok=True)
        description.write_text(json.dumps({"v": 1, "version": "0.6.1", "hashes": [["logging.py", digest]], "deps": []}))
    file = folder / "file" / digest[:2] / digest
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return folder


def esp_image(size: int = 30000, chip_id: int = 0) -> bytes:
    """Bytes that begin as an image for an ESP chip."""
    head = bytearray(b"\xe9\x01\x02\x20" + bytes(20))
    head[12] = chip_id
    return bytes(head) + bytes((i * 37) & 0xFF for i in range(size - len(head)))


@contextmanager
def running_broker(folder: Path) -> Iterator[EmbeddedBroker]:
    """A Mosquitto with the accounts of PASSWORDS, or a loud skip."""
    if find_mosquitto() is None:
        pytest.skip("NO MOSQUITTO on this machine: no hello can be heard")
    broker = EmbeddedBroker(folder, AREA, PASSWORDS, rooms=[name for name in PASSWORDS if name.startswith("r")])
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


class Workshop:
    """A folder with settings, secrets, mirror and ports; `flash(...)` runs the tool in this process."""

    def __init__(self, folder: Path, broker_port: int = 1, **sections: dict[str, Any]) -> None:
        self.folder = folder
        self.ports = folder / "ports"
        self.boards: list[VirtualBoard] = []
        self.panels: list[Panel] = []
        for name, password in PASSWORDS.items():
            write_secret(folder / "keys" / f"{name}.password", password)
        make_mirror(folder / "mirror")
        self.settings = folder / "flash.toml"
        self.broker_port = broker_port
        self.write_settings(**sections)

    def write_settings(self, **sections: dict[str, Any]) -> None:
        """Writes flash.toml; a section given replaces the usual one, None leaves it out."""
        usual: dict[str, Any] = {
            "area": {"id": AREA},
            "broker": {
                "host": "127.0.0.1",
                "port": self.broker_port,
                "password_file": f"keys/technician-{AREA}.password",
            },
            "modules": {"index": "mirror"},
            "unit": {
                "wastes": ["residential_wet"],
                "lamps": [{"waste": "residential_wet", "pin": 16}],
                "buttons": [{"event": "bins_out", "pin": 0}],
            },
        }
        usual.update(sections)
        lines = []
        for name, table in usual.items():
            if table is None:
                continue
            lines.append(f"[{name}]")
            lines += [f"{key} = {_toml(value)}" for key, value in table.items()]
        self.settings.write_text("\n".join(lines) + "\n")

    def board(self, name: str = "binroom-01", *, with_panel: bool = False, **options: Any) -> VirtualBoard:
        """A new board on a port of this name, not plugged in yet."""
        if with_panel:
            options["panel"] = Panel()
            self.panels.append(options["panel"])
        board = VirtualBoard(
            self.folder / "boards" / name,
            self.ports / name,
            interpreter=interpreter(),
            **{"uid": f"uid-{name}", **options},
        )
        self.boards.append(board)
        return board

    def flash(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        """(exit code, the JSON document, everything printed) of one call of tools/flash.py."""
        out, err = io.StringIO(), io.StringIO()
        place = ["--settings", str(self.settings), "--ports-folder", str(self.ports), "--json"]
        code = main([arguments[0], *place, *arguments[1:]], out, err)
        text = out.getvalue()
        return code, json.loads(text) if text.strip() else {}, text + err.getvalue()

    def close(self) -> None:
        """Unplugs everything."""
        for board in self.boards:
            board.close()
        for panel in self.panels:
            panel.close()


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(inner) for inner in value) + "]"
    return json.dumps(value)
