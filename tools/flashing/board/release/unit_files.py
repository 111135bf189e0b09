"""The files that make a board this unit and no other: identity, network, keys. Checked by the firmware's own reader."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from firmware.binroom.settings import SettingsError, load_network, load_unit
from tools.flashing.authority import read_authority
from tools.flashing.board.release.proof import KEYS, Proof, by_password
from tools.flashing.errors import FlashError
from tools.flashing.settings import FlashSettings, read_secret

UNIT = "/config/unit.json"
NETWORK = "/config/network.json"
WIFI_KEY = f"{KEYS}/wifi"
AUTHORITY = f"{KEYS}/ca.der"


def unit_files(
    settings: FlashSettings, device: str, unit: dict[str, Any], proof: Proof | None = None
) -> dict[str, bytes]:
    """The config files of one unit by path, keys first and the identity last; raises FlashError.

    Without `proof` it is its password.
    """
    proof = proof or by_password(settings, device)
    assert settings.broker is not None
    files = dict(proof.files)
    network: dict[str, Any] = {
        "ssid": None,
        "host": settings.broker.device_host,
        "port": proof.port,
        "user": device,
        "tls": settings.broker.tls,
        **proof.network,
    }
    if settings.wifi is not None:
        files[WIFI_KEY] = read_secret(settings.wifi.key_file).encode()
        network |= {"ssid": settings.wifi.ssid, "key_file": WIFI_KEY}
    if settings.broker.tls:
        files[AUTHORITY] = read_authority(settings.broker.ca_file)
        network["ca_file"] = AUTHORITY
    files[NETWORK] = _as_json(network)
    files[UNIT] = _as_json({**unit, "device": device, "area": settings.area})
    _check({**dict.fromkeys(proof.held, b""), **files}, device)
    return files


def _as_json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()


def _check(files: dict[str, bytes], device: str) -> None:
    with tempfile.TemporaryDirectory() as root:
        for path, data in files.items():
            target = Path(root + path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch(mode=0o600)
            target.write_bytes(data)
        try:
            load_unit(root)
            load_network(root, device)
        except SettingsError as error:
            raise FlashError("usage", what=f"the unit would refuse its settings: {error}") from error
