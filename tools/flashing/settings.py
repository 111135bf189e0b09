"""The technician's settings file (flash.toml): one section a concern, unknown keys refused, secrets only by file name.

    [area]     id = "xh"
    [broker]   host = "192.0.2.7"   port = 1883   user = "technician-xh"   password_file = "keys/technician-xh.password"
               tls = false   ca_file = "keys/ca.pem"
               device_host = "broker.xh.example"    as the devices reach it; left out: the same host
               certificates = false    true: devices show one that `ca` signs, and so does this computer
               password_port = 8884    where boards come in that cannot show one; left out: nowhere
    [door]     folder = "/etc/mosquitto/zhanpai"   ssh = "office@broker.xh.example"   reload = "systemctl reload ..."
               where the broker reads who is out, if not in the folder of ca_file on this computer
    [wifi]     ssid = "binrooms"   key_file = "keys/wifi.key"          left out: the boards need no Wi-Fi
    [keys]     folder = "keys"          holds <device id>.password; or, and then no folder,
               accounts = "accounts"    lines id:password or family/id:password, as the embedded broker reads them
    [api]      url = "http://192.0.2.7:8080"      asked for open runs; left out: not asked
    [modules]  index = "mirror" or an address     where micropython-lib modules come from
    [records]  ledger = "ledger.jsonl"   labels = "labels"
    [unit]     wastes, lamps, buttons, sensors ... the usual wiring, as firmware/binroom/settings.py takes it
    [truck]    user = "zhanpai"   wheels = "wheels"   config = "truck.toml"
               ssh_keys = "technician.pub"   wifi_ssid, wifi_key_file, wifi_country = "CN"   timezone
               state_label: of the partition for the records

Relative paths are relative to the file. Raises FlashError("settings").
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware import wire
from tools.flashing.errors import FlashError

LONGEST_SECRET = 4096


@dataclass(frozen=True)
class BrokerAccess:
    """How this computer and, by `device_host`, the devices reach the broker."""

    host: str
    port: int = wire.PORT
    user: str = ""  # left out: technician-<area>, the account that may only look
    password_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None
    device_host: str = ""
    certificates: bool = False
    password_port: int = 0

    @property
    def authority(self) -> Path:
        """The folder of the authority that signs the devices' certificates."""
        assert self.ca_file is not None
        return self.ca_file.parent


@dataclass(frozen=True)
class Door:
    """Where the broker reads who is out, on which computer, and how it is told to; empty: the bridge's own, here."""

    folder: Path | None = None
    ssh: str = ""
    reload: str = ""


@dataclass(frozen=True)
class WifiAccess:
    """The network the boards join."""

    ssid: str
    key_file: Path


@dataclass(frozen=True)
class TruckSettings:
    """What a truck's computer gets besides the agent."""

    user: str = "zhanpai"
    wheels: Path | None = None
    config: Path | None = None
    timezone: str = "Asia/Shanghai"
    ssh_keys: Path | None = None
    wifi: WifiAccess | None = None
    wifi_country: str = "CN"
    state_label: str = ""


@dataclass(frozen=True)
class FlashSettings:
    """The whole file, checked."""

    area: str
    broker: BrokerAccess | None = None
    door: Door = field(default_factory=Door)
    wifi: WifiAccess | None = None
    keys: Path = Path("keys")
    accounts: Path | None = None
    api_url: str = ""
    index: str | None = None
    ledger: Path = Path("ledger.jsonl")
    labels: Path = Path("labels")
    unit: dict[str, Any] = field(default_factory=dict)
    truck: TruckSettings = field(default_factory=TruckSettings)


class _Section:
    """Takes keys out of one table; what is left at the end is unknown."""

    def __init__(self, file: Path, name: str, table: object) -> None:
        self._file = file
        self._name = name
        if not isinstance(table, dict):
            raise self.error("(all)", f"must be a section [{name}]")
        self._table = dict(table)

    def error(self, key: str, what: str) -> FlashError:
        return FlashError("settings", file=self._file, section=f"[{self._name}]", key=key, what=what)

    def text(self, key: str, default: str | None = None) -> str:
        value = self._table.pop(key, default)
        if value is None:
            raise self.error(key, "is missing")
        if not isinstance(value, str) or len(value) > 200 or (value == "" and default != ""):
            raise self.error(key, "must be a text of 1 to 200 characters")
        if not value.isprintable():
            raise self.error(key, "holds a character that cannot be seen; write it anew by hand")
        return value

    def ident(self, key: str, default: str | None = None) -> str:
        value = self.text(key, default)
        if not wire.is_id(value):
            raise self.error(key, "must be an id (1-64 of a-z A-Z 0-9 . _ -, no dot first)")
        return value

    def number(self, key: str, low: int, high: int, default: int) -> int:
        value = self._table.pop(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error(key, f"must be a whole number from {low} to {high}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self._table.pop(key, default)
        if not isinstance(value, bool):
            raise self.error(key, "must be true or false")
        return value

    def path(self, key: str, default: str | None = None) -> Path:
        return self._file.parent / self.text(key, default)

    def path_or_none(self, key: str) -> Path | None:
        return self.path(key) if key in self._table else None

    def end(self) -> None:
        for key in self._table:
            raise self.error(key, "is not a known key; remove it")


def load_settings(file: Path) -> FlashSettings:
    """The checked settings of `file`; raises FlashError naming file, section and key."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FlashError("no_settings", file=file) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FlashError("settings", file=file, section="(all)", key="(all)", what=str(error)) from error
    for name in tables:
        if name not in _READERS:
            raise FlashError("settings", file=file, section=f"[{name}]", key="(all)", what="is not a known section")
    if "area" not in tables:
        raise FlashError("settings", file=file, section="[area]", key="id", what="is missing")
    usual = {name: getattr(FlashSettings, name) for name in ("keys", "ledger", "labels")}
    values: dict[str, Any] = {name: file.parent / path for name, path in usual.items()}
    for name, table in tables.items():
        section = _Section(file, name, table)
        values |= _READERS[name](section)
        if name != "unit":
            section.end()
    return FlashSettings(**values)


def _broker(section: _Section) -> dict[str, Any]:
    host = section.text("host")
    access = BrokerAccess(
        host=host,
        port=section.number("port", 1, 65535, BrokerAccess.port),
        user=section.text("user", ""),
        password_file=section.path_or_none("password_file"),
        tls=section.flag("tls", False),
        ca_file=section.path_or_none("ca_file"),
        device_host=section.text("device_host", host),
        certificates=section.flag("certificates", False),
        password_port=section.number("password_port", 0, 65535, 0),
    )
    if access.certificates and not (access.tls and access.ca_file is not None):
        raise section.error("certificates", "needs tls = true, and ca_file in the folder where `ca` made it")
    if access.password_port and not access.certificates:
        raise section.error("password_port", "goes with certificates = true; else port takes the passwords")
    return {"broker": access}


def _keys(section: _Section) -> dict[str, Any]:
    folder, accounts = section.path_or_none("folder"), section.path_or_none("accounts")
    if folder is not None and accounts is not None:
        raise section.error("folder", "is not read where accounts are given; keep one of the two")
    return {"accounts": accounts} if folder is None else {"keys": folder}


def _index(section: _Section) -> dict[str, Any]:
    index = section.text("index")
    return {"index": index if "://" in index else str(section._file.parent / index)}


def _truck(section: _Section) -> dict[str, Any]:
    ssid, key_file = section.text("wifi_ssid", ""), section.path_or_none("wifi_key_file")
    for key, is_there, other in (("wifi_ssid", ssid, key_file), ("wifi_key_file", key_file, ssid)):
        if other and not is_there:
            raise section.error(key, "is missing; a network needs its name and its key")
    truck = TruckSettings(
        user=section.ident("user", TruckSettings.user),
        wheels=section.path_or_none("wheels"),
        config=section.path_or_none("config"),
        timezone=section.text("timezone", TruckSettings.timezone),
        ssh_keys=section.path_or_none("ssh_keys"),
        wifi=WifiAccess(ssid, key_file) if key_file else None,
        wifi_country=section.text("wifi_country", TruckSettings.wifi_country),
        state_label=section.text("state_label", ""),
    )
    return {"truck": truck}


_READERS: dict[str, Callable[[_Section], dict[str, Any]]] = {
    "area": lambda s: {"area": s.ident("id")},
    "broker": _broker,
    "door": lambda s: {"door": Door(s.path_or_none("folder"), s.text("ssh", ""), s.text("reload", ""))},
    "wifi": lambda s: {"wifi": WifiAccess(s.text("ssid"), s.path("key_file"))},
    "keys": _keys,
    "api": lambda s: {"api_url": s.text("url").rstrip("/")},
    "modules": _index,
    "records": lambda s: {
        "ledger": s.path("ledger", str(FlashSettings.ledger)), "labels": s.path("labels", str(FlashSettings.labels)),
    },
    "unit": lambda s: {"unit": dict(s._table)},
    "truck": _truck,
}


def device_password(settings: FlashSettings, family: str, device: str) -> str:
    """The password of a device, from its own file or from the accounts file; raises FlashError("secret_file").

    A line `family/id` is this device's; a line with the bare id is only where there is none.
    """
    if settings.accounts is None:
        return read_secret(settings.keys / f"{device}.password")
    accounts: dict[str, str] = {}
    for line in _secret_text(settings.accounts).splitlines():
        user, _, password = line.partition(":")
        if password.strip():
            accounts.setdefault(user.strip(), password.strip())
    for user in (f"{family}/{device}", device):
        if user in accounts:
            return accounts[user]
    raise FlashError("secret_file", file=settings.accounts, what=f"it has no line for {family}/{device} or {device}")


def read_secret(file: Path) -> str:
    """The secret alone in a file, without its line end; refused if others may read it or it is no single line."""
    secret = _secret_text(file).rstrip("\r\n")
    if not secret or "\n" in secret or len(secret) > LONGEST_SECRET:
        raise FlashError("secret_file", file=file, what="it must hold one line")
    return secret


def _secret_text(file: Path) -> str:
    try:
        if file.stat().st_mode & 0o077:
            raise FlashError("secret_file", file=file, what="others on this computer may read it")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise FlashError("secret_file", file=file, what=error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise FlashError("secret_file", file=file, what="it is not text") from error
