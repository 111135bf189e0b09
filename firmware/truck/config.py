"""The truck's configuration: truck.toml, one section per module, unknown keys refused, bounds checked here.

`truck.example.toml` shows every key. Secrets are never in the file: `password_file` and `key_file` name files that
only the agent's user can read (others are refused), or the environment variable ZHANPAI_MQTT_PASSWORD is used.
"""

import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware import wire
from firmware.truck.gps.acceptance import Box
from firmware.truck.outbox.outbox import BATCH_S, LIMIT_MB
from firmware.truck.pins import HIGHEST_PIN, clash

PASSWORD_VARIABLE = "ZHANPAI_MQTT_PASSWORD"  # noqa: S105  (the name of a variable, not a password)


class ConfigError(ValueError):
    """The configuration cannot be used; the text names file, section, key and what to do."""


def _secret(key: str, path: Path) -> bytes:
    """The content of a file that only this program's user can read."""
    try:
        found, mode = path.read_bytes(), path.stat().st_mode
    except OSError as error:
        raise ConfigError(f"{key}: {path} cannot be read ({error.strerror}); correct its path or mode") from error
    if mode & 0o077:
        raise ConfigError(f"{key}: others can read {path}; chmod 600 {path}, and if they may have read it, change it")
    return found


@dataclass(frozen=True, slots=True)
class MqttConfig:
    """Where the broker is and as whom the truck signs in."""

    host: str
    port: int
    password_file: Path | None
    ca_file: Path | None
    cert_file: Path | None
    key_file: Path | None

    def password(self) -> str | None:
        """The password from `password_file` or the environment; None where neither is given. Raises ConfigError."""
        if self.password_file is None:
            return os.environ.get(PASSWORD_VARIABLE)
        return _secret("[mqtt] password_file", self.password_file).decode(errors="replace").strip()

    def check_secrets(self) -> None:
        """Raises ConfigError where a secret cannot be read, or can be by others than this user."""
        self.password()
        if self.key_file is not None:
            _secret("[mqtt] key_file", self.key_file)


@dataclass(frozen=True, slots=True)
class TruckConfig:
    """Everything `python3 -m firmware.truck` is told."""

    truck_id: str
    area: str
    itinerary_file: Path | None
    mqtt: MqttConfig
    gps_port: str
    gps_baud: int
    gps_test_mode: bool
    button_pin: int
    light_pin: int
    gps_light_pin: int | None
    outbox_path: Path
    outbox_limit_mb: int
    outbox_batch_s: float
    district: Box | None


Check = Callable[[Any], str | None]  # the reason why a value is refused, or None


def _id(value: Any) -> str | None:
    return None if wire.is_id(value) else "must be an id: 1-64 of a-z A-Z 0-9 . _ -, no dot first"


def _text(value: Any) -> str | None:
    if not isinstance(value, str) or not value:
        return "must be a text that is not empty"
    return None if value.isprintable() else "holds a character that cannot be seen; write it anew by hand"


def _yes_no(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _integer(low: int, high: int) -> Check:
    def check(value: Any) -> str | None:
        fits = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return None if fits else f"must be an integer from {low} to {high}"

    return check


def _number(low: float, high: float) -> Check:
    def check(value: Any) -> str | None:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        return None if fits else f"must be a number from {low} to {high}"

    return check


_NEEDED = object()
_PIN = _integer(0, HIGHEST_PIN)

# section -> key -> (check, default)
_KEYS: dict[str, dict[str, tuple[Check, Any]]] = {
    "truck": {"id": (_id, _NEEDED), "area": (_id, _NEEDED), "itinerary_file": (_text, None)},
    "mqtt": {
        "host": (_text, _NEEDED),
        "port": (_integer(1, 65535), wire.PORT),
        "password_file": (_text, None),
        "ca_file": (_text, None),
        "cert_file": (_text, None),
        "key_file": (_text, None),
    },
    "gps": {
        "port": (_text, _NEEDED),
        "baud": (_integer(300, 921600), 9600),
        "test_mode": (_yes_no, False),
    },
    "button": {"pin": (_PIN, 17), "light_pin": (_PIN, 27), "gps_light_pin": (_PIN, None)},
    "outbox": {
        "path": (_text, "/var/lib/zhanpai/outbox.db"),
        "limit_mb": (_integer(1, 4096), LIMIT_MB),
        "batch_s": (_number(0, 60), BATCH_S),
    },
    "district": {
        "south": (_number(-90, 90), None),
        "west": (_number(-180, 180), None),
        "north": (_number(-90, 90), None),
        "east": (_number(-180, 180), None),
    },
}


def load(path: Path) -> TruckConfig:
    """The configuration in a file; raises ConfigError."""
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); begin with firmware/truck/truck.example.toml") from error


def parse(text: str, name: str) -> TruckConfig:
    """The configuration in a text that came from `name`; raises ConfigError."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: is not TOML: {error}; compare with firmware/truck/truck.example.toml") from error
    for section, keys in raw.items():
        if section not in _KEYS or not isinstance(keys, dict):
            raise ConfigError(f"{name}: [{section}] is not a section; there are {' '.join(_KEYS)}: remove or rename it")
        for key in keys:
            if key not in _KEYS[section]:
                known = " ".join(_KEYS[section])
                raise ConfigError(f"{name}: [{section}] {key}: no such key; there are {known}: remove or rename it")
    read = {section: _section(name, section, raw.get(section, {})) for section in _KEYS}
    truck, mqtt, gps, button, outbox = (read[s] for s in ("truck", "mqtt", "gps", "button", "outbox"))
    clashing = clash(button, gps["port"]) or clash(button, os.path.realpath(gps["port"]))
    if clashing:
        raise ConfigError(f"{name}: [button] {clashing}")
    if (mqtt["cert_file"] is None) != (mqtt["key_file"] is None) or (mqtt["cert_file"] and not mqtt["ca_file"]):
        raise ConfigError(f"{name}: [mqtt] cert_file: needs key_file and ca_file beside it; add or remove them")
    return TruckConfig(
        truck_id=truck["id"],
        area=truck["area"],
        itinerary_file=_path(truck["itinerary_file"]),
        mqtt=MqttConfig(
            host=mqtt["host"],
            port=mqtt["port"],
            password_file=_path(mqtt["password_file"]),
            ca_file=_path(mqtt["ca_file"]),
            cert_file=_path(mqtt["cert_file"]),
            key_file=_path(mqtt["key_file"]),
        ),
        gps_port=gps["port"],
        gps_baud=gps["baud"],
        gps_test_mode=gps["test_mode"],
        button_pin=button["pin"],
        light_pin=button["light_pin"],
        gps_light_pin=button["gps_light_pin"],
        outbox_path=Path(outbox["path"]),
        outbox_limit_mb=outbox["limit_mb"],
        outbox_batch_s=float(outbox["batch_s"]),
        district=_district(name, read["district"]),
    )


def _section(name: str, section: str, given: dict[str, Any]) -> dict[str, Any]:
    out = {}
    for key, (check, default) in _KEYS[section].items():
        if key not in given:
            if default is _NEEDED:
                raise ConfigError(f"{name}: [{section}] {key}: is missing; add it (see truck.example.toml)")
            out[key] = default
            continue
        reason = check(given[key])
        if reason:
            raise ConfigError(f"{name}: [{section}] {key}: {reason}, got {given[key]!r}; correct it")
        out[key] = given[key]
    return out


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _district(name: str, given: dict[str, Any]) -> Box | None:
    missing = [key for key, value in given.items() if value is None]
    if len(missing) == len(given):
        return None
    if missing:
        raise ConfigError(f"{name}: [district] {missing[0]}: is missing; give all four sides or none")
    if given["south"] >= given["north"] or given["west"] >= given["east"]:
        raise ConfigError(f"{name}: [district] south, west: must be less than north, east; exchange them")
    return Box(**{key: float(value) for key, value in given.items()})
