"""One bin-room unit from the plugged-in board to the line in the ledger; many of these run side by side.

    look      who is on the port, what is on it, does it fit, is the id free, is no run open
    plan      what will change; with dry_run the end
    write     the interpreter if an image is given, then the release and the settings, every hash verified
    switch    one rename; reset
    hear      the unit's own hello on MQTT, of this release and of a later boot than before
    record    label and ledger

Nothing of the person's screen is in here: `watch` is told what happens.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from tools.flashing import ledger
from tools.flashing.board import programs
from tools.flashing.board.board import Board, is_there, open_board
from tools.flashing.board.changes import Action, Installation, make_installation
from tools.flashing.board.image import Image, write_esp
from tools.flashing.board.install import carry_out, clean_up
from tools.flashing.board.inventory import Contents, Identity, check_fit, identify, read_contents
from tools.flashing.board.ports import Port
from tools.flashing.board.release.proof import Proof, by_certificate, by_password
from tools.flashing.board.release.release import Release
from tools.flashing.board.release.unit_files import unit_files
from tools.flashing.board.selftest import NETWORK_PROBLEMS, WIFI_S, network_facts, raise_first, run_tests
from tools.flashing.errors import FlashError
from tools.flashing.hello import Hello, Listener
from tools.flashing.label import make_label
from tools.flashing.open_run_guard import refuse_open_run
from tools.flashing.settings import FlashSettings

STATE_BOOT = "/state/boot.json"
STATE_CALIBRATION = "/state/calibration.json"
RESTART_S = 20.0  # from reset until the prompt answers again
FAMILY = "room"


class Watch(Protocol):
    """What a screen is told about one unit."""

    def says(self, text: str) -> None: ...

    def plan(self, installation: Installation) -> None: ...

    def wrote(self, count: int) -> None: ...


@dataclass(frozen=True)
class Order:
    """What is wanted for one unit."""

    device: str
    port: Port
    unit: dict[str, Any]
    chip: str | None = None
    image: Image | None = None
    boot_held: bool = False
    replace: bool = False
    calibration: dict[str, Any] | None = None
    dry_run: bool = False
    hello_s: float = 60.0  # 0: not waited for
    ask_api: bool = True
    by_password: bool = False  # where others show certificates
    wifi_s: int = WIFI_S


@dataclass
class Outcome:
    """What came of it, as the ledger and --json tell it; never a secret."""

    id: str
    port: str
    board: str = ""
    runs_on: str = ""
    release: str = ""
    former: str | None = None
    written: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept: int = 0
    copied: int = 0
    bytes_written: int = 0
    hello_boot: int | None = None
    label: list[str] = field(default_factory=list)
    dry_run: bool = False

    def summary(self) -> str:
        """One line for the technician."""
        heard = f"heard, boot {self.hello_boot}" if self.hello_boot is not None else "not heard"
        done = (
            f"would write {self.bytes_written} bytes" if self.dry_run else f"{heard}; label {' '.join(self.label[:1])}"
        )
        return f"release {self.release} on board {self.board}, {self.kept} files kept, {self.copied} copied; {done}"


def flash_binroom(
    order: Order,
    release: Release,
    settings: FlashSettings,
    listener: Listener | None,
    watch: Watch,
    *,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Does all of it; raises FlashError at the first thing that a person must put right."""
    outcome = Outcome(order.device, order.port.path, dry_run=order.dry_run, release=release.name)
    if order.ask_api:
        refuse_open_run(settings.api_url, FAMILY, order.device)
    with_certificate = settings.broker is not None and settings.broker.certificates and not order.by_password
    # What is wrong with the settings is found before a board is touched.
    looked_at = by_certificate(settings, order.device, {}, real=False) if with_certificate else None
    config = unit_files(settings, order.device, order.unit, looked_at)
    if order.image is not None and not order.image.is_uf2 and not order.dry_run:
        watch.says("writing the interpreter")
        _write_image(order, order.image, watch, sleep, monotonic)
    watch.says("looking at the board")
    with open_board(order.port.path) as board:
        identity = identify(board)
        outcome.board, outcome.runs_on = identity.uid, identity.shown
        check_fit(identity, order.port.path, order.chip)
        contents = read_contents(board)
        proof = None
        if with_certificate:
            proof = _proof(board, contents, order, settings)
            config = unit_files(settings, order.device, order.unit, proof)
        heard = _last_hello(listener, order.device)
        _refuse_used_id(order, contents, identity, heard, ledger.read(settings.ledger)[0], settings)
        is_new = _is_new_here(order, contents, settings)
        floor = max(contents.boot, heard.boot if heard and is_new else 0)
        held = () if proof is None else proof.held
        installation = make_installation(contents, release, config, _state(order, is_new, floor), held)
        outcome.former = installation.former
        _tell(outcome, installation)
        watch.plan(installation)
        if order.dry_run:
            board.reset()
            return outcome
        watch.says("writing")
        carry_out(board, installation, lambda count, _: watch.wrote(count))
        clean_up(board, installation)
        since = listener.mark(FAMILY, order.device) if listener else 0
        board.reset()
    if listener is not None and order.hello_s > 0:
        watch.says("waiting for its hello")
        hello = listener.wait(FAMILY, order.device, since, lambda boot: boot > floor, release.name, order.hello_s)
        outcome.hello_boot = hello.boot
    scale = order.calibration or (None if is_new else contents.calibration)
    _record(outcome, identity, scale, order, settings, now)
    watch.says("ready" if outcome.hello_boot is not None else "written; no hello was waited for")
    return outcome


def _write_image(
    order: Order,
    image: Image,
    watch: Watch,
    sleep: Callable[[float], None],
    monotonic: Callable[[], float],
) -> None:
    def told(percent: int) -> None:
        watch.says(f"interpreter {percent} %")

    write_esp(image, order.port.path, boot_held=order.boot_held, progress=told)
    watch.says("waiting for its prompt")
    until = monotonic() + RESTART_S
    while True:
        try:
            if is_there(order.port.path):
                with open_board(order.port.path, soft_reset=False):
                    return
        except FlashError as error:
            if monotonic() >= until:
                # A board without reset lines stays in its boot loader until somebody taps RESET.
                raise FlashError("silent", port=order.port.path) from error
        sleep(0.3)
        if monotonic() >= until:
            raise FlashError("silent", port=order.port.path)


def _proof(board: Board, contents: Contents, order: Order, settings: FlashSettings) -> Proof:
    """A certificate where the board's interpreter can show one, else its password."""
    if board.ask(programs.CAN_SHOW_CERTIFICATES, "asking whether it can show a certificate", 10.0) is not True:
        return by_password(settings, order.device)
    is_ours = not _is_new_here(order, contents, settings)
    return by_certificate(settings, order.device, contents.files if is_ours else {}, real=not order.dry_run)


def _last_hello(listener: Listener | None, device: str) -> Hello | None:
    if listener is None:
        return None
    listener.follow(FAMILY, device)
    return listener.last_known(FAMILY, device)


def _is_new_here(order: Order, contents: Contents, settings: FlashSettings) -> bool:
    """Whether this board is not yet the unit that it shall be."""
    return contents.device != order.device or contents.area != settings.area


def _refuse_used_id(
    order: Order,
    contents: Contents,
    identity: Identity,
    heard: Hello | None,
    lines: list[dict[str, Any]],
    settings: FlashSettings,
) -> None:
    """Another board with this id, alive on the broker or in the ledger, is refused unless it is to be replaced."""
    if order.replace or not _is_new_here(order, contents, settings):
        return
    if heard is not None and heard.life == "ready":
        raise FlashError("id_used", id=order.device, where="a unit of this id is connected to the broker now")
    last = ledger.last_of([line for line in lines if line.get("area") == settings.area], order.device)
    if last is not None and last.get("board") not in ("", identity.uid):
        where = f"the ledger says board {last.get('board')} got it at {last.get('at')}"
        raise FlashError("id_used", id=order.device, where=where)


def _state(order: Order, is_new: bool, floor: int) -> dict[str, bytes]:
    """State that the board must begin with.

    A board that becomes this unit counts its boots on from the last one heard: else its first records would be taken
    for repetitions of the former board's.
    """
    state = {}
    if is_new and floor > 0:
        state[STATE_BOOT] = json.dumps({"boot": floor}).encode()
    if order.calibration is not None:
        state[STATE_CALIBRATION] = json.dumps(order.calibration).encode()
    return state


def _tell(outcome: Outcome, installation: Installation) -> None:
    steps = (*installation.steps, *installation.afterwards)
    outcome.written = [step.path for step in steps if step.action is Action.WRITE]
    outcome.removed = [step.path for step in steps if step.action is Action.REMOVE]
    outcome.kept = installation.count(Action.KEEP)
    outcome.copied = installation.count(Action.COPY)
    outcome.bytes_written = installation.bytes_to_write


def _record(
    outcome: Outcome,
    identity: Identity,
    scale: dict[str, Any] | None,
    order: Order,
    settings: FlashSettings,
    now: Callable[[], float],
) -> None:
    outcome.label = make_label(settings, FAMILY, order.device, identity.uid, outcome.release, now())
    line = {
        "id": order.device,
        "board": identity.uid,
        "usb_serial": order.port.serial,
        "runs_on": identity.shown,
        "image": order.image.digest if order.image else None,
        "release": outcome.release,
        "former": outcome.former,
        "files_written": len(outcome.written),
        "hello_boot": outcome.hello_boot,
        "calibration": scale,
    }
    ledger.append(settings.ledger, ledger.signed("binroom", settings.area, FAMILY, line, now()))


def diagnose(order: Order, settings: FlashSettings, silent: FlashError) -> FlashError:
    """Why a written unit stays silent, asked from the board itself; `silent` again if it knows no reason."""
    try:
        with open_board(order.port.path) as board:
            contents = read_contents(board)
            results = run_tests(board, contents, only=("settings", "wifi", "broker"), wifi_s=order.wifi_s)
            board.reset()
        raise_first(results, contents, network_facts(settings))
    except FlashError as error:
        return error if error.problem in NETWORK_PROBLEMS else silent
    return silent
