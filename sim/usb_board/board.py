"""The supervisor of a virtual board: power, resets, the cable; its port is port.py, one boot of it is session.py.

State of the board                        leaves it by
    off        no power, no port          plug()
    rom        no interpreter in the flash, or BOOT held: esptool talks to `rom`      reset()
    booting    bootstrap.py runs; host bytes wait    its up-mark
    on         bytes pass both ways       exit of the interpreter (a reset), power cut, pull(), unplug()

An interpreter that ends after Ctrl-D at an empty prompt was soft reset: raw mode is kept and, in raw mode, main.py is
not run, as on a board. Any other end is a hard reset. Death by SIGKILL is the power cut that `cut_after` armed: the
board goes off and its port disappears.
"""

from __future__ import annotations

import json
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from sim.micropython.panel import Panel
from sim.usb_board.port import Port
from sim.usb_board.rom import RomLoader
from sim.usb_board.session import UP_MARK, Session
from sim.usb_board.terminal import Terminal

BLOCK_BYTES = 4096
ESP32_IMAGE_AT = 0x1000
ESP_IMAGE_MAGIC = 0xE9
POWER_ON_RESET, WATCHDOG_RESET = "1", "3"
_HERE = Path(__file__).resolve().parent
_DESK_MODULES = _HERE.parent / "micropython"  # machine.py and network.py


class VirtualBoard:
    """One board with its flash image under `folder` and its port as the symlink `port`.

    `panel` sees and drives its pins and its watchdog. `claims` overrides what `sys.implementation` says (`machine`,
    `version`, `mpy`, `platform`); `modules` are folders whose `machine.py` or `network.py` replace those of
    sim/micropython.
    With `rom` the board comes without an interpreter: one has to be written with esptool first (any ESP image; what
    then runs is the unix port). `printed` keeps the last 64 KB the board said.
    """

    def __init__(
        self,
        folder: Path,
        port: Path,
        *,
        interpreter: str,
        uid: str = "desk-board",
        blocks: int = 256,
        heap: str = "320k",
        claims: Mapping[str, object] | None = None,
        rom: RomLoader | None = None,
        modules: tuple[Path, ...] = (),
        panel: Panel | None = None,
        environment: Mapping[str, str] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self.port = port
        self.uid = uid
        self.printed = bytearray()
        self.rom = rom
        self.boot_held = False
        self._interpreter = interpreter
        self._heap = heap
        self._blocks = blocks
        self._claims = dict(claims or {})
        self._modules = [str(path) for path in (*modules, _DESK_MODULES)]
        self._panel = panel
        self._environment = dict(environment or {})
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._terminal: Terminal | None = None
        self._outer = Port(port)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.boots = 0
        self.powered = False
        folder.mkdir(parents=True, exist_ok=True)
        self.image = folder / "flash.img"
        self._power = folder / "power.txt"
        if not self.image.exists():
            self.image.write_bytes(b"\xff" * BLOCK_BYTES * blocks)
        self._arm(-1)
        self._session = Session(monotonic)

    # --- what a person does with a board -----------------------------------------------------------------

    def plug(self) -> None:
        """Gives power and a port; main.py runs. Nothing happens if it has both."""
        with self._lock:
            if not self._outer.there:
                self._outer.open()
            if not self.powered:
                self.powered = True
                self._arm(-1)
                self._boot(soft=False)
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._serve, name=f"board {self.port.name}", daemon=True)
            self._thread.start()

    def pull(self, *, power: bool = True) -> None:
        """Takes the cable out: the port disappears, and with `power` the board stops between two instructions."""
        with self._lock:
            self._outer.close()
            if power:
                self._power_off()

    def reset(self) -> None:
        """The reset button."""
        with self._lock:
            if self.powered:
                self._boot(soft=False)

    def in_rom(self) -> bool:
        """Whether a reset now leads into the serial boot loader: BOOT is held, or there is no image to start."""
        return self.rom is not None and (self.boot_held or self.rom.flash[ESP32_IMAGE_AT] != ESP_IMAGE_MAGIC)

    def cut_after(self, block_writes: int) -> None:
        """The power fails in the middle of the block write or erase after this many more."""
        self._arm(block_writes)

    def block_writes_left(self) -> int:
        """What is left of `cut_after`, or -1 when no cut is armed."""
        return int(self._power.read_text())

    def close(self) -> None:
        """Unplugs it and waits for its thread; the flash image stays."""
        self._stop.set()
        self.pull()
        if self._thread is not None:
            self._thread.join(timeout=10)
            self._thread = None

    def __enter__(self) -> VirtualBoard:
        self.plug()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- below: under the lock --------------------------------------------------------------------------

    def _arm(self, block_writes: int) -> None:
        self._power.write_text(f"{block_writes:011d}\n")

    def _power_off(self) -> None:
        self.powered = False
        if self._terminal is not None:
            self._terminal.kill()
            self._terminal = None

    def _boot(self, *, soft: bool, starved: bool = False) -> None:
        raw = soft and self._session.keyboard.raw
        if self._terminal is not None:
            self._terminal.kill()
            self._terminal = None
        self._session = Session(self._monotonic, raw=raw)
        self.boots += 1
        if self.in_rom():
            self._say(b"rst:0x1 (POWERON_RESET),boot:0x3 (DOWNLOAD_BOOT)\r\nwaiting for download\r\n")
            return
        settings = self.folder / "boot.json"
        settings.write_text(
            json.dumps(
                {
                    "image": str(self.image.resolve()),
                    "power": str(self._power.resolve()),
                    "block_bytes": BLOCK_BYTES,
                    "blocks": self._blocks,
                    "modules": self._modules,
                    "preload": ["machine", "network"],
                    "claims": self._claims,
                    "run_main": not raw,
                    "up_mark": UP_MARK,
                }
            )
        )
        cause = WATCHDOG_RESET if starved else POWER_ON_RESET
        environment = {"PATH": os.defpath, "ZP_BOARD_ID": self.uid, "ZP_RESET_CAUSE": cause, **self._environment}
        if self._panel is not None:
            self._panel.forget_board()
            environment["ZP_PINS"] = self._panel.address
        command = [self._interpreter, "-X", f"heapsize={self._heap}", "-i", str(_HERE / "bootstrap.py"), str(settings)]
        self._terminal = Terminal(command, environment, self.folder)
        if soft:
            self._say(b"MPY: soft reboot\r\n")

    def _say(self, data: bytes) -> None:
        self.printed += data
        del self.printed[:-65536]
        self._outer.say(data)

    # --- the loop ----------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                inner = None if self._terminal is None else self._terminal.fd
                wanted = [fd for fd in (self._outer.opened_by_host(), inner) if fd is not None]
            quick = bool(self._session.waiting) or self._outer.busy
            try:
                select.select(wanted, [], [], 0.002 if quick else 0.02)
            except (OSError, ValueError):
                continue
            with self._lock:
                self._step()

    def _step(self) -> None:
        terminal, session = self._terminal, self._session
        session.waiting += self._outer.read()
        if terminal is None and self.rom is not None and self.powered:
            self._say(self.rom.feed(bytes(session.waiting)))
            session.waiting.clear()
        if terminal is not None:
            self._say(session.from_board(terminal.read()))
            session.to_board(terminal)
            code = terminal.exit_code()
            if code is not None:
                self._say(session.from_board(terminal.read()))
                self._ended(code)
            elif self._panel is not None and self._panel.starved():
                self._boot(soft=False, starved=True)
        self._outer.flush()

    def _ended(self, code: int) -> None:
        if code == -signal.SIGKILL:
            self._outer.flush()
            self._outer.close()
            self._power_off()
            return
        self._boot(soft=self._session.keyboard.soft_reset and code == 0)
