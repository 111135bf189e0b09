"""The files a truck's computer is set up from, by path below the boot partition, with their modes.

| path | what it is |
| --- | --- |
| `zhanpai/install.sh` | does the work on the Pi, see packaging/truck |
| `zhanpai/RELEASE` | the release's name: a hash of everything but settings and secrets |
| `zhanpai/ENVIRONMENT` | a hash of the packages alone: releases with the same ones share them |
| `zhanpai/agent.tar` | firmware/truck and what it shares: wire.py, environment.py, watchdog.py |
| `zhanpai/requirements.txt`, `wheels/` | the lock file and what it names: for every Python and machine |
| `zhanpai/truck.toml`, `secret/` | settings and keys; install.sh removes secret/ from the card |
| `user-data`, `meta-data`, `network-config` | for cloud-init; or `firstrun.sh` |
"""

from __future__ import annotations

import hashlib
import io
import json
import ssl
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware.truck.config import ConfigError, parse
from tools.flashing.authority import read_authority
from tools.flashing.board.release.release import HASH_DIGITS
from tools.flashing.errors import FlashError
from tools.flashing.identity.identities import Identities, key_pem
from tools.flashing.settings import FlashSettings, device_password, read_secret
from tools.flashing.truck.wheels import Wheel, choose_wheels

FOLDER = "zhanpai"
PACKAGING = "packaging/truck"
KEYS = "/etc/zhanpai/keys"
CERTIFICATE, KEY = "device.pem", "device.key"
MOUNT = "units/var-lib-zhanpai.mount"


@dataclass(frozen=True)
class Entry:
    """One file; `secret` content is never shown, `mode` matters where the file system keeps modes."""

    data: bytes
    mode: int = 0o644
    secret: bool = False


@dataclass(frozen=True)
class Payload:
    """All files by their path below the boot partition; `release` names what is the same for every truck."""

    release: str
    files: dict[str, Entry]


def make_payload(
    settings: FlashSettings, device: str, repo: Path, first_boot: str | None, *, real: bool = True
) -> Payload:
    """Everything for one truck; `first_boot` is `cloud-init`, `firstrun` or None (over ssh). Raises FlashError.

    Not `real`: for a look at it, no certificate is issued.
    """
    if settings.broker is None:
        raise FlashError("usage", what="a truck needs a [broker] section in the settings file")
    if settings.truck.wheels is None:
        raise FlashError("usage", what="a truck needs [truck] wheels, the folder of packages for the Pi")
    lock = repo / "requirements/truck.txt"
    wheels = choose_wheels(lock, settings.truck.wheels)
    common = _common(repo, lock, wheels, settings)
    release = _name(common)
    files = {f"{FOLDER}/{path}": entry for path, entry in common.items()}
    files[f"{FOLDER}/RELEASE"] = Entry(release.encode() + b"\n")
    files[f"{FOLDER}/truck.toml"] = Entry(_truck_toml(settings, device).encode())
    files |= {f"{FOLDER}/secret/{name}": entry for name, entry in _proof(settings, device, real=real).items()}
    if settings.broker.tls:
        authority = ssl.DER_cert_to_PEM_cert(read_authority(settings.broker.ca_file))
        files[f"{FOLDER}/secret/ca.pem"] = Entry(authority.encode(), 0o600)
    if first_boot is not None:
        files |= _first_boot(settings, device, repo / PACKAGING, first_boot)
    return Payload(release, files)


def _proof(settings: FlashSettings, device: str, *, real: bool) -> dict[str, Entry]:
    """By what the broker knows the truck: a new key and its certificate, or the truck's password."""
    assert settings.broker is not None
    if not settings.broker.certificates:
        return {"mqtt-password": Entry(device_password(settings, "truck", device).encode(), 0o600, True)}
    if not real:
        return {CERTIFICATE: Entry(b"", 0o600), KEY: Entry(b"", 0o600, True)}
    certificate, key = Identities(settings.broker.authority, settings.area).issue("truck", device)
    return {CERTIFICATE: Entry(certificate.pem, 0o600), KEY: Entry(key_pem(key), 0o600, True)}


def as_tar(payload: Payload) -> bytes:
    """The payload as a tar for ssh's standard input, with its modes."""
    return _tar({path: entry for path, entry in payload.files.items() if path.startswith(FOLDER + "/")})


def _common(repo: Path, lock: Path, wheels: list[Wheel], settings: FlashSettings) -> dict[str, Entry]:
    folder = repo / PACKAGING
    files = {"install.sh": Entry(_read(folder / "install.sh"), 0o755), "requirements.txt": Entry(_read(lock))}
    files["link_lgpio.py"] = Entry(_read(folder / "link_lgpio.py"))
    files["boot_settings.py"] = Entry(_read(repo / "tools/flashing/truck/boot_settings.py"))
    for kind in ("units", "conf"):
        files |= {f"{kind}/{path.name}": Entry(_read(path)) for path in sorted((folder / kind).iterdir())}
    if settings.truck.state_label:
        text = files[MOUNT].data.decode().replace("@LABEL@", settings.truck.state_label)
        files[MOUNT] = Entry(text.encode())
    else:
        del files[MOUNT]
    shared = ("__init__.py", "environment.py", "watchdog.py", "wire.py")
    sources = {f"firmware/{name}": repo / "firmware" / name for name in shared}
    sources |= {path.relative_to(repo).as_posix(): path for path in sorted((repo / "firmware/truck").rglob("*.py"))}
    files["agent.tar"] = Entry(_tar({path: Entry(_read(source)) for path, source in sources.items()}))
    packed = {f"wheels/{wheel.file.name}": Entry(_read(wheel.file)) for wheel in wheels}
    files["ENVIRONMENT"] = Entry(_name({**packed, "lock": files["requirements.txt"]}).encode() + b"\n")
    return files | packed


def _name(files: dict[str, Entry]) -> str:
    digest = hashlib.sha256()
    for path, entry in sorted(files.items()):
        digest.update(f"{path}\0{len(entry.data)}\0".encode() + entry.data)
    return digest.hexdigest()[:HASH_DIGITS]


def _truck_toml(settings: FlashSettings, device: str) -> str:
    """The truck's settings: the template of [truck] config with this truck's identity, broker and key files."""
    assert settings.broker is not None
    tables: dict[str, Any] = {"gps": {"port": "/dev/serial0"}}
    if settings.truck.config is not None:
        try:
            tables |= tomllib.loads(_read(settings.truck.config).decode())
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise FlashError("usage", what=f"{settings.truck.config} is not TOML: {error}") from error
    tables["truck"] = {**tables.get("truck", {}), "id": device, "area": settings.area}
    mqtt = {"host": settings.broker.device_host, "port": settings.broker.port}
    if settings.broker.certificates:
        proof = {"cert_file": f"{KEYS}/{CERTIFICATE}", "key_file": f"{KEYS}/{KEY}"}
    else:
        proof = {"password_file": f"{KEYS}/mqtt-password"}
    tables["mqtt"] = {**mqtt, **proof}
    if settings.broker.tls:
        tables["mqtt"]["ca_file"] = f"{KEYS}/ca.pem"
    text = "\n".join(_section(name, table) for name, table in tables.items())
    try:
        parse(text, "truck.toml")
    except ConfigError as error:
        raise FlashError("usage", what=f"the truck would refuse its settings: {error}") from error
    return text


def _section(name: str, table: Any) -> str:
    # JSON's texts, numbers and booleans are TOML's too.
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in dict(table).items()]
    return "\n".join([f"[{name}]", *lines, ""])


def _first_boot(settings: FlashSettings, device: str, folder: Path, style: str) -> dict[str, Entry]:
    keys = [] if settings.truck.ssh_keys is None else _read(settings.truck.ssh_keys).decode().strip().splitlines()
    host = "zp-" + "".join(c if c.isalnum() else "-" for c in f"{settings.area}-{device}".lower()).strip("-")[:60]
    listed = "\n".join(["    ssh_authorized_keys:", *[f"      - {json.dumps(key)}" for key in keys]]) if keys else ""
    facts = {"ID": device, "AREA": settings.area, "HOSTNAME": host, "TIMEZONE": settings.truck.timezone}
    facts |= {"USER": settings.truck.user, "SSH_KEYS": listed}
    if style == "firstrun":
        files = {"firstrun.sh": Entry(_filled(folder / "firstrun.template", facts), 0o755)}
        if keys:
            files[f"{FOLDER}/authorized_keys"] = Entry(("\n".join(keys) + "\n").encode())
        return files
    wifi = settings.truck.wifi
    network: dict[str, Any] = {
        "version": 2,
        "ethernets": {"all": {"match": {"name": "e*"}, "dhcp4": True, "optional": True}},
    }
    if wifi is not None:
        access = {wifi.ssid: {"password": read_secret(wifi.key_file)}}
        network["wifis"] = {"wlan0": {"dhcp4": True, "optional": True, "access-points": access}}
        network["wifis"]["wlan0"]["regulatory-domain"] = settings.truck.wifi_country
    return {
        "user-data": Entry(_filled(folder / "user-data.template", facts)),
        "meta-data": Entry(f"instance-id: {host}\n".encode()),
        # JSON is YAML; nothing of a key can break out of its quotes.
        "network-config": Entry((json.dumps(network, indent=1) + "\n").encode(), 0o600, wifi is not None),
    }


def _filled(template: Path, facts: dict[str, str]) -> bytes:
    text = _read(template).decode()
    for name, value in facts.items():
        text = text.replace(f"@{name}@", value)
    return text.encode()


def _tar(files: dict[str, Entry]) -> bytes:
    """The same bytes for the same content: no times, no owners."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, entry in sorted(files.items()):
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(entry.data), entry.mode
            tar.addfile(info, io.BytesIO(entry.data))
    return out.getvalue()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FlashError("usage", what=f"{path} cannot be read: {error.strerror}") from error
