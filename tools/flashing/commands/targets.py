"""What the options mean: settings, ports, units, wiring and calibration."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from firmware import wire
from tools.flashing import ledger
from tools.flashing.board.ports import Port, choose, usb_ports, virtual_ports, wait_for_new
from tools.flashing.errors import FlashError
from tools.flashing.settings import FlashSettings, load_settings

LARGEST_UNIT_FILE = 65536


def ports_of(options: argparse.Namespace) -> list[Port]:
    return [*usb_ports(), *virtual_ports(options.ports_folder)]


def settings_of(options: argparse.Namespace) -> FlashSettings:
    settings = load_settings(options.settings)
    area = getattr(options, "area", None)
    if area is None:
        return settings
    if not wire.is_id(area):
        raise FlashError("usage", what=f"--area {area} is not an id")
    return replace(settings, area=area)


def targets_of(options: argparse.Namespace, fresh: Port | None) -> list[tuple[str, Port]]:
    wanted: list[tuple[str, str | None]] = [(options.id, options.port)] if options.id else []
    for text in options.units:
        device, separator, port = text.partition("=")
        if not separator or not port:
            raise FlashError("usage", what=f"--with takes ID=PORT, got {text}")
        wanted.append((device, port))
    if not wanted:
        raise FlashError("usage", what="name a unit with --id, or several with --with ID=PORT")
    for device, _ in wanted:
        if not wire.is_id(device):
            raise FlashError("usage", what=f"{device} is not an id (1-64 of a-z A-Z 0-9 . _ -, no dot first)")
    known = ports_of(options)
    if fresh is not None:
        if len(wanted) != 1:
            raise FlashError("usage", what="with a UF2 image one unit at a time")
        return [(wanted[0][0], fresh)]
    if options.wait > 0 and len(wanted) == 1 and wanted[0][1] is None:
        targets = [(wanted[0][0], wait_for_new(known, lambda: ports_of(options), options.wait))]
    else:
        targets = [(device, choose(port, known)) for device, port in wanted]
    for what, values in (("unit", [d for d, _ in targets]), ("port", [p.path for _, p in targets])):
        if len(set(values)) != len(values):
            raise FlashError("usage", what=f"a {what} is named twice")
    return targets


def unit_table(options: argparse.Namespace, settings: FlashSettings) -> dict[str, Any]:
    table = dict(settings.unit) if options.unit_file is None else _json_file(options.unit_file)
    for key in ("device", "area"):
        table.pop(key, None)
    return table


def calibration_of(wanted: str | None, settings: FlashSettings, device: str) -> dict[str, Any] | None:
    if wanted is None:
        return None
    if wanted != "ledger":
        return _json_file(Path(wanted))
    last = ledger.last_of([line for line in ledger.read(settings.ledger)[0] if line.get("calibration")], device)
    if last is None:
        raise FlashError("usage", what=f"the ledger holds no calibration of {device}")
    return dict(last["calibration"])


def _json_file(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_UNIT_FILE:
            raise FlashError("usage", what=f"{path} is too large")
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FlashError("usage", what=f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        raise FlashError("usage", what=f"{path} does not hold a JSON object")
    return value
