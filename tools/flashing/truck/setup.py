"""One truck's computer: onto a card's boot partition, or over ssh into a running Pi; then its own hello."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tools.flashing import ledger
from tools.flashing.errors import FlashError
from tools.flashing.hello import Listener
from tools.flashing.label import make_label
from tools.flashing.open_run_guard import refuse_open_run
from tools.flashing.settings import FlashSettings
from tools.flashing.truck.boot_settings import edited_cmdline, edited_config
from tools.flashing.truck.files import FOLDER, Payload, as_tar, make_payload

FAMILY = "truck"
SSH_S = 900.0  # a Pi of the first kind takes minutes to build its environment
CONFIG, CMDLINE = "config.txt", "cmdline.txt"
# The tar comes on standard input: no secret is ever on a command line.
REMOTE = (
    'd=$(mktemp -d) && tar -xf - -C "$d" && {sudo}sh "$d/' + FOLDER + '/install.sh"; s=$?; {sudo}rm -rf "$d"; exit $s'
)


class Watch(Protocol):
    """What a screen is told."""

    def says(self, text: str) -> None: ...


@dataclass(frozen=True)
class TruckOrder:
    """What is wanted; exactly one of `card` and `ssh` is given."""

    device: str
    card: Path | None = None
    ssh: str | None = None
    ssh_command: tuple[str, ...] = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10")
    first_boot: str = "cloud-init"
    dry_run: bool = False
    hello_s: float = 300.0
    ask_api: bool = True


@dataclass
class TruckOutcome:
    """What came of it; never a secret."""

    id: str
    target: str
    release: str
    files: list[str] = field(default_factory=list)
    hello_boot: int | None = None
    label: list[str] = field(default_factory=list)
    dry_run: bool = False

    def summary(self) -> str:
        """One line for the technician."""
        if self.dry_run:
            return f"would write {len(self.files)} files, release {self.release}"
        heard = f"heard, boot {self.hello_boot}" if self.hello_boot is not None else "not heard yet"
        return f"release {self.release} on {self.target}; {heard}; label {' '.join(self.label[:1])}"


def flash_truck(
    order: TruckOrder,
    settings: FlashSettings,
    repo: Path,
    watch: Watch,
    *,
    now: Callable[[], float] = time.time,
) -> TruckOutcome:
    """Does all of it; raises FlashError at the first thing that a person must put right."""
    if order.ask_api:
        refuse_open_run(settings.api_url, FAMILY, order.device)
    if order.card is not None:
        check_card(order.card)
    first_boot = order.first_boot if order.card else None
    payload = make_payload(settings, order.device, repo, first_boot, real=not order.dry_run)
    target = str(order.card) if order.card else str(order.ssh)
    outcome = TruckOutcome(order.device, target, payload.release, sorted(payload.files), dry_run=order.dry_run)
    if order.dry_run:
        return outcome
    if order.card is not None:
        watch.says("writing the card")
        write_card(order.card, payload, order.first_boot)
        watch.says("put the card into the truck's computer and give it power")
    else:
        _over_ssh(order, settings, payload, outcome, watch)
    _record(outcome, order, settings, now)
    return outcome


def check_card(folder: Path) -> None:
    """Raises FlashError("not_a_card") unless `folder` is the boot partition of a Raspberry Pi card."""
    if not folder.is_dir():
        raise FlashError("not_a_card", folder=folder, what="there is no such folder")
    for name in (CONFIG, CMDLINE):
        if not (folder / name).is_file():
            raise FlashError("not_a_card", folder=folder, what=f"{name} is missing")
    if len((folder / CMDLINE).read_text(errors="replace").strip().splitlines()) != 1:
        raise FlashError("not_a_card", folder=folder, what=f"{CMDLINE} is not one line")


def write_card(folder: Path, payload: Payload, first_boot: str) -> None:
    """Writes everything; what starts it on first boot comes last, so a card pulled half way starts nothing."""
    try:
        old = folder / FOLDER
        if old.exists():
            shutil.rmtree(old)
        starters = ("user-data", "firstrun.sh")
        order = sorted(payload.files, key=lambda path: (path in starters, path))
        for path in order:
            if path not in starters:
                _put(folder / path, payload.files[path].data, payload.files[path].mode)
        _put(folder / CONFIG, edited_config((folder / CONFIG).read_text()).encode(), 0o644)
        for path in order:
            if path in starters:
                _put(folder / path, payload.files[path].data, payload.files[path].mode)
        command_line = edited_cmdline((folder / CMDLINE).read_text(), firstrun=first_boot == "firstrun")
        _put(folder / CMDLINE, command_line.encode(), 0o644)
        _check_card(folder, payload)
    except OSError as error:
        raise FlashError("card_full", folder=folder, what=error.strerror or str(error)) from error


def _put(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(OSError):  # FAT keeps no modes
        fresh.chmod(mode)
    fresh.replace(path)


def _check_card(folder: Path, payload: Payload) -> None:
    for path, entry in payload.files.items():
        if (folder / path).read_bytes() != entry.data:
            raise FlashError("card_full", folder=folder, what=f"{path} reads back with another content")


def _over_ssh(
    order: TruckOrder, settings: FlashSettings, payload: Payload, outcome: TruckOutcome, watch: Watch
) -> None:
    assert settings.broker is not None and order.ssh is not None
    with contextlib.ExitStack() as stack:
        listener, since, last_boot = None, 0, -1
        if order.hello_s > 0:
            listener = stack.enter_context(Listener(settings.broker, settings.area))
            listener.follow(FAMILY, order.device)
            last = listener.last_known(FAMILY, order.device)
            last_boot = last.boot if last else -1
            since = listener.mark(FAMILY, order.device)
        watch.says("installing over ssh")
        _ssh(order, payload)
        if listener is not None:
            watch.says("waiting for its hello")
            # A computer without former state begins its boots at a random number, so another one is a new one.
            heard = listener.wait(FAMILY, order.device, since, lambda boot: boot != last_boot, None, order.hello_s)
            outcome.hello_boot = heard.boot


def _ssh(order: TruckOrder, payload: Payload) -> None:
    assert order.ssh is not None
    sudo = "" if order.ssh.startswith("root@") else "sudo -n "
    command = [*order.ssh_command, order.ssh, REMOTE.format(sudo=sudo)]
    shown = " ".join(order.ssh_command)
    try:
        done = subprocess.run(command, input=as_tar(payload), capture_output=True, timeout=SSH_S, check=False)
    except subprocess.TimeoutExpired as error:
        what = f"it took longer than {int(SSH_S)} s"
        raise FlashError("ssh", host=order.ssh, what=what, command=shown) from error
    except OSError as error:
        raise FlashError("ssh", host=order.ssh, what=str(error), command=shown) from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        what = lines[-1] if lines else f"it ended with code {done.returncode}"
        raise FlashError("ssh", host=order.ssh, what=what, command=shown)


def _record(outcome: TruckOutcome, order: TruckOrder, settings: FlashSettings, now: Callable[[], float]) -> None:
    outcome.label = make_label(settings, FAMILY, order.device, outcome.target, outcome.release, now())
    line = {
        "id": order.device,
        "board": outcome.target,
        "release": outcome.release,
        "files_written": len(outcome.files),
        "hello_boot": outcome.hello_boot,
    }
    ledger.append(settings.ledger, ledger.signed("truck", settings.area, FAMILY, line, now()))
